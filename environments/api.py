import re

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from envportal.api import JSONParser
from envportal.pages import ByName, ByNumber

from . import definition as definitions
from . import label_names, lifecycle, tags
from .access import get_environment, get_version, get_workspace, may_make_workspaces
from .drafts import Draft
from .faults import Refused, UserFault
from .findings import errors
from .formats import reading
from .forms import FilterForm, ListFilterForm
from .label_models import Shown
from .models import Curation, Environment, Rule, Version, Workspace

STAYS = OpenApiResponse(description="`detail` counts what uses it")
FILTERS = [
    OpenApiParameter(
        "archived", str, enum=Shown.values[1:], description="only what is archived, or all; empty: hide it"
    ),
    OpenApiParameter("list_view_type", str, enum=Shown.labels, description="the same in the words of Azure"),
]


class WorkspaceSerializer(serializers.ModelSerializer):
    # Without the model's validators: that a name is taken the model's verb says.
    name = serializers.SlugField(max_length=63)
    role = serializers.SerializerMethodField()

    class Meta:
        model = Workspace
        fields = ["name", "role", "created"]
        read_only_fields = ["created"]

    def get_role(self, workspace) -> str:
        """viewer, editor or owner: what you are here; auditor for auditors who are no members."""
        return workspace.role_word(self.context["request"].user)


class FixSerializer(serializers.Serializer):
    title = serializers.CharField()
    verb = serializers.CharField(help_text="set, remove, append, insert, rename, to-pip or lines")
    where = serializers.CharField()
    path = serializers.ListField(child=serializers.JSONField(), help_text="the same place, part by part")
    value = serializers.JSONField(allow_null=True)


class FindingSerializer(serializers.Serializer):
    code = serializers.CharField()
    severity = serializers.CharField(help_text="error, warning or hint")
    message = serializers.CharField()
    where = serializers.CharField(help_text="the place in the definition")
    line = serializers.IntegerField(allow_null=True, help_text="of the file it came from, from 1")
    fix = FixSerializer(allow_null=True, default=None)


class ImportSerializer(serializers.Serializer):
    """A file as text. It can also be sent as multipart form data, `file`, several times for a folder of Azure's."""

    file = serializers.CharField(
        max_length=500, default="", allow_blank=True, help_text="its name, which helps to tell its format"
    )
    text = serializers.CharField(trim_whitespace=False, allow_blank=True)


class ReadingSerializer(serializers.Serializer):
    file = serializers.CharField()
    format = serializers.CharField()
    definition = serializers.JSONField(allow_null=True, help_text="null when the file was refused")
    image_key = serializers.CharField(allow_null=True)
    findings = FindingSerializer(many=True)


@extend_schema_field(OpenApiTypes.ANY)
class ReferenceField(serializers.Field):
    """The number of a version, or a label that points at one, such as `latest`."""

    def to_internal_value(self, value):
        is_named = isinstance(value, (int, str)) and not isinstance(value, bool)
        if not is_named or not re.fullmatch(label_names.REFERENCE, str(value)):
            raise serializers.ValidationError("A version is a number, or a label such as latest.")
        return str(value)

    def to_representation(self, value):
        return value


class VersionSerializer(serializers.ModelSerializer):
    definition = serializers.JSONField(
        source="document",
        required=False,
        help_text="The document of Azure Machine Learning: python.condaDependencies, docker, environmentVariables …",
    )
    conda = serializers.CharField(
        required=False,
        trim_whitespace=False,
        help_text="The conda part as a conda file, comments and all. Given, it stands for python.condaDependencies.",
    )
    author = serializers.CharField(source="author.username", read_only=True)
    origin = serializers.CharField(
        source="origin.curated_name",
        required=False,
        allow_null=True,
        default=None,
        help_text="the curated version that it was made from: AzureML-Minimal/3",
    )
    findings = FindingSerializer(many=True, read_only=True)
    labels = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    archived = serializers.BooleanField(
        source="is_archived", read_only=True, help_text="by itself, or with its environment: hidden, and usable"
    )

    class Meta:
        model = Version
        fields = [
            *("number", "definition", "conda", "image_key", "author", "created", "message", "origin", "labels"),
            *("archived", "findings"),
        ]
        read_only_fields = ["number", "image_key", "created"]
        extra_kwargs = {"message": {"max_length": 1000}}

    def validate_conda(self, conda):
        """The text as it is kept, with the limits and line ends that every text has here."""
        text, fault = reading.decode(conda)
        if fault:
            raise serializers.ValidationError(fault.sentence)
        return text

    def validate(self, asked):
        """Read the document, joined with the conda file if there is one, by the rules that the editor obeys."""
        policy, document = Rule.objects.policy(self.context["workspace"]), asked.get("document", {})
        origin = (asked.get("origin") or {}).get("curated_name")
        asked["origin"] = Version.objects.curated_named(origin) if origin else None
        if "conda" in asked and isinstance(document, dict):
            asked["document"] = Draft.of(document, asked["conda"]).examine(policy)
            if refused := errors(asked["document"].findings):
                raise serializers.ValidationError({"conda": [finding.sentence for finding in refused]})
        elif "document" in asked:
            asked["document"] = definitions.read(document, policy)
        else:
            raise serializers.ValidationError({"definition": "This field is required, or conda."})
        return asked


