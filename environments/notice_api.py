from django.shortcuts import get_object_or_404
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from envportal.pages import ByAge, ByMoment

from . import hook_words, notices
from .access import get_delivery, get_hook, get_workspace
from .notice_forms import NoticeFilterForm
from .notice_models import Channel, Choice, Delivery, Hook, Kind, Notice
from .tokens import OwnAccount

PERMISSIONS = [*api_settings.DEFAULT_PERMISSION_CLASSES, OwnAccount]


class NoticeSerializer(serializers.ModelSerializer):
    workspace = serializers.CharField(source="workspace.name", default=None, read_only=True)

    class Meta:
        model = Notice
        fields = ["id", "kind", "workspace", "subject", "text", "link", "created", "read"]
        read_only_fields = [name for name in fields if name != "read"]
        extra_kwargs = {"read": {"help_text": "when it was marked as read"}}


class NoticeList(generics.ListAPIView):
    """What you were told in the portal, newest first. POST marks all as read."""

    serializer_class = NoticeSerializer
    pagination_class = ByMoment
    permission_classes = PERMISSIONS

    def get_queryset(self):
        form = NoticeFilterForm(self.request.query_params)
        found = self.request.user.notices.select_related("workspace")
        return found.unread() if form.is_valid() and form.cleaned_data["unread"] else found

    @extend_schema(parameters=[OpenApiParameter("unread", bool, description="only what was not read")])
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    @extend_schema(request=None, responses={204: None})
    def post(self, request):
        request.user.notices.mark_read()
        return Response(status=204)


class NoticeDetail(APIView):
    permission_classes = PERMISSIONS

    @extend_schema(request=None, responses=NoticeSerializer)
    def post(self, request, pk):
        """Mark one as read."""
        get_object_or_404(request.user.notices, pk=pk)
        request.user.notices.filter(pk=pk).mark_read()
        return Response(NoticeSerializer(request.user.notices.select_related("workspace").get(pk=pk)).data)


class ChannelsSerializer(serializers.Serializer):
    portal = serializers.BooleanField(required=False)
    mail = serializers.BooleanField(required=False)


class ChoicesSerializer(serializers.Serializer):
    """Of each kind, through which channels you are told. What is left out stays."""

    def get_fields(self):
        return {kind.value: ChannelsSerializer(required=False, help_text=kind.label) for kind in Kind}


class Choices(generics.GenericAPIView):
    """What you are told, and how."""

    serializer_class = ChoicesSerializer
    permission_classes = PERMISSIONS

    def get(self, request):
        wanted = Choice.objects.of(request.user)
        return Response({kind: {channel: wanted[kind, channel] for channel in Channel.values} for kind in Kind.values})

    def patch(self, request):
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = {
            (kind, channel): value for kind, each in asked.validated_data.items() for channel, value in each.items()
        }
        Choice.objects.save_for(request.user, wanted)
        return self.get(request)


class HookSerializer(serializers.ModelSerializer):
    kinds = serializers.MultipleChoiceField(choices=Kind, allow_empty=False)
    created_by = serializers.CharField(source="created_by.username", read_only=True)

    class Meta:
        model = Hook
        fields = ["id", "address", "kinds", "is_on", "created", "created_by"]
        read_only_fields = ["created"]

    def validate_address(self, address):
        hook_words.check(address)
        return address

    def to_representation(self, hook):
        told = super().to_representation(hook) | {"kinds": sorted(hook.kinds)}
        return told if self.context.get("shows_addresses", True) else told | {"address": str(hook)}


class NewHookSerializer(HookSerializer):
    secret = serializers.CharField(read_only=True, help_text="signs its calls; is never given out again")

    class Meta(HookSerializer.Meta):
        fields = [*HookSerializer.Meta.fields, "secret"]


class DeliverySerializer(serializers.ModelSerializer):
    class Meta:
        model = Delivery
        fields = ["id", "kind", "subject", "created", "state", "tries", "next_at", "ended", "error"]
        read_only_fields = fields


class HookList(generics.ListAPIView):
    """The webhooks of a workspace. POST makes one and answers with its secret, once.

    Of an address auditors see the begin alone: some services have a secret in it.
    """

    serializer_class = HookSerializer
    pagination_class = ByAge

    def get_queryset(self):
        workspace = get_workspace(self.request, self.kwargs["workspace"], "environments.view_hooks")
        self.shows_addresses = self.request.user.has_perm("environments.change_hooks", workspace)
        return workspace.hooks.select_related("created_by")

    def get_serializer_context(self):
        return super().get_serializer_context() | {"shows_addresses": getattr(self, "shows_addresses", True)}

    @extend_schema(responses={201: NewHookSerializer})
    @sensitive_variables("secret")
    def post(self, request, workspace):
        workspace = get_workspace(request, workspace, "environments.change_hooks")
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        hook, secret = Hook.make(
            workspace, asked.validated_data["address"], asked.validated_data["kinds"], request.user
        )
        return Response({**HookSerializer(hook).data, "secret": secret}, status=201)


class HookDetail(generics.GenericAPIView):
    serializer_class = HookSerializer

    def get(self, request, workspace, pk):
        return Response(self.get_serializer(get_hook(request, workspace, pk)).data)

    def patch(self, request, workspace, pk):
        hook = get_hook(request, workspace, pk)
        asked = self.get_serializer(hook, data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        hook.change(request.user, **asked.validated_data)
        return Response(self.get_serializer(hook).data)

    @extend_schema(responses={204: None})
    def delete(self, request, workspace, pk):
        get_hook(request, workspace, pk).remove(request.user)
        return Response(status=204)


class HookSecret(APIView):
    @extend_schema(request=None, responses=NewHookSerializer)
    @sensitive_variables("secret")
    def post(self, request, workspace, pk):
        """Another secret, which signs from now on. It is never given out again."""
        hook = get_hook(request, workspace, pk)
        secret = hook.renew_secret(request.user)
        return Response({**HookSerializer(hook).data, "secret": secret})


class HookTest(APIView):
    @extend_schema(request=None, responses={202: DeliverySerializer})
    def post(self, request, workspace, pk):
        """Call it for nothing but to see whether it answers."""
        delivery = notices.send_test(get_hook(request, workspace, pk), request.user)
        return Response(DeliverySerializer(delivery).data, status=202)


class DeliveryList(generics.ListAPIView):
    """What a webhook was told, newest first, and how that went."""

    serializer_class = DeliverySerializer
    pagination_class = ByMoment

    def get_queryset(self):
        return get_hook(self.request, self.kwargs["workspace"], self.kwargs["pk"]).deliveries.all()


class DeliveryAgain(APIView):
    @extend_schema(
        request=None,
        responses={202: DeliverySerializer, 409: OpenApiResponse(description="it is on its way already")},
    )
    def post(self, request, workspace, hook, pk):
        """Send it once more, under the same id."""
        delivery = get_delivery(request, workspace, hook, pk)
        if not delivery.send_again(request.user):
            return Response({"detail": "It is on its way already."}, status=409)
        delivery.refresh_from_db()
        return Response(DeliverySerializer(delivery).data, status=202)
