import re

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response

from builds.access import get_build
from environments import definition as definitions
from environments.access import get_environment, get_workspace
from environments.api import ReferenceField
from environments.faults import UserFault
from environments.label_names import LATEST, split
from environments.models import Rule
from envportal.pages import ByStart

from . import reports
from .access import get_run
from .forms import RunFilterForm
from .models import Run, Status


class RunSerializer(serializers.ModelSerializer):
    """A run, as it is shown. `environment` and `version` are null where it ran in none that is registered."""

    workspace = serializers.CharField(source="workspace.name")
    environment = serializers.CharField(source="version.environment.name", default=None)
    version = serializers.IntegerField(source="version.number", default=None)
    definition = serializers.JSONField(source="definition.document", default=None)
    lock = serializers.CharField(source="lock.digest", default=None, help_text="digest of the packages it had")
    recorded_by = serializers.CharField(source="recorded_by.username")

    class Meta:
        model = Run
        fields = [
            "id", "workspace", "environment", "version", "definition", "image_key", "lock", "evidence", "build", "image_digest",
            "name", "external_id", "person", "script", "code_revision", "host", "status", "started", "ended",
            "recorded", "recorded_by",
        ]  # fmt: skip


class RunLineSerializer(RunSerializer):
    """A run in a list, without its definition."""

    class Meta(RunSerializer.Meta):
        fields = [field for field in RunSerializer.Meta.fields if field != "definition"]


class NewRunSerializer(serializers.ModelSerializer):
    """What somebody's system says about a run that it started."""

    environment = serializers.CharField(
        required=False, help_text="of this workspace; may also name the version: science@prod, science:3"
    )
    version = ReferenceField(
        required=False, help_text="its number, or a label; latest if nothing is said. What is recorded is the number"
    )
    definition = serializers.JSONField(required=False, help_text="instead of a registered version")
    packages = serializers.CharField(
        required=False, trim_whitespace=False, help_text="what pip freeze, pip list or conda list printed in the run"
    )
    build = serializers.UUIDField(required=False, help_text="the build that it ran in, which says the version too")
    person = serializers.CharField(required=False, max_length=255, help_text="who ran it; you, if nothing is said")
    started = serializers.DateTimeField()

    class Meta:
        model = Run
        fields = [
            "environment", "version", "definition", "packages", "build", "image_digest", "name", "external_id",
            "person", "script", "code_revision", "host", "status", "started", "ended",
        ]  # fmt: skip
        validators = []

    def validate(self, asked):
        named = [name for name in ("environment", "definition", "build") if name in asked]
        if len(named) > 1:
            raise serializers.ValidationError({named[1]: f"A run has {named[0]} or {named[1]}, not both."})
        if not named and "packages" not in asked:
            told = "Say what the run ran in: environment and version, a definition, a build, or its packages."
            raise serializers.ValidationError({"environment": told})
        name, reference = split(asked.get("environment", ""))
        if reference:
            if "version" in asked:
                raise serializers.ValidationError({"version": f"The version is said twice: {reference} and this."})
            asked["environment"], asked["version"] = name, reference
        if "version" in asked and "environment" not in asked:
            raise serializers.ValidationError({"version": "A version is of an environment, which is not named."})
        if "packages" in asked:
            asked["report"] = reports.read(asked.pop("packages"))
        return asked

    def validate_image_digest(self, digest):
        if digest and not re.fullmatch("sha256:[0-9a-f]{64}", digest.lower()):
            raise serializers.ValidationError("A digest is sha256: and 64 hexadecimal digits.")
        return digest.lower()


class EndedSerializer(serializers.Serializer):
    status = serializers.ChoiceField(choices=[choice for choice in Status.choices if choice[0] != Status.RUNNING])
    ended = serializers.DateTimeField(required=False, help_text="now, if nothing is said")


class RunList(generics.ListAPIView):
    """The runs of a workspace, newest first. POST records one that envportal did not start.

    A run with an `external_id` is recorded once: posted again, it is answered with what is there.
    """

    serializer_class = RunLineSerializer
    pagination_class = ByStart

    @extend_schema(
        parameters=[
            OpenApiParameter(name, str, description=text)
            for name, text in {
                "environment": "name of an environment",
                "version": "number of its version, or a label",
                "person": "who ran it",
                "script": "the script, exactly",
                "status": "running, completed, failed or cancelled",
                "since": "first day of its start",
                "until": "last day of its start",
            }.items()
        ]
    )
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    def get_queryset(self):
        workspace = get_workspace(self.request, self.kwargs["workspace"])
        filters = RunFilterForm(self.request.query_params)
        return filters.apply_or_raise(workspace.runs.with_subject().select_related("recorded_by"))

    @extend_schema(
        request=NewRunSerializer,
        responses={
            201: OpenApiResponse(RunSerializer, "recorded"),
            200: OpenApiResponse(RunSerializer, "recorded before, under the same external_id"),
        },
    )
    def post(self, request, workspace):
        workspace = get_workspace(request, workspace, "runs.add_run")
        serializer = NewRunSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        facts = {"person": request.user.username, **serializer.validated_data}
        facts |= _subject(request, workspace, facts)
        run, is_new = Run.objects.record(workspace, request.user, **facts)
        return Response(RunSerializer(run).data, status=201 if is_new else 200)


def _subject(request, workspace, facts):
    """What the run ran in, taken out of what was posted. A thing that is not in this workspace is a fault."""
    build, name, number = facts.pop("build", None), facts.pop("environment", None), facts.pop("version", LATEST)
    if "definition" in facts:
        return {"definition": definitions.read(facts["definition"], Rule.objects.policy(workspace))}
    if build:
        build = get_build(request, build)
        if build.workspace != workspace:
            raise UserFault(f"This build is of the workspace {build.workspace}.", "build")
        if not build.lock_id or build.status != "succeeded":
            raise UserFault("Nothing can have run in this build: it did not succeed.", "build")
        return {"version": build.version, "build": build}
    if not name:
        return {}
    environment = get_environment(request, workspace.name, name)
    if not environment.latest_number:
        raise UserFault(f"{environment} has no version yet.", "version")
    if number != LATEST and not number.isdecimal() and not environment.named(number):
        raise UserFault(f"{environment} has no version {number}, and no label of that name.", "version")
    version = get_object_or_404(environment.versions.called(number))
    version.environment = environment
    return {"version": version}


class RunDetail(generics.GenericAPIView):
    serializer_class = RunSerializer

    def get(self, request, pk):
        """A run and what it ran in."""
        return Response(self.get_serializer(get_run(request, pk)).data)

    @extend_schema(
        request=EndedSerializer, responses={200: RunSerializer, 409: OpenApiResponse(description="it had ended")}
    )
    def patch(self, request, pk):
        """Say how a run that was recorded while it was running has ended. Nothing else of it can change."""
        run = get_run(request, pk, "runs.change_run")
        serializer = EndedSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        if not run.end(**serializer.validated_data):
            return Response({"detail": "This run had ended already."}, status=409)
        return Response(self.get_serializer(run).data)
