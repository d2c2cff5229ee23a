from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from environments.faults import UserFault

from . import artifact_files, pack
from .access import get_build
from .artifact_models import signed_path
from .artifact_views import find
from .models import ArchiveOrder, Artifact

RANGE = OpenApiParameter("Range", OpenApiTypes.STR, OpenApiParameter.HEADER, description="such as `bytes=0-999`")


class ArtifactSerializer(serializers.ModelSerializer):
    url = serializers.SerializerMethodField(help_text="asks for a token")
    signed_url = serializers.SerializerMethodField(help_text="opens to whoever has it, for ten minutes")

    class Meta:
        model = Artifact
        fields = ["name", "content_type", "size", "sha256", "created", "url", "signed_url"]

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, artifact):
        build, request = self.context["build"], self.context["request"]
        return reverse("api-build-artifact", args=[build.pk, artifact.name], request=request)

    @extend_schema_field(OpenApiTypes.URI)
    def get_signed_url(self, artifact):
        return self.context["request"].build_absolute_uri(signed_path(self.context["build"], artifact.name))


class ArtifactList(APIView):
    """The files that a build gives; none before it succeeded. There are a handful at the most."""

    @extend_schema(responses=ArtifactSerializer(many=True))
    def get(self, request, pk):
        build = get_build(request, pk)
        context = {"build": build, "request": request}
        return Response(ArtifactSerializer(pack.artifacts_of(build), many=True, context=context).data)


class ArtifactFile(APIView):
    """The bytes of one. Its hash is in the headers ETag (hex) and Repr-Digest."""

    @extend_schema(
        parameters=[RANGE],
        responses={
            (200, "application/octet-stream"): bytes,
            (206, "application/octet-stream"): bytes,
            304: OpenApiResponse(description="it is the one that If-None-Match names"),
            416: OpenApiResponse(description="the file is not that long"),
        },
    )
    def get(self, request, pk, name):
        build = get_build(request, pk)
        return artifact_files.answer(request._request, find(build, name), build)


class ArchiveSerializer(serializers.ModelSerializer):
    class Meta:
        model = ArchiveOrder
        fields = ["status", "reason", "created", "done", "total"]


class Archive(APIView):
    """The archive of the installed packages, which is made when somebody asks for it, and then kept."""

    @extend_schema(responses={200: ArchiveSerializer, 404: OpenApiResponse(description="nobody asked for it")})
    def get(self, request, pk):
        """How far it is. When it succeeded, it is among the artifacts."""
        order = ArchiveOrder.objects.filter(build=get_build(request, pk).supplier).first()
        if not order:
            return Response({"detail": "Nobody asked for this archive. POST asks for it."}, status=404)
        return Response(ArchiveSerializer(order).data)

    @extend_schema(
        request=None,
        responses={202: ArchiveSerializer, 409: OpenApiResponse(description="there is nothing to make it of")},
    )
    def post(self, request, pk):
        """Ask for it. Asking again while it is made, or once it is there, changes nothing."""
        build = get_build(request, pk, "builds.make_archive")
        try:
            order = ArchiveOrder.objects.order(build, request.user)
        except UserFault as fault:
            return Response({"detail": fault.message}, status=409)
        return Response(ArchiveSerializer(order).data, status=202)
