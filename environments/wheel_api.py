from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import generics, serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from envportal.pages import ByAge

from . import uploads
from .access import get_wheel, get_workspace
from .wheels import PrivateWheel, WheelInUse


class WheelSerializer(serializers.ModelSerializer):
    workspace = serializers.CharField(source="workspace.name", read_only=True)
    uploaded_by = serializers.CharField(source="uploaded_by.username", read_only=True)
    used_by = serializers.IntegerField(source="use_count", read_only=True, help_text="versions that name it")
    line = serializers.SerializerMethodField()

    class Meta:
        model = PrivateWheel
        fields = [
            "filename", "workspace", "name", "version", "sha256", "size", "uploaded_by", "created", "used_by", "line",
        ]  # fmt: skip
        read_only_fields = fields

    def get_line(self, wheel) -> str:
        """What a definition says among its pip packages to have this wheel."""
        return wheel.line(self.context["request"].build_absolute_uri("/"))


class UseSerializer(serializers.Serializer):
    environment = serializers.CharField(source="version.environment.name")
    version = serializers.IntegerField(source="version.number")


class WheelDetailSerializer(WheelSerializer):
    used_by = UseSerializer(source="uses.in_order", many=True, read_only=True)

    class Meta(WheelSerializer.Meta):
        pass


class WheelList(generics.ListCreateAPIView):
    """The private wheels of a workspace, newest first. POST uploads one, as the part `file` of a form."""

    serializer_class = WheelSerializer
    pagination_class = ByAge
    parser_classes = [MultiPartParser]

    def get_queryset(self):
        workspace = get_workspace(self.request, self.kwargs["workspace"])
        return workspace.wheels.with_uses().select_related("workspace", "uploaded_by")

    @extend_schema(
        request={"multipart/form-data": inline_serializer("WheelUpload", {"file": serializers.FileField()})},
        responses={
            201: OpenApiResponse(WheelSerializer, "kept"),
            200: OpenApiResponse(WheelSerializer, "the same bytes are here already"),
            413: OpenApiResponse(description="larger than a wheel may be"),
        },
    )
    def create(self, request, *args, **kwargs):
        workspace = get_workspace(request, kwargs["workspace"], "environments.add_wheel")
        files = request.FILES  # which receives them
        wheel, is_new = workspace.add_wheel(uploads.take(request._request, files), request.user)
        kept = self.get_queryset().get(pk=wheel.pk)
        return Response(self.get_serializer(kept).data, status=201 if is_new else 200)


class WheelDetail(generics.RetrieveDestroyAPIView):
    """A private wheel, with every version that names it. One that is named cannot be deleted."""

    serializer_class = WheelDetailSerializer

    def get_object(self):
        return get_wheel(self.request, self.kwargs["workspace"], self.kwargs["sha256"])

    @extend_schema(
        responses={204: None, 409: OpenApiResponse(description="versions name it: `detail` and `used_by` say which")}
    )
    def delete(self, request, *args, **kwargs):
        wheel = get_wheel(request, kwargs["workspace"], kwargs["sha256"], "environments.delete_wheel")
        try:
            wheel.delete_unused()
        except WheelInUse as fault:
            uses = wheel.uses.in_order()
            return Response({"detail": fault.message, "used_by": UseSerializer(uses, many=True).data}, status=409)
        return Response(status=204)
