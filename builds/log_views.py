"""The page of a build, which is mostly its log: opened, kept up to date, searched, taken as a file."""

from dataclasses import dataclass

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from . import log, log_page, log_raw, streams
from .access import get_build
from .artifact_views import given
from .log_search import search, walk
from .models import Build, Worker


@dataclass(frozen=True)
class Viewer:
    """Who looks at a build, as far as the page differs."""

    user: object
    may_cancel: bool
    may_build: bool
    may_free: bool
    may_delete: bool
    may_archive: bool
    kind = "page"

    @classmethod
    def of(cls, user, build):
        verbs = ("cancel_build", "add_build", "free_build", "delete_build", "make_archive")
        return cls(user, *(user.has_perm(f"builds.{verb}", build) for verb in verbs))

    def key(self, turn):
        """The same for those who are sent the same. A twin may not be for all eyes."""
        may = (self.may_cancel, self.may_build, self.may_free, self.may_delete, self.may_archive)
        return turn.is_other and (*may, self.user.pk if turn.has_twin else 0)


class NumberField(forms.IntegerField):
    """The number of a line."""

    def __init__(self, **kwargs):
        super().__init__(min_value=1, max_value=2**31, **kwargs)


class Opened(forms.Form):
    """What of a log somebody wants to see: a line, or those that have a text, from a line on."""

    line = NumberField(required=False)
    search = forms.CharField(required=False, max_length=200, strip=False)
    after = NumberField(required=False)
    wrap = forms.ChoiceField(required=False, choices=[("off", "off")])


class Seen(forms.Form):
    """What of a log the browser has: bytes, lines, and the state that it shows."""

    offset = forms.IntegerField(min_value=0, max_value=2**62)
    number = NumberField()
    state = forms.CharField(max_length=60)

    @property
    def place(self):
        return log.Place(self.cleaned_data["offset"], self.cleaned_data["number"])


class Asked(forms.Form):
    """Which lines of a gap somebody wants to see: the first ones, the last ones, those around one."""

    first = NumberField()
    last = NumberField()
    around = NumberField(required=False)
    end = forms.BooleanField(required=False)

    @property
    def range(self):
        first, last = self.cleaned_data["first"], self.cleaned_data["last"]
        if around := self.cleaned_data["around"]:
            return log_page.around(around, first, last)
        if self.cleaned_data["end"]:
            return max(first, last - log_page.MORE + 1), last
        return first, min(last, first + log_page.MORE - 1)


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def build(request, pk):
    build = get_build(request, pk)
    opened = Opened(request.GET)
    wanted = opened.cleaned_data if opened.is_valid() else {}
    text, line = wanted.get("search", ""), wanted.get("line")
    context = {"build": build, "text": text, "line": line, "first_line": wanted.get("after")}
    if text:
        context |= {"found": search(build, text, wanted.get("after") or 1), "walk": walk(build, text, line or 0)}
    context["keep"] = "&wrap=off" if wanted.get("wrap") else ""  # for links that work without script
    if request.htmx.target == "found":
        return render(request, "builds/build.html#found", context | {"is_found": True})
    extent = log.extent(build)  # before the steps, so that no line is counted to the step before its own
    context |= facts(build, Viewer.of(request.user, build)) | {"next": extent.next}
    log_page.sections(build, context["steps"], extent.next, [n for n in (line, build.reason_line) if n])
    log_page.rest(build, context["steps"], extent)
    return render(request, "builds/build.html", context)


@never_cache
def live(request, pk):
    """What is new since the browser asked last: lines, steps, and the head when the state is another."""
    build = get_build(request, pk)
    seen = Seen(request.GET)
    if not seen.is_valid():
        return HttpResponse("offset, number and state say what you have seen", status=400)
    viewer = Viewer.of(request.user, build)
    context = news(build, seen.place, log.extent(build).next, seen.cleaned_data["state"], viewer)
    return render(request, "builds/build.html#live", context)


def news(build, start, end, state, viewer):
    """What the part of the page needs that brings it from one Place to another."""
    context = facts(build, viewer)
    log_page.news(build, context["steps"], start, end)
    if (extent := log.extent(build)).next == end:
        log_page.rest(build, context["steps"], extent)
    return context | {"next": end, "is_part": True, "is_other": state != context["state"]}


def facts(build, viewer):
    """What the page says about a build beside its log."""
    twin = build.reused_from_id or (build.wait and build.wait.twin and build.wait.twin.pk)
    return {
        "state": build.state,
        "twin_is_visible": bool(twin) and Build.objects.visible_to(viewer.user).filter(pk=twin).exists(),
        "build": build,
        "viewer": viewer,
        "may_archive": viewer.may_archive,
        "version": build.version,
        "environment": build.version.environment,
        "workspace": build.workspace,
        "steps": list(build.steps.all()),
        "sandbox": sandbox_of(build),
        "given": {} if build.is_unfinished else given(build),
        "limits": f"{settings.INSTALL_SECONDS // 60} min, {settings.BUILD_MEMORY / 1000:g} GB",
    }


def sandbox_of(build):
    """Whether this build is confined, or would be on the workers that run now, as a word or a sentence."""
    told = {True: "on", False: "off: limits of time and memory alone"}
    if build.is_sandboxed is None and not build.is_unfinished:
        return "not known"
    if build.is_sandboxed is None:
        workers = {worker.is_sandboxed for worker in Worker.objects.alive()}
        return told[workers.pop()] if len(workers) == 1 else "depends on the worker"
    return told[build.is_sandboxed]


@require_safe
@never_cache
def lines(request, pk):
    """Some lines of a gap, with what is left of it on either side."""
    build = get_build(request, pk)
    asked = Asked(request.GET)
    if not asked.is_valid():
        return HttpResponse("first and last say which lines are wanted", status=400)
    first, last = asked.range
    if not request.htmx:
        return redirect(f"{build.get_absolute_url()}?line={first}#L{first}")
    end = min(asked.cleaned_data["last"], log.extent(build).next.number - 1)
    items = log_page.items(build, asked.cleaned_data["first"], end, [(first, min(last, end))])
    return render(request, "builds/lines.html", {"build": build, "items": items})


@require_safe
@never_cache
def stream(request, pk):
    """The same as `live`, as server-sent events. What the last event said is where it goes on."""
    build = get_build(request, pk)
    return streams.answer(request, build, Viewer.of(request.user, build))


@require_safe
@never_cache
def raw_log(request, pk):
    """The bytes of the log, also a range of them."""
    return log_raw.answer(request, get_build(request, pk))
