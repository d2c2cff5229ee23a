from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from environments.access import get_version, get_workspace, require
from environments.faults import Refused, UserFault
from envportal.pages import ByAge

from . import keeping, schedule
from .access import get_build
from .advisories import Assessment
from .build_forms import BuildFilterForm
from .licence_api import LicencesSerializer
from .licensing import Licensing
from .lock_serializers import ChangeSerializer, PackageSerializer
from .models import Build, LicenceRules, Status, Step, VersionLock
from .schedule import Cause


class StepSerializer(serializers.ModelSerializer):
    seconds = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Step
        fields = [
            "name", "status", "started", "ended", "seconds", "summary", "peak_memory", "downloaded", "bytes",
            "packages", "fetched", "linked",
        ]  # fmt: skip


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
            "reason_line", "quote", "advice", "chain", "is_sandboxed", "is_rebuild", "is_refresh", "reused_from", "last_used",
            "freed_at", "freed_why", "asked_by", "created", "started", "finished", "queue", "steps",
        ]  # fmt: skip
        read_only_fields = fields


class KnownAdvisoriesSerializer(serializers.Serializer):
    state = serializers.CharField(
        help_text="assessed, partly assessed, or not assessed: nobody has looked, which does not mean that there are none"
    )
    imported = serializers.DateTimeField(allow_null=True, help_text="when advisories were imported last")
    not_assessed = serializers.IntegerField(help_text="packages of which nothing is known")
    known = serializers.ListField(
        child=serializers.DictField(),
        help_text="id, aliases, manager, package, version, severity, score, vector, summary, fixed, url, ignored",
    )


class WishSerializer(serializers.Serializer):
    """Empty: what is kept. Otherwise one of both."""

    lock = serializers.RegexField(
        r"^[0-9a-f]{64}$", required=False, help_text="install exactly this lock, which was made for the version"
    )
    refresh = serializers.BooleanField(required=False, help_text="resolve anew, whatever is kept")


class BuildSerializer(BuildSummarySerializer):
    advisories = serializers.SerializerMethodField(help_text="of the packages; null without a lock")
    licences = serializers.SerializerMethodField(
        help_text="of the packages, by the workspace's policy; null without a lock"
    )
    packages = PackageSerializer(source="lock.packages", many=True, read_only=True, default=[])
    lock = serializers.CharField(source="lock.digest", read_only=True, default=None, allow_null=True)
    changes = ChangeSerializer(
        source="lock_changes", many=True, read_only=True, allow_null=True, help_text="of a refresh: what moved"
    )

    class Meta(BuildSummarySerializer.Meta):
        fields = [*BuildSummarySerializer.Meta.fields, "lock", "changes", "advisories", "licences", "packages"]
        read_only_fields = fields

    @extend_schema_field(KnownAdvisoriesSerializer(allow_null=True))
    def get_advisories(self, build):
        return Assessment(build.lock.packages.all(), build.workspace).as_data() if build.lock else None

    @extend_schema_field(LicencesSerializer(allow_null=True))
    def get_licences(self, build):
        if not build.lock:
            return None
        return Licensing(build.lock.packages.all(), LicenceRules.objects.for_workspace(build.workspace)).as_data()


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
        request=WishSerializer,
        responses={
            201: OpenApiResponse(BuildSerializer, "queued"),
            200: OpenApiResponse(BuildSerializer, "answered from the build that `reused_from` names"),
            409: OpenApiResponse(description="`detail` says what in policy or quota is against it"),
        },
    )
    def post(self, request, *args, **kwargs):
        version = get_version(request, **kwargs, permission="builds.add_build")
        wish = WishSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        digest, looks = wish.validated_data.get("lock"), wish.validated_data.get("refresh", False)
        if digest or looks:
            require(request, "builds.move_lock", version)
        lock = VersionLock.objects.lock_of(version, digest) if digest else None
        try:
            build = version.builds.request(version, request.user, lock, looks)
        except Refused as fault:
            return Response({"detail": fault.message}, status=409)
        return Response(BuildSerializer(build).data, status=200 if build.reused_from_id else 201)


@extend_schema(
    parameters=[
        OpenApiParameter("environment", str, description="its name"),
        OpenApiParameter("status", str, enum=Status.values),
    ]
)
class WorkspaceBuilds(generics.ListAPIView):
    """The builds of a workspace, or of one environment in it, newest first, with the time that each step took."""

    serializer_class = BuildSummarySerializer
    pagination_class = ByAge

    def get_queryset(self):
        workspace = get_workspace(self.request, self.kwargs["workspace"])
        builds = Build.objects.filter(version__environment__workspace=workspace).with_subject()
        return BuildFilterForm(self.request.query_params).apply_or_raise(builds.prefetch_related("steps"))

    def paginate_queryset(self, queryset):
        return schedule.tell(super().paginate_queryset(queryset))


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
