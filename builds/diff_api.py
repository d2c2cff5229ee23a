"""The diff of any two sides, and what each version changed."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from environments import definition as definitions
from environments.access import get_environment
from environments.drafts import Draft
from environments.faults import UserFault
from environments.models import Rule
from envportal.pages import ByNumber

from . import diff_data, diff_markdown, preview, sides, timeline
from .advisories import Difference
from .comparison import FILTERS, Comparison, select
from .diff_forms import DiffForm


class SideSerializer(serializers.Serializer):
    reference = serializers.CharField(help_text="names it in from= and to=")
    title = serializers.CharField()
    environment = serializers.CharField(allow_null=True, help_text="workspace/environment")
    lock = serializers.CharField(allow_null=True, help_text="digest")
    no_lock = serializers.CharField(help_text="why there is no lock, as a sentence")
    python = serializers.CharField()
    platform = serializers.CharField()
    packages = serializers.IntegerField(allow_null=True)
    size = serializers.IntegerField(allow_null=True, help_text="bytes to download")
    of_unknown_size = serializers.IntegerField(allow_null=True)


class SummarySerializer(serializers.Serializer):
    text = serializers.CharField(help_text="+3 −1 ↑12, 2 major")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="by kind, and by level of a step")
    unchanged = serializers.IntegerField(allow_null=True)
    growth = serializers.IntegerField(allow_null=True, help_text="bytes more to download; null where nobody knows")


class MachineSerializer(serializers.Serializer):
    what = serializers.CharField(help_text="Python or Platform")
    before = serializers.CharField()
    after = serializers.CharField()


class SettingSerializer(serializers.Serializer):
    kind = serializers.CharField(help_text="added, removed, moved or changed")
    about = serializers.CharField(help_text="conda, pip, channels, docker, variables or other")
    name = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class TextLineSerializer(serializers.Serializer):
    sign = serializers.CharField(help_text="+, −, … for a gap, or nothing for a line of both")
    line = serializers.IntegerField(allow_null=True, help_text="of the new text")
    text = serializers.CharField()


class LockedFileSerializer(serializers.Serializer):
    manager = serializers.CharField()
    version = serializers.CharField()
    build = serializers.CharField()
    channel = serializers.CharField()
    subdir = serializers.CharField()
    url = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()
    licence = serializers.CharField()
    direct = serializers.BooleanField(allow_null=True, help_text="null in what a run reported")


class PackageChangeSerializer(serializers.Serializer):
    kind = serializers.CharField(
        help_text="hash (under the same version), added, removed, moved (between conda and pip), up, down, "
        "other (not comparable), build, source (channel or index), file, licence or role (direct or transitive)"
    )
    level = serializers.CharField(help_text="major, minor, patch, build or empty")
    also = serializers.ListField(child=serializers.CharField(), help_text="kinds that it is besides")
    manager = serializers.CharField()
    name = serializers.CharField()
    direct = serializers.BooleanField(help_text="asked for by a definition, before or after")
    because_of = serializers.ListField(child=serializers.CharField(), help_text="from a direct package to this one")
    before = LockedFileSerializer(allow_null=True)
    after = LockedFileSerializer(allow_null=True)
    growth = serializers.IntegerField(allow_null=True)


class AdvisoriesSerializer(serializers.Serializer):
    state = serializers.CharField(
        help_text="assessed, partly assessed, or not assessed: nobody has looked, which does not mean that there are none"
    )
    fixed = serializers.ListField(child=serializers.DictField(), allow_null=True)
    introduced = serializers.ListField(child=serializers.DictField(), allow_null=True)
    imported = serializers.DateTimeField(required=False, help_text="when advisories were imported last")
    not_assessed = serializers.IntegerField(required=False, help_text="packages that differ and are not assessed")


class DiffSerializer(serializers.Serializer):
    to = SideSerializer()
    same = serializers.BooleanField(help_text="nothing differs in whatever both sides have")
    summary = SummarySerializer()
    machine = MachineSerializer(many=True)
    definition = SettingSerializer(many=True, allow_null=True, help_text="null where a side has no definition")
    text = TextLineSerializer(many=True, help_text="the lines of the definition that differ, with their surroundings")
    packages = PackageChangeSerializer(many=True, allow_null=True, help_text="null where a side has no lock")
    advisories = AdvisoriesSerializer()

    def get_fields(self):
        return {"from": SideSerializer(), **super().get_fields()}


class DraftSerializer(serializers.Serializer):
    definition = serializers.JSONField(help_text="the draft")


REFERENCE = "A version as 3 or workspace/environment/3, lock:<digest>, build:<id> or run:<id>."
SHOWN = [
    OpenApiParameter("kind", str, enum=FILTERS, many=True, description="Only packages of these kinds or levels."),
    OpenApiParameter("q", str, description="Only packages with this in their name."),
    OpenApiParameter("form", str, enum=("json", "markdown"), description="markdown: a text for a review, unfiltered."),
]
SIDES = [OpenApiParameter("from", str, description=REFERENCE), OpenApiParameter("to", str, description=REFERENCE)]
ANSWERS = {
    (200, "application/json"): DiffSerializer,
    (200, "text/markdown"): str,
    404: OpenApiResponse(description="there is no such side, or you do not see it"),
}


def _answer(request, comparison):
    form, known = DiffForm(request.query_params), Difference(comparison).as_data()
    if form.document == "markdown":
        text = diff_markdown.write(comparison, advisories=known)
        return HttpResponse(text, content_type="text/markdown; charset=utf-8")
    changes = comparison.packages and select(comparison.packages, form.kinds, form.text)
    return Response(diff_data.as_data(comparison, changes, known))


class EnvironmentDiff(APIView):
    """What differs between two versions of an environment, or one of them and anything else.

    Without `to` it is the latest version, without `from` the one before. POST compares a draft, which is resolved for
    it, with `from`; without that with the latest version.
    """

    @extend_schema(parameters=[*SIDES, *SHOWN], responses=ANSWERS)
    def get(self, request, workspace, name):
        environment = get_environment(request, workspace, name)
        old, new = DiffForm(request.query_params).sides_in(environment)
        pair = sides.read(old, request.user, environment, "from"), sides.read(new, request.user, environment, "to")
        return _answer(request, Comparison(*pair))

    @extend_schema(parameters=[SIDES[0], *SHOWN], request=DraftSerializer, responses=ANSWERS)
    def post(self, request, workspace, name):
        environment = get_environment(request, workspace, name, "environments.change_environment")
        serializer = DraftSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        policy = Rule.objects.policy(environment.workspace)
        definition = definitions.read(serializer.validated_data["definition"], policy)
        old = DiffForm(request.query_params).references[0] or str(environment.latest_number)
        before = sides.read(old, request.user, environment, "from")
        try:
            answer = preview.resolve(definition, ("api", request.user.pk), rules=policy)
        except preview.Superseded:
            return Response({"detail": "You asked something newer meanwhile."}, status=409)
        draft = sides.of_draft(definition, Draft.of(definition.document).conda, environment, answer)
        return _answer(request, Comparison(before, draft))


class AnyDiff(APIView):
    """What differs between any two versions, locks or builds that you see."""

    @extend_schema(parameters=[*SIDES, *SHOWN], responses=ANSWERS)
    def get(self, request):
        old, new = DiffForm(request.query_params).references
        for field, reference in (("from", old), ("to", new)):
            if not reference:
                raise UserFault(f"This is required. {sides.HELP}", field)
        pair = sides.read(old, request.user, None, "from"), sides.read(new, request.user, None, "to")
        return _answer(request, Comparison(*pair))


class TimelineSerializer(serializers.Serializer):
    number = serializers.IntegerField()
    author = serializers.CharField(source="author.username")
    created = serializers.DateTimeField()
    message = serializers.CharField()
    since = serializers.SerializerMethodField()
    summary = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()

    def _step(self, version):
        return self.context["steps"].get(version.number)

    def get_since(self, version) -> int | None:
        """The version before that has a lock; null where nothing can be compared."""
        step = self._step(version)
        return step and step.since

    def get_summary(self, version) -> str | None:
        """+3 −1 ↑12, 2 major."""
        step = self._step(version)
        return step and step.words

    def get_counts(self, version) -> dict[str, int] | None:
        """By kind, and by level of a step."""
        step = self._step(version)
        return step and step.counts


class Timeline(generics.ListAPIView):
    """What each version changed in the lock against the one before, the newest first."""

    serializer_class = TimelineSerializer
    pagination_class = ByNumber

    def get_queryset(self):
        self.environment = get_environment(self.request, self.kwargs["workspace"], self.kwargs["name"])
        return self.environment.versions.select_related("author")

    def paginate_queryset(self, queryset):
        versions = super().paginate_queryset(queryset)
        self.steps = timeline.steps(self.environment, versions)
        return versions

    def get_serializer_context(self):
        return super().get_serializer_context() | {"steps": getattr(self, "steps", {})}
