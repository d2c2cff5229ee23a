from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from environments.access import get_environment, get_version
from environments.faults import UserFault
from environments.models import Workspace

from . import log
from .access import get_build
from .models import Build, Worker

PAGE = 50


def home(request):
    mine = Build.objects.visible_to(request.user).with_subject()
    workspaces = Workspace.objects.visible_to(request.user).with_role_of(request.user)
    workspaces = workspaces.annotate(environment_count=Count("environments", distinct=True)).order_by("name")
    context = {
        "unfinished": mine.unfinished().prefetch_related("steps").order_by("created")[:10],
        "failed": mine.failed().filter(asked_by=request.user).order_by("-finished")[:5],
        "page": Paginator(workspaces, PAGE).get_page(page_number(request)),
        "workers": Worker.objects.alive().count(),
    }
    return render(request, "builds/home.html", context)


class PageForm(forms.Form):
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)


def page_number(request):
    asked = PageForm(request.GET)
    return (asked.is_valid() and asked.cleaned_data["page"]) or 1


def builds(request, workspace, name):
    environment = get_environment(request, workspace, name)
    found = Build.objects.filter(version__environment=environment).with_subject().order_by("-created", "pk")
    context = {
        "environment": environment,
        "workspace": environment.workspace,
        "page": Paginator(found, PAGE).get_page(page_number(request)),
    }
    return render(request, "builds/builds.html", context)


def request_build(request, workspace, name, number):
    version = get_version(request, workspace, name, number, permission="builds.add_build")
    if request.method != "POST":  # somebody had to sign in first, and decides again
        return redirect(version)
    return redirect(version.builds.request(version, request.user))


@never_cache
def build(request, pk):
    build = get_build(request, pk)
    return render(request, "builds/build.html", _page(request, build, Seen()))


class Seen(forms.Form):
    """What of a log the browser has: bytes, lines, and the state that it shows."""

    offset = forms.IntegerField(min_value=0, max_value=2**62)
    number = forms.IntegerField(min_value=1, max_value=2**31)
    state = forms.CharField(max_length=60)

    @property
    def start(self):
        return (self.cleaned_data["offset"], self.cleaned_data["number"]) if self.is_bound else (0, 1)


@never_cache
def live(request, pk):
    """What is new since the browser asked last: lines, steps, and the head when the state is another."""
    build = get_build(request, pk)
    seen = Seen(request.GET)
    if not seen.is_valid():
        return HttpResponse("offset, number and state say what you have seen", status=400)
    context = _page(request, build, seen)
    is_other = seen.cleaned_data["state"] != context["state"]
    context |= {"is_part": True, "is_other": is_other}
    if is_other and build.reason_line:
        lines, _ = log.read_lines(build)
        context["error_lines"] = [line for line in lines if line.number == build.reason_line]
    return render(request, "builds/build.html#live", context)


def _page(request, build, seen):
    offset, number = seen.start
    lines, next_offset = log.read_lines(build, offset, number)
    steps = list(build.steps.all())
    queue = _place_in_queue(build)
    supplier = Build.objects.visible_to(request.user).filter(pk=build.reused_from_id)
    return {
        "state": f"{build.state}-{queue}",
        "supplier_is_visible": bool(build.reused_from_id) and supplier.exists(),
        "build": build,
        "version": build.version,
        "environment": build.version.environment,
        "workspace": build.workspace,
        "steps": _with_lines(steps, lines),
        "next_offset": next_offset,
        "next_number": number + len(lines),
        "is_behind": bool(lines) and (not build.is_unfinished or next_offset - offset > log.PIECE // 2),
        "queue": queue,
        "sandbox": _sandbox(build),
        "limits": f"{settings.INSTALL_SECONDS // 60} min, {settings.BUILD_MEMORY / 1000:g} GB",
    }


def _sandbox(build):
    """Whether this build is confined, or would be on the workers that run now, as a word or a sentence."""
    told = {True: "on", False: "off: limits of time and memory alone"}
    if build.is_sandboxed is None and not build.is_unfinished:
        return "not known"
    if build.is_sandboxed is None:
        workers = {worker.is_sandboxed for worker in Worker.objects.alive()}
        return told[workers.pop()] if len(workers) == 1 else "depends on the worker"
    return told[build.is_sandboxed]


def _with_lines(steps, lines):
    """Give each step the lines that were written after it began and before the next one did."""
    begun = [step for step in steps if step.offset is not None]
    for step in steps:
        step.lines = []
    for line in lines:
        owner = next((step for step in reversed(begun) if step.offset <= line.offset), None)
        if owner:
            owner.lines.append(line)
    return steps


def _place_in_queue(build):
    return Build.objects.queued().filter(created__lt=build.created).count() if build.status == "queued" else 0


def raw_log(request, pk):
    build = get_build(request, pk)
    name = f"{build.version.environment.name}-{build.version.number}-{build.short_id}.log"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(log.read(build), content_type="text/plain; charset=utf-8", headers=headers)


def cancel(request, pk):
    build = get_build(request, pk, "builds.cancel_build")
    if request.method == "POST":
        build.cancel(request.user)
    return redirect(build)


def lock_file(request, pk, file):
    """The lock of a build in the form of another tool."""
    build = get_build(request, pk)
    try:
        content, content_type = build.as_lock_file(file, request.build_absolute_uri("/"))
    except UserFault as fault:
        return render(request, "builds/no_lock_file.html", {"build": build, "fault": fault, "file": file}, status=409)
    headers = {"Content-Disposition": f'attachment; filename="{file}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=content_type, headers=headers)
