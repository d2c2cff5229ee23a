"""A package's way through the versions of an environment: a page, and its twin in the API."""

from django.core.paginator import Paginator
from django.shortcuts import render
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from environments.access import get_environment
from environments.forms import PageForm

from . import diff_words, package_picture, timeline
from .lock_models import LockedPackage

PAGE = 50
MANAGERS = LockedPackage.Manager.values


def package(request, workspace, name, manager, package):
    environment = get_environment(request, workspace, name)
    stops, without = timeline.history(environment, manager, package)
    page = Paginator(stops, PAGE).get_page(PageForm(request.GET).page_number)
    for stop in page:
        stop.before, stop.after = (diff_words.shown(side, stop.change.kind) for side in stop.sides)
        stop.notes = [words for _, words in diff_words.notes(stop.change)]
    context = {
        "environment": environment,
        "workspace": environment.workspace,
        "manager": manager,
        "package": package,
        "page": page,
        "last": stops[0] if stops else None,
        "picture": picture_of(list(page), environment.latest_number) if page.number == 1 and len(page) > 1 else None,
        "without": without,
    }
    return render(request, "builds/package.html", context)


def picture_of(stops, last):
    """The picture of the newest of all Stops, which come first here; `last` is the newest version."""
    moves = [
        package_picture.Move(stop.number, stop.change.new.version if stop.change.new else "", stop.change.tone)
        for stop in stops[: package_picture.MOST]
    ]
    return package_picture.Picture(moves[::-1], last, stops[0].change.manager)


class StopSerializer(serializers.Serializer):
    version = serializers.IntegerField(source="number", help_text="of the environment, at which it changed")
    since = serializers.IntegerField(allow_null=True, help_text="the version before that has a lock")
    kind = serializers.CharField(source="change.kind", help_text="added, removed, up, down, build …")
    level = serializers.CharField(source="change.level")
    before = serializers.CharField(source="change.before", help_text="the package's version; empty where it came")
    after = serializers.CharField(source="change.after", help_text="the package's version; empty where it left")


class HistorySerializer(serializers.Serializer):
    results = StopSerializer(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="the number of the next page")
    without_lock = serializers.ListField(child=serializers.IntegerField(), help_text="versions that nobody can tell of")


class PackageHistory(APIView):
    """At which versions of an environment a package came, moved and left, the newest first."""

    @extend_schema(
        responses=HistorySerializer, parameters=[OpenApiParameter("page", int, description="50 of them each")]
    )
    def get(self, request, workspace, name, manager, package):
        environment = get_environment(request, workspace, name)
        stops, without = timeline.history(environment, manager, package)
        page = Paginator(stops, PAGE).get_page(PageForm(request.query_params).page_number)
        answer = {
            "results": list(page),
            "next": page.next_page_number() if page.has_next() else None,
            "without_lock": without,
        }
        return Response(HistorySerializer(answer).data)
