from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from .usage import Answer
from .usage_forms import UsageForm
from .usage_rows import rows_of
from .usage_views import as_file

TEXTS = {
    "package": "name of a package, as pip or conda writes it",
    "version": "which versions: <3.1.6, >=1.2,<2, ==1.26.4",
    "manager": "conda or pip; both, if nothing is said",
    "sha256": "of a package's file, or its first 8 digits or more, instead of its name",
    "licence": "a part of a licence, instead of a name",
    "advisory": "id or alias such as a CVE, instead of a name",
    "image": "base image with or without tag and digest, instead of a name",
    "digest": "of an image, instead of a name",
    "how": "direct or transitive in locks, or declared in definitions; in locks, if nothing is said",
    "workspace": "only there",
    "environment": "only environments of this name",
    "number": "only the version of this number, or of this label where environment says of what: prod, latest",
    "latest": "true: only the newest version of each environment",
    "active": "true: only versions that are not archived, of environments that are not",
    "person": "only runs by this person",
    "since": "only what ran on this day or later",
    "until": "only what ran on this day or earlier",
    "of": "which list: versions (if nothing is said), builds or runs",
}
PARAMETERS = [OpenApiParameter(name, str, description=text) for name, text in TEXTS.items()]


class CountsSerializer(serializers.Serializer):
    environments = serializers.IntegerField()
    versions = serializers.IntegerField()
    builds = serializers.IntegerField()
    runs = serializers.IntegerField()
    lines = serializers.IntegerField(
        help_text="of the list of versions: one for each lock that a version had, and for what nobody registered"
    )


class AskedVersionSerializer(serializers.Serializer):
    workspace = serializers.CharField()
    environment = serializers.CharField()
    version = serializers.IntegerField()


class UsageSerializer(serializers.Serializer):
    counts = CountsSerializer()
    advisories = serializers.ListField(
        child=serializers.DictField(), help_text="those that are asked about: id, summary, severity, url, affected"
    )
    number = AskedVersionSerializer(many=True, help_text="what the label that was asked about points at")
    unlocked = serializers.IntegerField(help_text="versions that declare the package and have no lock")
    results = serializers.ListField(
        child=serializers.DictField(),
        help_text="one line each: workspace, environment, version, package, and where it was used",
    )
    next = serializers.URLField(allow_null=True)


def _form(request):
    form = UsageForm(request.query_params, request.user)
    if not form.is_valid():
        raise ValidationError({field: list(faults) for field, faults in form.errors.items()})
    if not form.question.is_asked:
        raise ValidationError(
            {"package": ["Say what is looked for: package, sha256, licence, advisory, image or digest."]}
        )
    return form


def _advisories(answer):
    return [
        {
            "id": each.osv_id,
            "summary": each.summary,
            "severity": each.severity or None,
            "url": each.url,
            "affected": [{"name": part.name, "versions": part.words} for part in each.affected.all()],
        }
        for each in answer.advisories
    ]


def _named(answer):
    return [
        {
            "workspace": version.environment.workspace.name,
            "environment": version.environment.name,
            "version": version.number,
        }
        for version in answer.named
    ]


class Usage(APIView):
    @extend_schema(parameters=PARAMETERS, responses=UsageSerializer)
    def get(self, request):
        """Who used a package: versions, builds or runs, with exact counts of all three."""
        form = _form(request)
        answer = Answer(form.question, request.user)
        rows = rows_of(answer, form.list)
        pages = rows.pages()
        lines = rows.lines(pages.paginate_queryset(rows.found, request))
        found = {"counts": answer.counts, "unlocked": answer.unlocked, "advisories": _advisories(answer)}
        found["number"] = _named(answer)
        return Response(found | {"results": lines, "next": pages.get_next_link()})


class UsageExport(APIView):
    @extend_schema(parameters=PARAMETERS, responses={(200, "application/octet-stream"): bytes})
    def get(self, request, kind):
        """The whole of one list as csv or json."""
        return as_file(_form(request), request.user, kind)
