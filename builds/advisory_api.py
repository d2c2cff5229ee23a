from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from . import advisory_views
from .advisory_forms import AdvisoryFilterForm
from .advisory_models import LONGEST_REASON, Advisory, AdvisoryImport, Affected, Ignored


class AffectedSerializer(serializers.ModelSerializer):
    class Meta:
        model = Affected
        fields = ["name", "ranges", "versions"]
        extra_kwargs = {"ranges": {"help_text": "[[event, version], …] for each range, by PEP 440"}}


class AdvisorySerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="osv_id")
    aliases = serializers.ListField(child=serializers.CharField())
    packages = serializers.SerializerMethodField()

    class Meta:
        model = Advisory
        fields = ["id", "aliases", "summary", "severity", "score", "vector", "url", "modified", "packages"]

    def get_packages(self, advisory) -> list[str]:
        return [each.name for each in advisory.affected.all()]


class IgnoredSerializer(serializers.ModelSerializer):
    workspace = serializers.CharField(source="workspace.name", default=None, read_only=True, allow_null=True)
    by = serializers.CharField(source="by.username", read_only=True)
    ended_by = serializers.CharField(source="ended_by.username", default=None, read_only=True, allow_null=True)
    reason = serializers.CharField(max_length=LONGEST_REASON)

    class Meta:
        model = Ignored
        fields = ["workspace", "reason", "until", "by", "created", "ended", "ended_by", "is_in_force"]
        read_only_fields = ["created", "ended", "is_in_force"]
        extra_kwargs = {"workspace": {"help_text": "null: in all workspaces"}}


class AdvisoryDetailSerializer(AdvisorySerializer):
    affected = AffectedSerializer(many=True)
    ignored = serializers.SerializerMethodField()

    class Meta(AdvisorySerializer.Meta):
        fields = [*AdvisorySerializer.Meta.fields, "affected", "ignored"]

    @extend_schema(responses=IgnoredSerializer(many=True))
    def get_ignored(self, advisory) -> list[dict]:
        return IgnoredSerializer(advisory_views.ignored_by(advisory, self.context["request"].user), many=True).data


class ImportSerializer(serializers.ModelSerializer):
    class Meta:
        model = AdvisoryImport
        fields = ["at", "advisories", "unread"]


class AdvisoryPages(advisory_views.ByModified):
    """Says beside the list when it was imported: before that an empty one means nothing."""

    def get_paginated_response(self, data):
        last = AdvisoryImport.objects.last_good()
        answer = super().get_paginated_response(data)
        answer.data["imported"] = ImportSerializer(last).data if last else None
        return answer

    def get_paginated_response_schema(self, schema):
        found = super().get_paginated_response_schema(schema)
        found["properties"]["imported"] = {
            "type": "object",
            "nullable": True,
            "description": "the last import: at, advisories, unread; null where nothing was ever imported",
        }
        return found


class AdvisoryList(generics.ListAPIView):
    """The advisories that were imported, those that changed last first."""

    serializer_class = AdvisorySerializer
    pagination_class = AdvisoryPages

    @extend_schema(
        parameters=[
            OpenApiParameter("package", str, description="only those about this project of PyPI"),
            OpenApiParameter("name", str, description="only the one with this id or alias, such as a CVE"),
            OpenApiParameter("severity", str, description="critical, high, medium, low or none"),
        ]
    )
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    def get_queryset(self):
        form = AdvisoryFilterForm(self.request.query_params)
        if not form.is_valid():
            raise ValidationError({field: list(faults) for field, faults in form.errors.items()})
        return form.found.prefetch_related("affected")


class AdvisoryDetail(generics.RetrieveAPIView):
    """One advisory, by its id or an alias."""

    serializer_class = AdvisoryDetailSerializer

    def get_object(self):
        return advisory_views.get_advisory(self.kwargs["osv_id"])


def _put(request, osv_id, workspace):
    advisory = advisory_views.get_advisory(osv_id)
    serializer = IgnoredSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    made = Ignored.objects.ignore(advisory, workspace, by=request.user, **serializer.validated_data)
    return Response(IgnoredSerializer(made).data)


def _end(request, osv_id, workspace):
    advisory = advisory_views.get_advisory(osv_id)
    if not Ignored.objects.end(advisory.osv_id, workspace, request.user):
        return Response({"detail": "It is not ignored there."}, status=409)
    return Response(status=204)


class Ignore(APIView):
    """Ignore an advisory in a workspace: why, and until when. DELETE takes it back; the record stays."""

    @extend_schema(request=IgnoredSerializer, responses=IgnoredSerializer)
    def put(self, request, workspace, osv_id):
        return _put(request, osv_id, advisory_views.get_place(request, workspace))

    @extend_schema(responses={204: None, 409: OpenApiResponse(description="it was not ignored there")})
    def delete(self, request, workspace, osv_id):
        return _end(request, osv_id, advisory_views.get_place(request, workspace))


class IgnoreEverywhere(APIView):
    """The same for all workspaces, which administrators alone may."""

    @extend_schema(request=IgnoredSerializer, responses=IgnoredSerializer)
    def put(self, request, osv_id):
        return _put(request, osv_id, advisory_views.get_place(request, None))

    @extend_schema(responses={204: None, 409: OpenApiResponse(description="it was not ignored")})
    def delete(self, request, osv_id):
        return _end(request, osv_id, advisory_views.get_place(request, None))
