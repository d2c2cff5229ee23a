from django.contrib.auth import get_user_model
from django.shortcuts import get_object_or_404
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from envportal.pages import ByAge, Pages

from . import portal_roles
from .models import Session, Token, Workspace
from .portal_roles import PortalRole
from .token_models import SCOPES
from .tokens import OwnAccount

PERMISSIONS = [*api_settings.DEFAULT_PERMISSION_CLASSES, OwnAccount]


class MeSerializer(serializers.ModelSerializer):
    person = serializers.CharField(source="username")
    roles = serializers.SerializerMethodField()
    scopes = serializers.SerializerMethodField()

    class Meta:
        model = get_user_model()
        fields = ["person", "roles", "scopes"]

    def get_roles(self, user) -> list[str]:
        """Of administrator, curator and auditor what you are on the whole portal."""
        found = {PortalRole.Kind.ADMINISTRATOR: user.is_superuser}
        found |= {kind: portal_roles.has(user, kind) for kind in portal_roles.READ}
        return [kind.value for kind, is_so in found.items() if is_so]

    def get_scopes(self, user) -> list[str]:
        """What the token may that you came with; all of it without one."""
        token = self.context["request"].auth
        return token.scopes if isinstance(token, Token) else list(SCOPES)


class TokenSerializer(serializers.ModelSerializer):
    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES), min_length=1)
    workspace = serializers.SlugRelatedField(
        "name", queryset=Workspace.objects.all(), allow_null=True, default=None, help_text="the only one it is for"
    )

    class Meta:
        model = Token
        fields = ["id", "name", "scopes", "workspace", "created", "expires", "used"]
        read_only_fields = ["id", "created", "used"]

    def get_fields(self):
        """Of workspaces those alone are known that the person may see."""
        fields = super().get_fields()
        request = self.context.get("request")
        if request and request.user.is_authenticated:  # who reads the schema may be nobody
            fields["workspace"].queryset = Workspace.objects.worked_in_by(request.user)
        return fields


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(read_only=True, help_text="is never given out again")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


class SessionSerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="handle")
    device = serializers.CharField()
    is_this_one = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = ["id", "device", "address", "created", "last_seen", "is_this_one"]

    def get_is_this_one(self, session) -> bool:
        return session.pk == _own_key(self.context["request"])


def _own_key(request):
    """The session that asks; None for a token."""
    return None if isinstance(request.auth, Token) else request.session.session_key


class Me(APIView):
    @extend_schema(responses=MeSerializer)
    def get(self, request):
        """Who you are here."""
        return Response(MeSerializer(request.user, context={"request": request}).data)


class TokenList(generics.ListCreateAPIView):
    """Your tokens. POST makes one and answers with it, once; no token makes another, so that none outlives its end."""

    permission_classes = PERMISSIONS
    serializer_class = TokenSerializer
    pagination_class = ByAge

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):  # asked for by the schema alone
            return Token.objects.none()
        return self.request.user.tokens.select_related("workspace")

    @extend_schema(responses={201: NewTokenSerializer})
    @sensitive_variables("text")
    def create(self, request, *args, **kwargs):
        if isinstance(request.auth, Token):
            raise PermissionDenied("No token makes another one. Sign in for that.")
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        token, text = Token.make(request.user, **serializer.validated_data)
        token.token = text
        return Response(NewTokenSerializer(token, context={"request": request}).data, status=201)


class TokenDetail(APIView):
    permission_classes = PERMISSIONS

    @extend_schema(responses={204: None})
    def delete(self, request, pk):
        """Revoke one of your tokens, at once."""
        get_object_or_404(request.user.tokens, pk=pk).delete()
        return Response(status=204)


class BySight(Pages):
    ordering = ("-last_seen", "pk")


class SessionList(generics.ListAPIView):
    """Where you are signed in. DELETE ends all sessions but the one that asks."""

    permission_classes = PERMISSIONS
    serializer_class = SessionSerializer
    pagination_class = BySight

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):  # asked for by the schema alone
            return Session.objects.none()
        return Session.objects.of(self.request.user)

    @extend_schema(operation_id="v1_me_sessions_end_others", responses={204: None})
    def delete(self, request):
        Session.objects.of(request.user).exclude(pk=_own_key(request)).end(request.user)
        return Response(status=204)


class SessionDetail(APIView):
    permission_classes = PERMISSIONS

    @extend_schema(responses={204: None})
    def delete(self, request, handle):
        """End one of your sessions."""
        get_object_or_404(Session.objects.of(request.user).select_related("user"), handle=handle).end()
        return Response(status=204)
