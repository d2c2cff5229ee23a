from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from . import storage
from .models import Cleanup, DiskUse, Machine
from .storage_views import with_builds


class SeesStorage(BasePermission):
    """Auditors see it, administrators clean it."""

    message = "Storage is for administrators."

    def has_permission(self, request, view):
        verb = "view" if request.method in SAFE_METHODS else "clean"
        return request.user.has_perm(f"builds.{verb}_storage")


PERMISSIONS = [*api_settings.DEFAULT_PERMISSION_CLASSES, SeesStorage]


class ByPage(PageNumberPagination):
    """`{"results": [...], "next": URL or null}`, as every list."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200

    def get_paginated_response(self, data):
        return Response({"results": data, "next": self.get_next_link()})

    def get_paginated_response_schema(self, schema):
        link = {"type": "string", "format": "uri", "nullable": True}
        return {"type": "object", "required": ["results", "next"], "properties": {"results": schema, "next": link}}


class UseSerializer(serializers.ModelSerializer):
    class Meta:
        model = DiskUse
        fields = ["kind", "size", "files"]


class MachineSerializer(serializers.ModelSerializer):
    uses = UseSerializer(many=True, read_only=True)

    class Meta:
        model = Machine
        fields = ["name", "counted_at", "cleaned_at", "free", "uses"]


class StorageSerializer(serializers.Serializer):
    size = serializers.IntegerField(source="all_size", help_text="bytes that the files of all builds take")
    archives = serializers.SerializerMethodField(help_text="bytes of the archives among these")
    budget = serializers.IntegerField(source="policy.budget", help_text="bytes that they may take; 0: no limit")
    builds = serializers.SerializerMethodField(help_text="that have files")
    would_free = serializers.IntegerField(source="size", help_text="bytes")
    builds_to_free = serializers.SerializerMethodField()
    overdraft = serializers.IntegerField(help_text="bytes of what is kept that are over the budget")
    plan = serializers.CharField(source="token", help_text="to be named to `clean/`, so that it does this and no other")
    machines = serializers.SerializerMethodField()

    def get_archives(self, plan) -> int:
        return plan.archives[0]

    def get_builds(self, plan) -> int:
        return len(plan.decisions)

    def get_builds_to_free(self, plan) -> int:
        return len(plan.freed)

    @extend_schema(responses=MachineSerializer(many=True))
    def get_machines(self, plan) -> list[dict]:
        return MachineSerializer(Machine.objects.known().order_by("name").prefetch_related("uses"), many=True).data


class DecisionSerializer(serializers.Serializer):
    id = serializers.UUIDField(source="row.pk")
    workspace = serializers.CharField(source="row.workspace.name")
    environment = serializers.CharField(source="row.version.environment.name")
    version = serializers.IntegerField(source="row.version.number")
    worker = serializers.CharField(source="row.worker")
    size = serializers.IntegerField(source="decision.size", help_text="bytes")
    used = serializers.DateTimeField(source="decision.facts.used")
    is_freed = serializers.BooleanField(source="decision.is_freed", help_text="whether a clean-up would free it")
    why = serializers.CharField(source="decision.why")


class WorkspaceUseSerializer(serializers.Serializer):
    """Bytes of each kind."""

    name = serializers.CharField()
    prefixes = serializers.IntegerField()
    logs = serializers.IntegerField()
    wheels = serializers.IntegerField()
    size = serializers.IntegerField()
    can_go = serializers.IntegerField()


class CleanupSerializer(serializers.ModelSerializer):
    plan = serializers.CharField(write_only=True, help_text="as `storage/` says it")

    class Meta:
        model = Cleanup
        fields = ["started", "builds", "size", "plan"]
        read_only_fields = ["started", "builds", "size"]


class Storage(APIView):
    """What builds take, and what a clean-up would free."""

    permission_classes = PERMISSIONS

    @extend_schema(responses=StorageSerializer)
    def get(self, request):
        return Response(StorageSerializer(storage.make_plan()).data)


class StorageBuilds(generics.ListAPIView):
    """Every build that has files, with what a clean-up would do with it and why; least recently used first."""

    permission_classes = PERMISSIONS
    serializer_class = DecisionSerializer
    pagination_class = ByPage

    def list(self, request, *args, **kwargs):
        decisions = self.paginate_queryset(storage.make_plan().decisions)
        return self.get_paginated_response(self.get_serializer(with_builds(decisions), many=True).data)

    def get_queryset(self):  # asked for by the schema alone
        return Cleanup.objects.none()


class StorageWorkspaces(generics.ListAPIView):
    """What each workspace takes, the largest first."""

    permission_classes = PERMISSIONS
    serializer_class = WorkspaceUseSerializer
    pagination_class = ByPage

    def get_queryset(self):
        return storage.by_workspace(storage.make_plan())


class StorageClean(APIView):
    """Free what the plan says that was shown."""

    permission_classes = PERMISSIONS

    @extend_schema(
        request=CleanupSerializer,
        responses={200: CleanupSerializer, 409: OpenApiResponse(description="the plan is another one by now")},
    )
    def post(self, request):
        asked = CleanupSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            cleanup = storage.clean(request.user, asked.validated_data["plan"])
        except storage.Changed:
            return Response({"detail": "What would be freed has changed since you looked. Look again."}, status=409)
        return Response(CleanupSerializer(cleanup).data)
