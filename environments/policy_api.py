from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response

from envportal.pages import ByKind

from .access import get_policy_scope, get_rule
from .models import Rule


class RuleSerializer(serializers.ModelSerializer):
    """A rule that definitions obey. What its kind does not say stays empty."""

    scope = serializers.CharField(read_only=True, help_text="portal, or the name of the workspace that it is of")
    # Without the model's validators: what a rule may say its own verb knows.
    subject = serializers.CharField(max_length=255)

    class Meta:
        model = Rule
        fields = [
            "id", "scope", "kind", "subject", "manager", "constraint", "date", "message", "replacement",
        ]  # fmt: skip
        read_only_fields = ["id"]
        validators = []

    def save(self, **fields):
        rule = self.instance or Rule(**fields)
        for name, value in self.validated_data.items():
            setattr(rule, name, value)
        self.instance = rule.put()
        return self.instance


class PolicyList(generics.ListCreateAPIView):
    """The rules of the portal. POST makes one."""

    serializer_class = RuleSerializer
    pagination_class = ByKind
    queryset = Rule.objects.none()  # which the schema asks for

    def get_queryset(self):
        scope = get_policy_scope(self.request, self.kwargs.get("workspace"), "view")
        return Rule.objects.binding(scope).select_related("workspace")

    def create(self, request, *args, **kwargs):
        scope = get_policy_scope(request, kwargs.get("workspace"), "change")
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save(workspace=scope)
        return Response(serializer.data, status=201)


class WorkspacePolicyList(PolicyList):
    """The rules that bind a workspace: the portal's and its own. POST makes one of its own."""


class PolicyDetail(generics.RetrieveDestroyAPIView):
    """A rule of the portal. PUT says it anew."""

    serializer_class = RuleSerializer
    queryset = Rule.objects.none()

    def get_object(self):
        verb = "view" if self.request.method in ("GET", "HEAD") else "change"
        return get_rule(self.request, self.kwargs.get("workspace"), self.kwargs["pk"], verb)

    @extend_schema(request=RuleSerializer, responses=RuleSerializer)
    def put(self, request, *args, **kwargs):
        serializer = self.get_serializer(self.get_object(), data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data)


class WorkspacePolicyDetail(PolicyDetail):
    """A rule of a workspace. Those of the portal that bind it are seen here, and not changed."""