class LifecycleSerializer(serializers.ModelSerializer):
    """What only a curated environment has."""

    successor = serializers.CharField(source="successor.name", allow_null=True, default=None)
    since = serializers.DictField(
        child=serializers.DateField(), help_text="the day on which each stage was reached last"
    )

    class Meta:
        model = Curation
        fields = ["stage", "since", "ends", "reason", "successor"]
        read_only_fields = fields


class EnvironmentSerializer(serializers.ModelSerializer):
    curated = serializers.BooleanField(source="is_curated", read_only=True)
    lifecycle = LifecycleSerializer(
        source="curation", read_only=True, allow_null=True, default=None, help_text="null where it is not curated"
    )
    workspace = serializers.CharField(source="workspace.name", read_only=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True)
    latest_version = serializers.SerializerMethodField()
    # Without the model's validators: names have one rule, in names.py, which the model's verb asks.
    name = serializers.CharField()
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    tags = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)
    labels = serializers.SerializerMethodField()
    archived = serializers.BooleanField(source="is_archived", read_only=True)

    class Meta:
        model = Environment
        fields = [
            *("name", "workspace", "description", "tags", "labels", "latest_version", "archived", "created"),
            *("created_by", "curated", "lifecycle"),
        ]  # fmt: skip
        read_only_fields = ["created"]

    def validate_tags(self, given):
        return tags.check(given)

    def get_labels(self, environment) -> dict[str, int]:
        """Which version each label points at."""
        return {label.name: label.version.number for label in environment.labels.all()}

    def get_latest_version(self, environment) -> int | None:
        """The number of the newest version; null while there is none."""
        return environment.latest_number or None


class DetailsSerializer(EnvironmentSerializer):
    """What of an environment can be changed."""

    class Meta(EnvironmentSerializer.Meta):
        fields = ["description", "tags"]


class Import(generics.GenericAPIView):
    """Read a file as a definition, without registering anything: what `manage.py inspect` prints."""

    serializer_class = ImportSerializer
    parser_classes = [JSONParser, MultiPartParser]

    @extend_schema(request=ImportSerializer, responses=ReadingSerializer)
    def post(self, request):
        policy = Rule.objects.policy()
        uploads = request.FILES.getlist("file")
        if uploads:
            name = uploads[0].name if len(uploads) == 1 else "/"
            return Response(reading.read_uploads(uploads, policy).as_dict(name))
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        name, text = serializer.validated_data["file"], serializer.validated_data["text"]
        return Response(reading.read(name, text, policy).as_dict(name))


class WorkspaceList(generics.ListCreateAPIView):
    """The workspaces you are a member of; for administrators and auditors all. POST makes one, which you then own."""

    serializer_class = WorkspaceSerializer
    pagination_class = ByName

    def get_queryset(self):
        return Workspace.objects.worked_in_by(self.request.user).with_role_of(self.request.user)

    def create(self, request, *args, **kwargs):
        may_make_workspaces(request)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        workspace = Workspace.objects.make(serializer.validated_data["name"], request.user)
        return Response(self.get_serializer(workspace).data, status=201)


