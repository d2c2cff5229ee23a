from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from envportal.pages import ByAge, ByPerson

from .access import get_member, get_workspace
from .api import WorkspaceSerializer
from .invitations import Gone, Invitation
from .models import Membership, active_user
from .people_models import ROLES
from .tokens import OwnAccount

PERMISSIONS = [*api_settings.DEFAULT_PERMISSION_CLASSES, OwnAccount]


class RoleField(serializers.ChoiceField):
    """viewer, editor or owner."""

    def __init__(self, **kwargs):
        super().__init__(choices=list(ROLES), **kwargs)

    def to_representation(self, value):
        return next(word for word, role in ROLES.items() if role == value)

    def to_internal_value(self, data):
        return ROLES[super().to_internal_value(data)]


class MemberSerializer(serializers.ModelSerializer):
    person = serializers.CharField(source="user.username", read_only=True)
    role = RoleField()
    by_group = serializers.BooleanField(
        source="is_by_group", read_only=True, help_text="whether a group of the identity provider gives it"
    )
    since = serializers.DateTimeField(source="created", read_only=True)

    class Meta:
        model = Membership
        fields = ["person", "role", "by_group", "since"]


class InvitationSerializer(serializers.ModelSerializer):
    role = RoleField()
    by = serializers.CharField(source="by.username", read_only=True)

    class Meta:
        model = Invitation
        fields = ["id", "role", "email", "by", "created", "expires"]
        read_only_fields = ["id", "created", "expires"]


class NewInvitationSerializer(InvitationSerializer):
    link = serializers.CharField(read_only=True, help_text="is never given out again")
    sent = serializers.BooleanField(read_only=True, help_text="whether it went out by mail")

    class Meta(InvitationSerializer.Meta):
        fields = [*InvitationSerializer.Meta.fields, "link", "sent"]


class AcceptSerializer(serializers.Serializer):
    invitation = serializers.CharField(max_length=200, write_only=True, help_text="the last part of its link")


class MemberList(generics.ListAPIView):
    """Who is in a workspace."""

    serializer_class = MemberSerializer
    pagination_class = ByPerson

    def get_queryset(self):
        workspace = get_workspace(self.request, self.kwargs["workspace"], "environments.view_people")
        return workspace.memberships.select_related("user")


class MemberDetail(generics.RetrieveDestroyAPIView):
    """A member by name. PUT gives a person a role, whether or not they had one; DELETE of oneself is leaving."""

    serializer_class = MemberSerializer

    def get_object(self):
        return get_member(self.request, self.kwargs["workspace"], self.kwargs["person"])

    @extend_schema(
        responses={201: OpenApiResponse(MemberSerializer, "added"), 200: OpenApiResponse(MemberSerializer, "changed")}
    )
    def put(self, request, *args, **kwargs):
        workspace = get_workspace(request, kwargs["workspace"], "environments.change_people")
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        member, is_new = workspace.set_member(active_user(kwargs["person"]), serializer.validated_data["role"])
        return Response(self.get_serializer(member).data, status=201 if is_new else 200)

    def delete(self, request, *args, **kwargs):
        is_own = kwargs["person"] == request.user.get_username()
        permission = "environments.view_people" if is_own else "environments.change_people"
        member = get_member(request, kwargs["workspace"], kwargs["person"], permission)
        member.workspace.remove_member(member.user)
        return Response(status=204)


class InvitationList(generics.ListCreateAPIView):
    """The open invitations of a workspace, for its owners and auditors. POST makes one and answers with its link, once."""

    serializer_class = InvitationSerializer
    pagination_class = ByAge

    def get_queryset(self):
        workspace = get_workspace(self.request, self.kwargs["workspace"], "environments.view_invitations")
        return workspace.invitations.open().select_related("by")

    @extend_schema(responses={201: NewInvitationSerializer})
    @sensitive_variables("text", "link")
    def create(self, request, *args, **kwargs):
        workspace = get_workspace(request, kwargs["workspace"], "environments.change_people")
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        made, text = Invitation.make(workspace, by=request.user, **serializer.validated_data)
        link = request.build_absolute_uri(reverse("invitation", args=[text]))
        made.link, made.sent = link, made.send(link)
        return Response(NewInvitationSerializer(made).data, status=201)


class InvitationDetail(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request, workspace, pk):
        """Take an invitation back."""
        workspace = get_workspace(request, workspace, "environments.change_people")
        get_object_or_404(workspace.invitations.open(), pk=pk).revoke()
        return Response(status=204)


class Accept(APIView):
    permission_classes = PERMISSIONS

    @extend_schema(
        request=AcceptSerializer,
        responses={200: WorkspaceSerializer, 410: OpenApiResponse(description="it opens nothing, or not any more")},
    )
    @sensitive_variables("asked", "found")
    def post(self, request):
        """Accept an invitation, and become a member of its workspace."""
        asked = AcceptSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = Invitation.objects.find(asked.validated_data["invitation"])
        if not found:
            return Response({"detail": "This is no invitation."}, status=410)
        try:
            found.accept(request.user)
        except Gone as fault:
            return Response({"detail": fault.message}, status=410)
        return Response(WorkspaceSerializer(found.workspace, context={"request": request}).data)
