from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from environments.access import get_version
from envportal.api import ByAge

from .access import get_build
from .models import Build, LockedPackage, Step


class StepSerializer(serializers.ModelSerializer):
    seconds = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Step
        fields = ["name", "status", "seconds", "summary"]


class PackageSerializer(serializers.ModelSerializer):
    class Meta:
        model = LockedPackage
        fields = ["manager", "name", "version", "direct", "url", "sha256", "size"]
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
