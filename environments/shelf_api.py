"""Curated environments in the API: the shelf, the life of one, who uses it, and what a copy is offered."""

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response

from envportal.pages import ByName

from . import origins
from .access import get_environment
from .api import EnvironmentSerializer, FindingSerializer, VersionSerializer
from .faults import UserFault
from .models import Curation, Environment, Stage, Version, Workspace
from .portal_roles import curates
from .shelf_forms import ShelfForm
from .shelf_views import get_curated, require_curator


class CuratedList(generics.ListAPIView):
    """The shelf. The same stand in the list of every workspace; curators make one under the shelf's own workspace."""

    serializer_class = EnvironmentSerializer
    pagination_class = ByName

    def get_queryset(self):
        found = ShelfForm(self.request.query_params).apply(Environment.objects.on_shelf())
        return found.select_related("workspace", "created_by", "curation__successor").with_details()

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, description="words that stand in name, description or names of packages"),
            OpenApiParameter("hardware", str, description="as the tag says it"),
            OpenApiParameter("stage", str, enum=Stage.values, description="without it all but archived ones"),
        ]
    )
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)


class LifeSerializer(serializers.Serializer):
    """What is given is changed. What is told of its end goes when it does not end any more."""

    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    tags = serializers.DictField(required=False, child=serializers.CharField(allow_blank=True))
    stage = serializers.ChoiceField(Stage.choices, required=False)
    ends = serializers.DateField(required=False, allow_null=True, help_text="the last day before it is archived")
    reason = serializers.CharField(required=False, allow_blank=True, max_length=1000)
    successor = serializers.CharField(required=False, allow_null=True, help_text="name of a curated environment")

    def validate_successor(self, name):
        found = Workspace.objects.shelf().environments.filter(name=name).select_related("workspace").first()
        if name and not found:
            raise serializers.ValidationError(f"There is no curated environment {name}.")
        return found


class CuratedDetail(generics.RetrieveAPIView):
    """One of the shelf. Curators PATCH its description, tags and lifecycle."""

    serializer_class = EnvironmentSerializer

    def get_object(self):
        return get_curated(self.request, self.kwargs["name"])

    @extend_schema(request=LifeSerializer, responses=EnvironmentSerializer)
    def patch(self, request, name):
        require_curator(request)
        curated = get_curated(request, name)
        wanted = LifeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        Curation.objects.with_subject().get(environment=curated).edit(request.user, **wanted.validated_data)
        return Response(EnvironmentSerializer(get_curated(request, name), context={"request": request}).data)


class UserSerializer(serializers.ModelSerializer):
    """A copy, by its latest version; or a workspace that ran in it itself, whose `version` and `origin` are null."""

    workspace = serializers.CharField(source="environment.workspace.name")
    environment = serializers.CharField(source="environment.name")
    version = serializers.IntegerField(source="number", allow_null=True)
    origin = serializers.CharField(source="origin.curated_name", allow_null=True)
    owners = serializers.SerializerMethodField()
    runs = serializers.IntegerField(source="run_count", help_text="of this version; in it itself within a year")
    last_run = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = Version
        fields = ["workspace", "environment", "version", "origin", "owners", "runs", "last_run"]

    def get_owners(self, version) -> list[str]:
        return [membership.user.username for membership in version.environment.workspace.owners]


class CuratedUsers(generics.GenericAPIView):
    """Whose latest version was made from it: for curators all, for others what they may see."""

    serializer_class = UserSerializer

    @extend_schema(responses=UserSerializer(many=True))
    def get(self, request, name):
        curation = get_curated(request, name).curation
        seen = None if curates(request.user) else Workspace.objects.worked_in_by(request.user)
        Curation.objects.tell_users([curation], seen)
        told = self.get_serializer(curation.users, many=True).data
        return Response([*told, *(_as_user(curation, runner) for runner in curation.runners)])


def _as_user(curation, runner):
    return {
        "workspace": runner.workspace.name,
        "environment": curation.environment.name,
        "version": None,
        "origin": None,
        "owners": [membership.user.username for membership in runner.workspace.owners],
        "runs": runner.runs,
        "last_run": runner.last_run,
    }


class OwnChangeSerializer(serializers.Serializer):
    kind = serializers.CharField(help_text="added, removed, moved or changed")
    about = serializers.CharField()
    name = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class OfferSerializer(serializers.Serializer):
    """The next version of a copy: what the newer curated version says, with what the copy changed."""

    origin = serializers.CharField(source="latest.origin.curated_name", help_text="what it was made from")
    target = serializers.CharField(source="target.curated_name", help_text="what it moves to")
    conda = serializers.CharField(source="rebased.draft.conda")
    definition = serializers.JSONField(source="definition.document")
    own = OwnChangeSerializer(source="rebased.own", many=True, help_text="what the copy changed against its origin")
    changes = OwnChangeSerializer(many=True, help_text="against its latest version")
    clashes = serializers.ListField(child=serializers.CharField(), source="rebased.clashes")
    findings = FindingSerializer(source="definition.findings", many=True)


class TargetSerializer(serializers.Serializer):
    to = serializers.CharField(required=False, help_text="AzureML-Minimal/3; without it what is offered")


class Origin(generics.GenericAPIView):
    """What the copy of a curated environment is offered. POST registers it as the next version."""

    serializer_class = TargetSerializer

    def _offer(self, asked, verb):
        environment = get_environment(self.request, **self.kwargs, permission=f"environments.{verb}_environment")
        latest = environment.latest
        to = asked.get("to")
        target = Version.objects.curated_named(to) if to else origins.offered_to(latest)
        return environment, target and origins.Offer.of(latest, target, environment.workspace)

    @extend_schema(
        parameters=[OpenApiParameter("to", str, description="AzureML-Minimal/3; without it what is offered")],
        responses={200: OfferSerializer, 204: OpenApiResponse(description="nothing newer is there")},
    )
    def get(self, request, *args, **kwargs):
        _, offer = self._offer(request.query_params, "view")
        return Response(OfferSerializer(offer).data) if offer else Response(status=204)

    @extend_schema(
        request=TargetSerializer,
        responses={
            201: OpenApiResponse(VersionSerializer, "registered"),
            200: OpenApiResponse(VersionSerializer, "an identical definition is there already"),
        },
    )
    def post(self, request, *args, **kwargs):
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        environment, offer = self._offer(wanted.validated_data, "change")
        if not offer:
            raise UserFault("Nothing newer is there. Name what it moves to.", "to")
        version, is_new = offer.register(environment, request.user)
        return Response(VersionSerializer(version).data, status=201 if is_new else 200)
