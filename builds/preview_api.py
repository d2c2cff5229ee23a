"""Resolving without registering or building anything."""

from dataclasses import replace

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response

from environments import definition as definitions
from environments.access import get_version, get_workspace
from environments.api import FixSerializer
from environments.label_names import REFERENCE
from environments.models import Rule

from . import preview, refresh
from .lock_serializers import ChangeSerializer, DiagnosisSerializer
from .preview_views import changes_since, to_relax

SAID = (
    *("fits", "failure", "python", "platform", "image_key", "seconds"),
    *("size", "installed_size", "needs_build", "packages"),
)


class PreviewPackageSerializer(serializers.Serializer):
    manager = serializers.CharField()
    name = serializers.CharField()
    version = serializers.CharField()
    direct = serializers.BooleanField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class ResolveSerializer(serializers.Serializer):
    definition = serializers.JSONField(write_only=True)
    workspace = serializers.CharField(write_only=True, required=False, help_text="whose private wheels may be named")
    platform = serializers.ChoiceField(refresh.PLATFORMS, required=False, help_text="empty: that of the portal")
    against = serializers.RegexField(
        rf"^[-\w]+/[A-Za-z0-9._-]+/({REFERENCE})$",
        write_only=True,
        required=False,
        help_text="workspace/environment/version that the packages are compared with; a number or a label",
    )
    fits = serializers.BooleanField(read_only=True)
    failure = DiagnosisSerializer(read_only=True, allow_null=True)
    python = serializers.CharField(read_only=True)
    image_key = serializers.CharField(read_only=True)
    seconds = serializers.FloatField(read_only=True)
    size = serializers.IntegerField(read_only=True, help_text="bytes to download")
    installed_size = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="bytes on disk, where a build has shown it"
    )
    is_built = serializers.BooleanField(source="supplier", read_only=True, help_text="so that a build takes no time")
    needs_build = serializers.BooleanField(
        read_only=True, help_text="it failed only because a build may take more time and memory, and ask more addresses"
    )
    relax = FixSerializer(many=True, read_only=True, help_text="what would help against a conflict: leave one open")
    changes = ChangeSerializer(many=True, read_only=True, allow_null=True, help_text="against what `against` names")
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
        asked = serializer.validated_data
        workspace = get_workspace(request, asked["workspace"]) if "workspace" in asked else None
        version = get_version(request, *asked["against"].split("/")) if "against" in asked else None
        policy = Rule.objects.policy(workspace)
        if not workspace:
            policy = replace(policy, wheels=frozenset())
        definition = definitions.read(asked["definition"], policy)
        try:
            asker = ("api", request.user.pk)
            platform = asked.get("platform", "")
            answer = preview.resolve(definition, asker, request.user.pk, platform=platform, rules=policy)
        except preview.Superseded:
            return Response({"detail": "You asked something newer meanwhile."}, status=409)
        except preview.Crowded as fault:
            return Response({"detail": f"{fault} Ask again."}, status=503, headers={"Retry-After": "1"})
        said = {field: getattr(answer, field) for field in SAID} | {"supplier": bool(answer.supplier)}
        said["changes"] = changes_since(version, answer)
        said["relax"] = [fix.as_dict() for fix in to_relax(definition, answer.failure)]
        return Response(self.get_serializer(said).data)
