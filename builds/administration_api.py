from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from environments.access import get_workspace
from environments.faults import UserFault
from environments.models import Workspace
from envportal.pages import ByName

from . import quotas, schedule
from .administration import Line, Summary, workers
from .api import BuildSummarySerializer
from .models import Build, Share, Worker
from .schedule import Place
from .storage_api import ByPage
from .worker_models import State


class Administers(BasePermission):
    message = "This is for administrators of the portal."

    def has_permission(self, request, view):
        return request.user.has_perm("environments.administer")


class Looks(Administers):
    """Auditors see how the portal is, and change nothing."""

    def has_permission(self, request, view):
        verb = "view_administration" if request.method in SAFE_METHODS else "administer"
        return request.user.has_perm(f"environments.{verb}")


PERMISSIONS = [*api_settings.DEFAULT_PERMISSION_CLASSES, Administers]
LOOKS = [*api_settings.DEFAULT_PERMISSION_CLASSES, Looks]


class AdministrationSerializer(serializers.Serializer):
    """How the portal is."""

    workers = serializers.IntegerField(source="alive", help_text="that are running")
    draining = serializers.IntegerField(help_text="of these")
    other = serializers.IntegerField(help_text="of these, whose version is another than the portal's")
    silent = serializers.IntegerField(help_text="workers that are known and not heard of")
    running = serializers.IntegerField(help_text="builds")
    waiting = serializers.IntegerField(help_text="builds")
    size = serializers.IntegerField(source="plan.all_size", help_text="bytes that files of builds take")
    budget = serializers.IntegerField(help_text="bytes that they may take; 0: no limit")
    full = serializers.ListField(child=serializers.CharField(), help_text="workspaces that take all that they may")


class WorkerSerializer(serializers.ModelSerializer):
    host = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(State.choices, read_only=True)
    is_other = serializers.BooleanField(read_only=True, help_text="whether its version is another than the portal's")
    pythons = serializers.ListField(child=serializers.CharField(), read_only=True)
    builds = serializers.SerializerMethodField(help_text="that it is at now")

    class Meta:
        model = Worker
        fields = [
            "id", "name", "host", "state", "is_draining", "slots", "builds", "version", "is_other", "uv", "rattler", "platform",
            "pythons", "is_sandboxed", "sandbox_note", "cores", "load", "free_disk", "free_memory", "started", "heard_at",
        ]  # fmt: skip
        read_only_fields = [name for name in fields if name != "is_draining"]

    def get_builds(self, worker) -> list[str]:
        return [str(build.pk) for build in worker.at_work]


class QueueSerializer(BuildSummarySerializer):
    worker = serializers.CharField(read_only=True)

    class Meta(BuildSummarySerializer.Meta):
        fields = [*BuildSummarySerializer.Meta.fields, "worker", "priority"]
        read_only_fields = fields


class MoveSerializer(serializers.Serializer):
    to = serializers.ChoiceField(Place.choices)


class QuotaSerializer(serializers.Serializer):
    """What a workspace takes of what it may, in bytes and builds."""

    workspace = serializers.CharField(read_only=True)
    size = serializers.IntegerField(read_only=True, help_text="bytes of all that counts")
    prefixes = serializers.IntegerField(read_only=True)
    archives = serializers.IntegerField(read_only=True)
    wheels = serializers.IntegerField(read_only=True)
    limit = serializers.IntegerField(read_only=True, help_text="bytes; 0: no limit")
    running = serializers.IntegerField(read_only=True)
    queued = serializers.IntegerField(read_only=True)
    most = serializers.IntegerField(source="at_once", read_only=True, help_text="builds at once; 0: they are paused")


class WishedQuotaSerializer(serializers.Serializer):
    """What administrators say of a workspace; null is what the settings say."""

    at_once = serializers.IntegerField(min_value=0, max_value=1000, allow_null=True)
    storage_mb = serializers.IntegerField(min_value=0, max_value=1_000_000_000, allow_null=True)


def _told(workspace, quota):
    return {"workspace": workspace.name, **{name: getattr(quota, name) for name in QUOTA}}


