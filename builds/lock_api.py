"""Locks of the API: one lock, those of a version, a version resolved anew."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from environments.access import get_version
from environments.faults import UserFault
from envportal.pages import ByAge

from . import preview, refresh, schedule
from .access import get_lock
from .advisories import Assessment
from .api import BuildSummarySerializer, KnownAdvisoriesSerializer
from .licence_api import LicencesSerializer
from .licensing import Licensing
from .lock_page import LockPage
from .lock_serializers import ChangeSerializer, DiagnosisSerializer, PackageSerializer, TotalsSerializer
from .lock_views import as_bill
from .models import LicenceRules, VersionLock


def answer_fault(fault):
    """Why a question was not answered, whichever of the two it is."""
    if isinstance(fault, preview.Crowded):
        return Response({"detail": f"{fault} Ask again."}, status=503, headers={"Retry-After": "1"})
    return Response({"detail": "You asked the same again meanwhile."}, status=409)


class PlatformSerializer(serializers.Serializer):
    platform = serializers.ChoiceField(refresh.PLATFORMS, required=False, help_text="empty: that of the portal")


class WantedLockSerializer(PlatformSerializer):
    lock = serializers.RegexField(
        r"^[0-9a-f]{64}$", required=False, help_text="keep this one, which was made for the version; no platform then"
    )


class VersionLockSerializer(serializers.ModelSerializer):
    digest = serializers.CharField(source="lock.digest", read_only=True)
    platform = serializers.CharField(source="lock.platform", read_only=True)
    python = serializers.CharField(source="lock.python", read_only=True)
    workspace = serializers.CharField(source="version.workspace.name", read_only=True)
    environment = serializers.CharField(source="version.environment.name", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True)
    by = serializers.CharField(source="by.username", read_only=True)

    class Meta:
        model = VersionLock
        fields = [
            "digest", "platform", "python", "workspace", "environment", "version", "by", "created", "kept_at",
            "is_refresh",
        ]  # fmt: skip
        read_only_fields = fields


class LockedSerializer(PackageSerializer):
    because_of = serializers.ListField(
        child=serializers.CharField(), help_text="from a package that was asked for to the one that needs this"
    )

    class Meta(PackageSerializer.Meta):
        fields = [*PackageSerializer.Meta.fields, "because_of"]


class BroughtSerializer(serializers.Serializer):
    """What one package that was asked for leads to, itself included."""

    manager = serializers.CharField(source="package.manager")
    name = serializers.CharField(source="package.name")
    packages = serializers.IntegerField()
    size = serializers.IntegerField(help_text="bytes to download")
    alone = serializers.IntegerField(help_text="those of the packages that nothing else that was asked for leads to")
    alone_size = serializers.IntegerField(help_text="bytes of these")


class LockSerializer(serializers.Serializer):
    digest = serializers.CharField()
    platform = serializers.CharField()
    python = serializers.CharField()
    created = serializers.DateTimeField()
    totals = TotalsSerializer()
    installed_size = serializers.IntegerField(allow_null=True, help_text="bytes on disk, where a build has shown it")
    files = serializers.DictField(child=serializers.CharField(), help_text="what it can be downloaded as, in words")
    advisories = KnownAdvisoriesSerializer(help_text="of its packages, with what the workspace of its version ignores")
    licences = LicencesSerializer(help_text="of its packages, by the policy of the workspace of its version")
    versions = VersionLockSerializer(many=True, help_text="those you may see, the newest 50")
    builds = BuildSummarySerializer(many=True, help_text="those you may see, the newest 50")
    packages = LockedSerializer(many=True)
    brings = BroughtSerializer(
        many=True,
        help_text="for each package that was asked for, the largest first; empty where nobody says who needs whom",
    )


class RefreshSerializer(serializers.Serializer):
    digest = serializers.CharField(source="lock.digest", default=None, allow_null=True)
    kept = serializers.CharField(source="kept.digest", default=None, allow_null=True, help_text="what builds take now")
    moved = serializers.BooleanField()
    changes = ChangeSerializer(many=True)
    totals = TotalsSerializer()
    failure = DiagnosisSerializer(source="answer.failure", allow_null=True)
    needs_build = serializers.BooleanField(
        source="answer.needs_build", help_text="it failed only because a build may take more, and ask more addresses"
    )
    platform = serializers.CharField(source="answer.platform")
    python = serializers.CharField(source="answer.python")
    seconds = serializers.FloatField(source="answer.seconds")


class Refresh(generics.GenericAPIView):
    """Resolve a version anew, and say what that changes against the lock that is kept. Builds take it once you ask."""

    serializer_class = RefreshSerializer

    @extend_schema(request=PlatformSerializer, responses=RefreshSerializer)
    def post(self, request, workspace, name, number):
        version = get_version(request, workspace, name, number, permission="builds.move_lock")
        asked = PlatformSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        platform = asked.validated_data.get("platform", "")
        try:
            found = refresh.look(version, request.user, ("api", request.user.pk, version.pk, platform), platform)
        except (preview.Superseded, preview.Crowded) as fault:
            return answer_fault(fault)
        return Response(self.get_serializer(found).data)


class VersionLocks(generics.ListAPIView):
    """The locks that were made for a version, newest first. POST makes one for a platform, or keeps one."""

    serializer_class = VersionLockSerializer
    pagination_class = ByAge

    def get_queryset(self):
        version = get_version(self.request, **self.kwargs)
        return version.locks.select_related("lock", "by", "version__environment__workspace")

    @extend_schema(
        request=WantedLockSerializer,
        responses={
            200: OpenApiResponse(VersionLockSerializer, "the lock that is kept for the platform"),
            409: OpenApiResponse(DiagnosisSerializer, "why packages cannot be had"),
        },
    )
    def post(self, request, *args, **kwargs):
        version = get_version(request, **kwargs, permission="builds.move_lock")
        wanted = WantedLockSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        if digest := wanted.validated_data.get("lock"):
            row = VersionLock.objects.adopt(version, VersionLock.objects.lock_of(version, digest), request.user)
            return Response(self.get_serializer(row).data)
        platform = wanted.validated_data.get("platform") or refresh.PLATFORMS[0]
        try:
            row, failure = refresh.lock_for(version, request.user, ("api", request.user.pk, version.pk), platform)
        except (preview.Superseded, preview.Crowded) as fault:
            return answer_fault(fault)
        if failure:
            return Response(DiagnosisSerializer(failure).data, status=409)
        return Response(self.get_serializer(row).data)


class LockDetail(generics.GenericAPIView):
    """A lock, with the versions and builds that have it. It is there for whoever may see one of these."""

    serializer_class = LockSerializer

    def get(self, request, digest):
        lock = get_lock(request, digest)
        page = LockPage(lock, request.user)
        schedule.tell(page.builds)
        rows = page.packages()
        packages = [{**row.package.as_dict(), "because_of": row.because_of} for row in rows]
        said = {field: getattr(lock, field) for field in ("digest", "platform", "python", "created", "files")}
        said |= {
            "installed_size": lock.installed_size,
            "totals": page.totals,
            "packages": packages,
            "brings": page.brought,
        }
        workspace = page.version.workspace
        said["advisories"] = Assessment(page.values, workspace).as_data()
        said["licences"] = Licensing(page.values, LicenceRules.objects.for_workspace(workspace)).as_data()
        return Response(self.get_serializer(said | {"versions": page.rows, "builds": page.builds}).data)


class LockBill(APIView):
    """The software bill of materials of a lock: CycloneDX 1.6."""

    @extend_schema(responses={(200, "application/vnd.cyclonedx+json"): bytes})
    def get(self, request, digest):
        return as_bill(LockPage(get_lock(request, digest), request.user))


class LockFile(APIView):
    """A lock in the form of another tool."""

    @extend_schema(
        responses={(200, "application/octet-stream"): bytes, 409: OpenApiResponse(description="cannot be said so")}
    )
    def get(self, request, digest, file):
        page = LockPage(get_lock(request, digest), request.user)
        try:
            content, content_type = page.lock.as_file(file, page.version, request.build_absolute_uri("/"))
        except UserFault as fault:
            return Response({"detail": fault.message}, status=409)
        headers = {"Content-Disposition": f'attachment; filename="{file}"', "X-Content-Type-Options": "nosniff"}
        return HttpResponse(content, content_type=content_type, headers=headers)