class EnvironmentList(generics.ListCreateAPIView):
    """The environments of a workspace, and the curated ones, which every workspace has. POST makes one without a version.

    A curated environment is `curated`, and of the workspace that has the shelf. It is read and built under the name of
    any workspace. Archived ones are not listed here.
    """

    serializer_class = EnvironmentSerializer
    pagination_class = ByName

    def get_queryset(self):
        workspace = get_workspace(self.request, self.kwargs["workspace"])
        found = Environment.objects.seen_in(workspace)
        found = found.select_related("workspace", "created_by", "curation__successor").with_details()
        return ListFilterForm(self.request.query_params).find(found)

    @extend_schema(
        parameters=[
            *FILTERS,
            OpenApiParameter("tag", str, description="a tag, as key or key=value"),
            OpenApiParameter("curated", bool, description="true: curated ones alone; false: none of them"),
        ]
    )
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    def create(self, request, *args, **kwargs):
        workspace = get_workspace(request, kwargs["workspace"], "environments.add_environment")
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        environment = workspace.add_environment(by=request.user, **serializer.validated_data)
        return Response(self.get_serializer(environment).data, status=201)


class EnvironmentDetail(generics.RetrieveAPIView):
    serializer_class = EnvironmentSerializer

    def get_object(self):
        return get_environment(self.request, self.kwargs["workspace"], self.kwargs["name"]).with_details()

    @extend_schema(request=DetailsSerializer(partial=True), responses=EnvironmentSerializer)
    def patch(self, request, workspace, name):
        """Change the description, or put other tags in place of all that are there."""
        environment = get_environment(request, workspace, name, "environments.change_environment")
        asked = DetailsSerializer(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        environment.describe(request.user, **asked.validated_data)
        return Response(self.get_serializer(environment.with_details()).data)

    @extend_schema(responses={204: None, 409: STAYS})
    def delete(self, request, workspace, name):
        """Delete an environment that nothing used, with its versions."""
        environment = get_environment(request, workspace, name, "environments.delete_environment")
        return refused(lifecycle.delete, environment, request.user) or Response(status=204)


class VersionList(generics.ListCreateAPIView):
    """The versions of an environment, newest first. POST registers a definition."""

    serializer_class = VersionSerializer
    pagination_class = ByNumber

    def get_queryset(self):
        environment = get_environment(self.request, self.kwargs["workspace"], self.kwargs["name"])
        filters = FilterForm(self.request.query_params)
        filters.is_valid()
        versions = environment.listed_versions(filters.shown)
        return versions.select_related("origin__environment").prefetch_related("labels")

    @extend_schema(parameters=FILTERS)
    def get(self, request, *args, **kwargs):
        """Of an archived environment all versions, because all are archived with it."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        responses={
            201: OpenApiResponse(VersionSerializer, "registered"),
            200: OpenApiResponse(VersionSerializer, "an identical definition is there already"),
        }
    )
    def create(self, request, *args, **kwargs):
        environment = get_environment(request, kwargs["workspace"], kwargs["name"], "environments.change_environment")
        here = self.get_serializer_context() | {"workspace": environment.workspace}
        serializer = self.get_serializer(data=request.data, context=here)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        message, source = asked.get("message", ""), asked.get("conda", "")
        origin = asked["origin"]
        version, is_new = environment.register(asked["document"], request.user, message, source, origin)
        return Response(self.get_serializer(version).data, status=201 if is_new else 200)


class VersionDetail(generics.RetrieveAPIView):
    serializer_class = VersionSerializer

    def get_object(self):
        return get_version(self.request, self.kwargs["workspace"], self.kwargs["name"], self.kwargs["number"])

    @extend_schema(responses={204: None, 409: STAYS})
    def delete(self, request, workspace, name, number):
        """Delete a version that nothing used. Its number is not given out again."""
        version = get_version(request, workspace, name, number, "environments.delete_environment")
        return refused(lifecycle.delete, version, request.user) or Response(status=204)


class VersionFile(generics.GenericAPIView):
    """A version in the form of another tool: environment.yml, requirements.txt, azureml.zip …"""

    @extend_schema(
        responses={(200, "application/octet-stream"): bytes, 409: OpenApiResponse(description="cannot be said so")}
    )
    def get(self, request, workspace, name, number, file):
        version = get_version(request, workspace, name, number)
        try:
            content, content_type = version.as_file(file)
        except UserFault as fault:
            return Response({"detail": fault.message}, status=409)
        headers = {"Content-Disposition": f'attachment; filename="{file}"', "X-Content-Type-Options": "nosniff"}
        return HttpResponse(content, content_type=content_type, headers=headers)


def refused(act, thing, by):
    """Do it. Return the answer that says why not, or None when it is done."""
    try:
        act(thing, by)
    except Refused as fault:
        return Response({"detail": fault.message}, status=409)
    return None