QUOTA = ("size", "prefixes", "archives", "wheels", "limit", "running", "queued", "at_once")


class Administration(APIView):
    """How the portal is."""

    permission_classes = LOOKS

    @extend_schema(responses=AdministrationSerializer)
    def get(self, request):
        return Response(AdministrationSerializer(Summary.read()).data)


class WorkerList(generics.ListAPIView):
    """The workers by name."""

    permission_classes = LOOKS
    serializer_class = WorkerSerializer
    pagination_class = ByPage

    def get_queryset(self):
        return workers()


class WorkerDetail(APIView):
    permission_classes = LOOKS

    @extend_schema(responses=WorkerSerializer)
    def get(self, request, pk):
        """A worker."""
        return Response(self._worker(pk))

    @extend_schema(request=WorkerSerializer, responses=WorkerSerializer)
    def patch(self, request, pk):
        """`is_draining`: it takes no new builds and ends those that it has, until it is false again."""
        worker = get_object_or_404(Worker, pk=pk)
        asked = WorkerSerializer(worker, data=request.data)
        asked.is_valid(raise_exception=True)
        if worker.drain(asked.validated_data["is_draining"]):
            schedule.wake()
        return Response(self._worker(pk))

    @extend_schema(responses={204: None, 409: OpenApiResponse(description="it is running")})
    def delete(self, request, pk):
        """Forget a worker that is not running."""
        try:
            get_object_or_404(Worker, pk=pk).forget()
        except UserFault as fault:
            return Response({"detail": fault.message}, status=409)
        return Response(status=204)

    def _worker(self, pk):
        get_object_or_404(Worker, pk=pk)
        return WorkerSerializer(next(worker for worker in workers() if worker.pk == pk)).data


class QueueList(generics.ListAPIView):
    """Running and waiting builds of all workspaces: as they began, then as they would begin."""

    permission_classes = LOOKS
    serializer_class = QueueSerializer
    pagination_class = ByPage

    def list(self, request, *args, **kwargs):
        line = Line()
        builds = line.builds(self.paginate_queryset(line.keys))
        return self.get_paginated_response(self.get_serializer(builds, many=True).data)

    def get_queryset(self):  # asked for by the schema alone
        return Build.objects.none()


class QueueDetail(APIView):
    permission_classes = LOOKS

    @extend_schema(
        request=MoveSerializer,
        responses={200: QueueSerializer, 409: OpenApiResponse(description="it stands there, or waits no more")},
    )
    def patch(self, request, pk):
        """Put a build that waits before all others, behind them, or into its turn again."""
        build = get_object_or_404(Build.objects.with_subject(), pk=pk)
        asked = MoveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if not schedule.move(build, asked.validated_data["to"]):
            return Response({"detail": "It stands there already, or waits no more."}, status=409)
        return Response(QueueSerializer(Build.objects.with_subject().get(pk=pk)).data)


class QuotaList(generics.ListAPIView):
    """What each workspace takes of what it may."""

    permission_classes = LOOKS
    serializer_class = QuotaSerializer
    pagination_class = ByName
    queryset = Workspace.objects.all()

    def list(self, request, *args, **kwargs):
        there = self.paginate_queryset(self.get_queryset())
        found = quotas.of_workspaces(there)
        told = [_told(workspace, found[workspace.pk]) for workspace in there]
        return self.get_paginated_response(self.get_serializer(told, many=True).data)


class WorkspaceQuota(APIView):
    """What a workspace takes of what it may."""

    @extend_schema(responses=QuotaSerializer)
    def get(self, request, workspace):
        workspace = get_workspace(request, workspace)
        return Response(QuotaSerializer(_told(workspace, quotas.of(workspace))).data)


class QuotaDetail(APIView):
    permission_classes = PERMISSIONS

    @extend_schema(request=WishedQuotaSerializer, responses=QuotaSerializer)
    def put(self, request, workspace):
        """Say what a workspace may have."""
        workspace = get_object_or_404(Workspace, name=workspace)
        asked = WishedQuotaSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        Share.objects.decide(workspace, **asked.validated_data)
        schedule.wake()
        return Response(QuotaSerializer(_told(workspace, quotas.of(workspace))).data)
