from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from environments.access import get_workspace

from .inventory import ByPackage, Inventory
from .inventory_forms import InventoryForm
from .inventory_views import as_bill, as_spreadsheet

EVERY = OpenApiParameter("versions", str, description="every: all locked versions; else the newest of each environment")
PARAMETERS = [
    OpenApiParameter("q", str, description="words in the name of the package"),
    OpenApiParameter("manager", str, description="conda or pip"),
    OpenApiParameter("licence", str, description="a part of the licence, as packages say it"),
    OpenApiParameter("verdict", str, description="of the licence policy: allowed, review, unknown or denied"),
    OpenApiParameter("advisories", str, description="known: only packages that an advisory means, ignored or not"),
    EVERY,
]


class InventoryCountsSerializer(serializers.Serializer):
    packages = serializers.IntegerField(help_text="in all, whatever is asked for")
    environments = serializers.IntegerField()
    locked = serializers.IntegerField(help_text="environments that have a lock")
    unlocked = serializers.IntegerField(help_text="environments of which nothing is known: never built")


class InventoryLineSerializer(serializers.Serializer):
    package = serializers.CharField()
    manager = serializers.CharField()
    versions = serializers.ListField(child=serializers.CharField(), help_text="the newest first")
    environments = serializers.IntegerField(help_text="that have it in any of these versions")
    licences = serializers.ListField(child=serializers.CharField())
    verdict = serializers.CharField(allow_null=True, help_text="the worst of its licences; null without a policy")
    advisories = serializers.ListField(child=serializers.CharField(), help_text="known and not ignored")
    ignored = serializers.ListField(child=serializers.CharField())
    assessed = serializers.CharField(help_text="assessed, partly assessed or not assessed, which is not none")


class InventorySerializer(serializers.Serializer):
    counts = InventoryCountsSerializer()
    results = InventoryLineSerializer(many=True)
    next = serializers.URLField(allow_null=True)


def _form(request):
    form = InventoryForm(request.query_params)
    if not form.is_valid():
        raise ValidationError({field: list(faults) for field, faults in form.errors.items()})
    return form


class InventoryList(APIView):
    """What a workspace installs: each package once, by name, with its versions and what is known of it."""

    @extend_schema(parameters=[*PARAMETERS, OpenApiParameter("cursor", str)], responses=InventorySerializer)
    def get(self, request, workspace):
        workspace, form, pages = get_workspace(request, workspace), _form(request), ByPackage()
        found = Inventory(workspace, form.is_every)
        lines = found.lines(pages.paginate_queryset(form.apply(found), request))
        said = {"counts": found.counts, "results": [line.as_data() for line in lines]}
        return Response(said | {"next": pages.get_next_link()})


class InventoryExport(APIView):
    """The same, whole, as CSV."""

    @extend_schema(parameters=PARAMETERS, responses={(200, "text/csv"): bytes})
    def get(self, request, workspace):
        return as_spreadsheet(get_workspace(request, workspace), _form(request))


class WorkspaceBill(APIView):
    """The software bill of materials of a workspace: CycloneDX 1.6, each file once, with the versions that have it."""

    @extend_schema(parameters=[EVERY], responses={(200, "application/vnd.cyclonedx+json"): bytes})
    def get(self, request, workspace):
        return as_bill(get_workspace(request, workspace), _form(request).is_every)
