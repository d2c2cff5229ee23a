from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response

from envportal.api import ByName, ByNumber

from . import definition as definitions
from .access import get_environment, get_version, get_workspace
from .forms import FilterForm
from .models import Environment, Role, Version, Workspace


class WorkspaceSerializer(serializers.ModelSerializer):
    role = serializers.SerializerMethodField()

    class Meta:
        model = Workspace
        fields = ["name", "role", "created"]

    def get_role(self, workspace) -> str:
        """viewer, editor or owner: what you are here."""
        return Role(workspace.role_of(self.context["request"].user)).label.lower()


class DefinitionField(serializers.JSONField):
    """The document of Azure Machine Learning: python.condaDependencies, docker, environmentVariables …"""

    def to_internal_value(self, data):
        return definitions.read(super().to_internal_value(data))


class FindingSerializer(serializers.Serializer):
    code = serializers.CharField()
    severity = serializers.CharField()
    message = serializers.CharField()
    where = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)


class VersionSerializer(serializers.ModelSerializer):
    definition = DefinitionField(source="document")
    author = serializers.CharField(source="author.username", read_only=True)
    findings = FindingSerializer(many=True, read_only=True)

    class Meta:
        model = Version
        fields = ["number", "definition", "image_key", "author", "created", "message", "findings"]
        read_only_fields = ["number", "image_key", "created"]
        extra_kwargs = {"message": {"max_length": 1000}}


class EnvironmentSerializer(serializers.ModelSerializer):
    workspace = serializers.CharField(source="workspace.name", read_only=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True)
    latest_version = serializers.SerializerMethodField()
    # Without the model's validators: names have one rule, in names.py, which the model's verb asks.
    name = serializers.CharField()
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)

    class Meta:
        model = Environment
        fields = ["name", "workspace", "description", "latest_version", "created", "created_by"]
        read_only_fields = ["created"]

    def get_latest_version(self, environment) -> int | None:
        """The number of the newest version; null while there is none."""
        return environment.latest_number or None


class WorkspaceList(generics.ListAPIView):
    """The workspaces you are a member of."""

    serializer_class = WorkspaceSerializer
    pagination_class = ByName

    def get_queryset(self):
        return Workspace.objects.visible_to(self.request.user).with_role_of(self.request.user)


class EnvironmentList(generics.ListCreateAPIView):
    """The environments of a workspace. POST makes one, which has no version yet."""

    serializer_class = EnvironmentSerializer
    pagination_class = ByName

    def get_queryset(self):
        workspace = get_workspace(self.request, self.kwargs["workspace"])
        found = workspace.environments.select_related("workspace", "created_by")
        filters = FilterForm(self.request.query_params)
        filters.is_valid()
        return found.search(filters.cleaned_data.get("q", ""))

    def create(self, request, *args, **kwargs):
        workspace = get_workspace(request, kwargs["workspace"], "environments.add_environment")
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        environment = workspace.add_environment(by=request.user, **serializer.validated_data)
        return Response(self.get_serializer(environment).data, status=201)


class EnvironmentDetail(generics.RetrieveAPIView):
    serializer_class = EnvironmentSerializer

    def get_object(self):
        return get_environment(self.request, self.kwargs["workspace"], self.kwargs["name"])


class VersionList(generics.ListCreateAPIView):
    """The versions of an environment, newest first. POST registers a definition."""

    serializer_class = VersionSerializer
    pagination_class = ByNumber

    def get_queryset(self):
        environment = get_environment(self.request, self.kwargs["workspace"], self.kwargs["name"])
        return environment.versions.select_related("author")

    @extend_schema(
        responses={
            201: OpenApiResponse(VersionSerializer, "registered"),
            200: OpenApiResponse(VersionSerializer, "an identical definition is there already"),
        }
    )
    def create(self, request, *args, **kwargs):
        environment = get_environment(request, kwargs["workspace"], kwargs["name"], "environments.change_environment")
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        version, is_new = environment.register(asked["document"], request.user, asked.get("message", ""))
        return Response(self.get_serializer(version).data, status=201 if is_new else 200)


class VersionDetail(generics.RetrieveAPIView):
    serializer_class = VersionSerializer

    def get_object(self):
        return get_version(self.request, self.kwargs["workspace"], self.kwargs["name"], self.kwargs["number"])
