from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from envportal.pages import ByName

from . import lifecycle
from .access import get_environment, get_label, get_version
from .api import EnvironmentSerializer, ReferenceField, VersionSerializer, refused
from .models import Label

CHANGE = "environments.change_environment"
NOT_NOW = OpenApiResponse(description="`detail` says why not")


class LabelSerializer(serializers.ModelSerializer):
    label = serializers.CharField(source="name")
    version = serializers.IntegerField(source="version.number")
    changed_by = serializers.CharField(source="changed_by.username")

    class Meta:
        model = Label
        fields = ["label", "version", "changed", "changed_by"]
        read_only_fields = fields


class PointSerializer(serializers.Serializer):
    version = ReferenceField(help_text="its number, or another label, such as latest")


class LabelList(generics.ListAPIView):
    """The labels of an environment. `latest` is none of them: it always points at the newest that is not archived."""

    serializer_class = LabelSerializer
    pagination_class = ByName

    def get_queryset(self):
        environment = get_environment(self.request, self.kwargs["workspace"], self.kwargs["name"])
        return environment.labels.select_related("version", "changed_by")


class LabelDetail(generics.GenericAPIView):
    """Where a label points. What used it meanwhile has recorded the number."""

    serializer_class = LabelSerializer

    def get(self, request, workspace, name, label):
        return Response(self.get_serializer(get_label(request, workspace, name, label)[0]).data)

    @extend_schema(
        request=PointSerializer,
        responses={201: OpenApiResponse(LabelSerializer, "new"), 200: OpenApiResponse(LabelSerializer, "moved")},
    )
    def put(self, request, workspace, name, label):
        """Have the label point at a version, wherever it pointed before."""
        environment = get_environment(request, workspace, name, CHANGE)
        asked = PointSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        version = get_object_or_404(environment.versions.called(asked.validated_data["version"]))
        found, is_new = environment.labels.point(environment, label, version, request.user)
        return Response(self.get_serializer(found).data, status=201 if is_new else 200)

    @extend_schema(responses={204: None})
    def delete(self, request, workspace, name, label):
        found, environment = get_label(request, workspace, name, label, CHANGE)
        found.remove(environment, request.user)
        return Response(status=204)


class ActOnEnvironment(APIView):
    @extend_schema(request=None, responses={200: EnvironmentSerializer, 409: NOT_NOW})
    def post(self, request, workspace, name):
        environment = get_environment(request, workspace, name, CHANGE)
        if answer := refused(self.act, environment, request.user):
            return answer
        return Response(EnvironmentSerializer(get_environment(request, workspace, name).with_details()).data)


class ArchiveEnvironment(ActOnEnvironment):
    """Hide an environment from lists, with every version that it has and will get. It works as before."""

    act = staticmethod(lifecycle.archive)


class RestoreEnvironment(ActOnEnvironment):
    """Restore an environment and every version of it."""

    act = staticmethod(lifecycle.restore)


class ActOnVersion(APIView):
    @extend_schema(request=None, responses={200: VersionSerializer, 409: NOT_NOW})
    def post(self, request, workspace, name, number):
        version = get_version(request, workspace, name, number, CHANGE)
        if answer := refused(self.act, version, request.user):
            return answer
        return Response(VersionSerializer(get_version(request, workspace, name, version.number)).data)


class ArchiveVersion(ActOnVersion):
    """Hide a version from lists, and from `latest`. It works as before."""

    act = staticmethod(lifecycle.archive)


class RestoreVersion(ActOnVersion):
    """Restore a version; not one whose whole environment is archived."""

    act = staticmethod(lifecycle.restore)
