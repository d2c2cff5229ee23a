from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from environments.access import get_version
from environments.faults import UserFault
from envportal.api import ByAge

from . import log
from .access import get_build
from .models import Build, LockedPackage, Step

LOG_PIECE = 4_000_000  # bytes in one answer


class StepSerializer(serializers.ModelSerializer):
    seconds = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Step
        fields = ["name", "status", "seconds", "summary"]


class PackageSerializer(serializers.ModelSerializer):
    requested_by = serializers.ListField(child=serializers.CharField(), help_text="names of the packages that need it")

    class Meta:
        model = LockedPackage
        fields = [
            "manager", "name", "version", "build", "channel", "subdir", "direct", "requested_by", "url", "sha256", "size",
            "licence",
        ]  # fmt: skip
        extra_kwargs = {"url": {"help_text": "of a private wheel only what follows the address of its workspace"}}


class BuildSummarySerializer(serializers.ModelSerializer):
    workspace = serializers.CharField(source="workspace.name", read_only=True)
    environment = serializers.CharField(source="version.environment.name", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True)
    asked_by = serializers.CharField(source="asked_by.username", read_only=True)
    reused_from = serializers.UUIDField(source="reused_from_id", read_only=True, allow_null=True)
    steps = StepSerializer(many=True, read_only=True)

    class Meta:
        model = Build
        fields = [
            "id", "workspace", "environment", "version", "image_key", "status", "failure", "reason",
            "reused_from", "asked_by", "created", "started", "finished", "steps",
        ]  # fmt: skip
        read_only_fields = fields


class BuildSerializer(BuildSummarySerializer):
    packages = PackageSerializer(source="lock.packages", many=True, read_only=True, default=[])

    class Meta(BuildSummarySerializer.Meta):
        fields = [*BuildSummarySerializer.Meta.fields, "packages"]
        read_only_fields = fields


class BuildList(generics.ListAPIView):
    """The builds of a version, newest first, without their packages. POST asks for one."""

    serializer_class = BuildSummarySerializer
    pagination_class = ByAge

    def get_queryset(self):
        version = get_version(self.request, **self.kwargs)
        return version.builds.with_subject().prefetch_related("steps")

    @extend_schema(
        request=None,
        responses={
            201: OpenApiResponse(BuildSerializer, "queued"),
            200: OpenApiResponse(BuildSerializer, "answered from the build that `reused_from` names"),
        },
    )
    def post(self, request, *args, **kwargs):
        version = get_version(request, **kwargs, permission="builds.add_build")
        build = version.builds.request(version, request.user)
        return Response(BuildSerializer(build).data, status=200 if build.reused_from_id else 201)


class BuildDetail(generics.RetrieveAPIView):
    serializer_class = BuildSerializer

    def get_object(self):
        return get_build(self.request, self.kwargs["pk"])


class OffsetSerializer(serializers.Serializer):
    offset = serializers.IntegerField(min_value=0, max_value=2**62, default=0)


class BuildLog(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("offset", OpenApiTypes.INT, description="bytes to leave out at the start")],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request, pk):
        """The log as text from `offset` on. The header X-Next-Offset says where to go on."""
        build = get_build(request, pk)
        asked = OffsetSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        offset = asked.validated_data["offset"]
        data = log.read(build, offset, LOG_PIECE)
        headers = {"X-Next-Offset": offset + len(data), "X-Content-Type-Options": "nosniff"}
        return HttpResponse(data, content_type="text/plain; charset=utf-8", headers=headers)


class BuildLockFile(APIView):
    """The lock of a build in the form of another tool."""

    @extend_schema(
        responses={(200, "application/octet-stream"): bytes, 409: OpenApiResponse(description="cannot be said so")}
    )
    def get(self, request, pk, file):
        build = get_build(request, pk)
        try:
            content, content_type = build.as_lock_file(file, request.build_absolute_uri("/"))
        except UserFault as fault:
            return Response({"detail": fault.message}, status=409)
        headers = {"Content-Disposition": f'attachment; filename="{file}"', "X-Content-Type-Options": "nosniff"}
        return HttpResponse(content, content_type=content_type, headers=headers)


class BuildCancel(APIView):
    @extend_schema(
        request=None,
        responses={200: BuildSerializer, 409: OpenApiResponse(description="it had ended already")},
    )
    def post(self, request, pk):
        """Cancel a build that has not ended."""
        build = get_build(request, pk, "builds.cancel_build")
        if not build.cancel(request.user):
            build.refresh_from_db(fields=["status"])
            return Response({"detail": f"This build has ended already: {build.status}."}, status=409)
        return Response(BuildSerializer(build).data)
