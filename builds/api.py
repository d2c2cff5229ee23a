from dataclasses import replace

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from environments import definition as definitions
from environments.access import get_version, get_workspace
from environments.faults import UserFault
from environments.models import Rule
from envportal.pages import ByAge

from . import keeping, preview, schedule
from .access import get_build
from .models import Build, LockedPackage, Step
from .schedule import Cause


class StepSerializer(serializers.ModelSerializer):
    seconds = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Step
        fields = [
            "name", "status", "started", "ended", "seconds", "summary", "peak_memory", "downloaded", "bytes",
            "packages", "fetched", "linked",
        ]  # fmt: skip


class PackageSerializer(serializers.ModelSerializer):
    requested_by = serializers.ListField(child=serializers.CharField(), help_text="names of the packages that need it")

    class Meta:
        model = LockedPackage
        fields = [
            "manager", "name", "version", "build", "channel", "subdir", "direct", "requested_by", "url", "sha256", "size",
            "licence",
        ]  # fmt: skip
        extra_kwargs = {"url": {"help_text": "of a private wheel only what follows the address of its workspace"}}


class WaitSerializer(serializers.Serializer):
    """Why a queued build has not begun."""

    place = serializers.IntegerField(allow_null=True, help_text="1 is next; null for one that waits for a twin")
    before = serializers.IntegerField(allow_null=True, help_text="how many begin before it, as things are now")
    cause = serializers.ChoiceField(Cause.choices)
    reason = serializers.CharField(help_text="the cause as a sentence")
    waits_for = serializers.UUIDField(source="twin.pk", default=None, help_text="the build of the same packages")


class BuildSummarySerializer(serializers.ModelSerializer):
    workspace = serializers.CharField(source="workspace.name", read_only=True)
    environment = serializers.CharField(source="version.environment.name", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True)
    asked_by = serializers.CharField(source="asked_by.username", read_only=True)
    reused_from = serializers.UUIDField(source="reused_from_id", read_only=True, allow_null=True)
    advice = serializers.CharField(read_only=True, help_text="what to do about the failure")
    chain = serializers.ListField(child=serializers.CharField(), read_only=True)
    steps = StepSerializer(many=True, read_only=True)
    queue = WaitSerializer(source="wait", read_only=True, allow_null=True, help_text="null when it does not wait")

    class Meta:
        model = Build
        fields = [
            "id", "workspace", "environment", "version", "image_key", "status", "failure", "reason",
            "reason_line", "quote", "advice", "chain", "is_sandboxed", "is_rebuild", "reused_from", "last_used", "freed_at",
            "freed_why", "asked_by", "created", "started", "finished", "queue", "steps",
        ]  # fmt: skip
        read_only_fields = fields


class BuildSerializer(BuildSummarySerializer):
    packages = PackageSerializer(source="lock.packages", many=True, read_only=True, default=[])

    class Meta(BuildSummarySerializer.Meta):
        fields = [*BuildSummarySerializer.Meta.fields, "packages"]
        read_only_fields = fields


class PreviewPackageSerializer(serializers.Serializer):
    manager = serializers.CharField()
    name = serializers.CharField()
    version = serializers.CharField()
    direct = serializers.BooleanField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class DiagnosisSerializer(serializers.Serializer):
    failure = serializers.CharField()
    reason = serializers.CharField()


class ResolveSerializer(serializers.Serializer):
    definition = serializers.JSONField(write_only=True)
    workspace = serializers.CharField(write_only=True, required=False, help_text="whose private wheels may be named")
    fits = serializers.BooleanField(read_only=True)
    failure = DiagnosisSerializer(read_only=True, allow_null=True)
    python = serializers.CharField(read_only=True)
    platform = serializers.CharField(read_only=True)
    image_key = serializers.CharField(read_only=True)
    seconds = serializers.FloatField(read_only=True)
    size = serializers.IntegerField(read_only=True, help_text="bytes to download")
    packages = PreviewPackageSerializer(many=True, read_only=True)


class Resolve(generics.GenericAPIView):
    """What a definition would install, or why it cannot be. Nothing is registered."""

    serializer_class = ResolveSerializer

    @extend_schema(
        responses={
            200: ResolveSerializer,
            409: OpenApiResponse(description="the same person asked something newer"),
            503: OpenApiResponse(description="others keep all places; who asks again within a minute keeps its turn"),
        }
    )
    def post(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        name = serializer.validated_data.get("workspace")
        workspace = get_workspace(request, name) if name else None
        policy = Rule.objects.policy(workspace)
        if not workspace:
            policy = replace(policy, wheels=frozenset())
        definition = definitions.read(serializer.validated_data["definition"], policy)
        try:
            answer = preview.resolve(definition, ("api", request.user.pk), request.user.pk)
        except preview.Superseded:
            return Response({"detail": "You asked something newer meanwhile."}, status=409)
        except preview.Crowded as fault:
            return Response({"detail": f"{fault} Ask again."}, status=503, headers={"Retry-After": "1"})
        return Response(self.get_serializer(answer).data)


class BuildList(generics.ListAPIView):
    """The builds of a version, newest first, without their packages. POST asks for one."""

    serializer_class = BuildSummarySerializer
    pagination_class = ByAge

    def get_queryset(self):
        version = get_version(self.request, **self.kwargs)
        return version.builds.with_subject().prefetch_related("steps")

    def paginate_queryset(self, queryset):
        return schedule.tell(super().paginate_queryset(queryset))

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

    @extend_schema(responses={204: None, 409: OpenApiResponse(description="`detail` says why it stays")})
    def delete(self, request, pk):
        """Delete the record of a build that ended, with its log and its files."""
        try:
            keeping.delete(get_build(request, pk, "builds.delete_build"))
        except keeping.Refused as fault:
            return Response({"detail": fault.message}, status=409)
        return Response(status=204)


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
            build.refresh_from_db(fields=["status", "reason"])
            return Response({"detail": build.too_late}, status=409)
        return Response(BuildSerializer(build).data)
