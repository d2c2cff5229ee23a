from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from .licence_models import LicenceRules
from .licence_policy import LISTS, read_entries
from .licence_views import get_place


class EntriesField(serializers.ListField):
    """A list of licences, read as a page reads its lines."""

    child = serializers.CharField()

    def to_internal_value(self, data):
        return read_entries(
            "\n".join(" ".join(each.split()) for each in super().to_internal_value(data)), self.field_name
        )


class LicenceRulesSerializer(serializers.ModelSerializer):
    allowed = EntriesField(
        default=list, help_text='SPDX ids, with WITH too; words of packages in quotes: "BSD License"'
    )
    review = EntriesField(default=list)
    denied = EntriesField(default=list)
    otherwise = serializers.ChoiceField(
        LicenceRules.Otherwise.choices,
        default="",
        allow_blank=True,
        help_text="of licences in no list; empty: as the portal says, or for the portal that each workspace decides",
    )
    changed_by = serializers.CharField(source="changed_by.username", read_only=True, default=None, allow_null=True)
    changed = serializers.DateTimeField(read_only=True, default=None, allow_null=True)

    class Meta:
        model = LicenceRules
        fields = [*LISTS, "otherwise", "changed_by", "changed"]


class LicencesSerializer(serializers.Serializer):
    """The licences of a lock, the worst verdict first."""

    is_decided = serializers.BooleanField(help_text="false where neither portal nor workspace has a policy")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="packages by verdict")
    licences = serializers.ListField(
        child=serializers.DictField(),
        help_text="licence (as it is said), expression (SPDX, or null), verdict (allowed, review, unknown, denied, or "
        "null without a policy), packages",
    )


class PortalLicenceRules(APIView):
    """The licence policy of the portal, which binds every workspace. Administrators PUT another."""

    @extend_schema(operation_id="licence_policy_retrieve", responses=LicenceRulesSerializer)
    def get(self, request):
        return _answer(get_place(request, None))

    @extend_schema(
        operation_id="licence_policy_update", request=LicenceRulesSerializer, responses=LicenceRulesSerializer
    )
    def put(self, request):
        return _put(request, None)


class WorkspaceLicenceRules(APIView):
    """The licence policy of a workspace, which may be stricter than that of the portal. Owners PUT another."""

    @extend_schema(operation_id="workspace_licence_policy_retrieve", responses=LicenceRulesSerializer)
    def get(self, request, workspace):
        return _answer(get_place(request, workspace))

    @extend_schema(
        operation_id="workspace_licence_policy_update",
        request=LicenceRulesSerializer,
        responses={200: LicenceRulesSerializer, 400: OpenApiResponse(description="which entry is looser, or is none")},
    )
    def put(self, request, workspace):
        return _put(request, workspace)


def _answer(place):
    row = LicenceRules.objects.filter(workspace=place).select_related("changed_by").first()
    return Response(LicenceRulesSerializer(row or LicenceRules(workspace=place, changed=None)).data)


def _put(request, workspace):
    place = get_place(request, workspace, is_changing=True)
    asked = LicenceRulesSerializer(data=request.data)
    asked.is_valid(raise_exception=True)
    lists = {name: asked.validated_data[name] for name in LISTS}
    row = LicenceRules.objects.decide(place, lists, asked.validated_data["otherwise"], request.user)
    return Response(LicenceRulesSerializer(row).data)
