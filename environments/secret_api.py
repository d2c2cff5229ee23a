from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response

from envportal.pages import ByName

from .access import get_secret, get_workspace
from .workspace_secrets import read_hosts


class SecretSerializer(serializers.Serializer):
    name = serializers.CharField(read_only=True)
    value = serializers.CharField(write_only=True, trim_whitespace=False, help_text="is never given out again")
    hosts = serializers.ListField(
        child=serializers.CharField(max_length=253),
        default=list,
        help_text="the only hosts that it is sent to; without any, every host that a definition names",
    )
    changed_by = serializers.CharField(source="changed_by.username", read_only=True)
    created = serializers.DateTimeField(read_only=True)
    changed = serializers.DateTimeField(read_only=True)
    used = serializers.DateTimeField(read_only=True, allow_null=True, help_text="when a build last took it")

    def validate_hosts(self, hosts):
        return read_hosts(" ".join(hosts))


class SecretList(generics.ListAPIView):
    """The names of a workspace's secrets. `${NAME}` in the addresses of a definition stands for one of them."""

    serializer_class = SecretSerializer
    pagination_class = ByName

    def get_queryset(self):
        workspace = get_workspace(self.request, self.kwargs["workspace"])
        return workspace.secrets.select_related("changed_by")


class SecretDetail(generics.RetrieveDestroyAPIView):
    """A secret by its name. PUT sets its value, whether or not there was one; nothing ever gives it out."""

    serializer_class = SecretSerializer

    def get_object(self):
        return get_secret(self.request, self.kwargs["workspace"], self.kwargs["name"])

    @extend_schema(
        responses={
            201: OpenApiResponse(SecretSerializer, "set"),
            200: OpenApiResponse(SecretSerializer, "set in place of the one that had its name"),
        }
    )
    @sensitive_variables("serializer")
    def put(self, request, *args, **kwargs):
        workspace = get_workspace(request, kwargs["workspace"], "environments.set_secret")
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        secret, is_new = workspace.set_secret(kwargs["name"], by=request.user, **serializer.validated_data)
        return Response(self.get_serializer(secret).data, status=201 if is_new else 200)

    def delete(self, request, *args, **kwargs):
        get_secret(request, kwargs["workspace"], kwargs["name"], "environments.delete_secret").delete()
        return Response(status=204)
