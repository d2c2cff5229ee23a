from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from rest_framework.request import Request

from environments.access import get_environment, get_version, get_workspace, require
from environments.faults import Refused, UserFault
from environments.forms import PageForm
from environments.models import Environment, Stage, Workspace
from environments.portal_roles import curates
from environments.views import render_part
from envportal.pages import ByAge

from . import schedule
from .access import get_build
from .build_forms import BuildFilterForm
from .build_times import Times, Tried
from .lock_forms import BuildForm
from .models import Build, VersionLock, Worker

PAGE = 50
CURATED = 6  # that one may start from, at home
STARTS = 5  # ways to a new environment, at home
SHOWN = 10  # of what runs and of what waits, at home


def in_line(mine):
    """The first of these builds that wait, as they begin, and how many wait in all."""
    waiting = set(mine.queued().values_list("pk", flat=True))
    queue = schedule.Queue()
    first = [pk for pk in queue.line if pk in waiting][:SHOWN]
    builds = {build.pk: build for build in mine.filter(pk__in=first)}
    for build in builds.values():
        build.wait = queue.wait_of(build)
    return {"waiting": [builds[pk] for pk in first if pk in builds], "waiting_count": len(waiting)}


def home(request):
    mine = Build.objects.visible_to(request.user).with_subject()
    if not curates(request.user):
        mine = mine.of_teams()
    workspaces = Workspace.objects.worked_in_by(request.user).with_role_of(request.user)
    workspaces = workspaces.annotate(
        environment_count=Count("environments", filter=Q(environments__archived_at=None), distinct=True)
    ).order_by("name")
    page = Paginator(workspaces, PAGE).get_page(PageForm(request.GET).page_number)
    context = {
        "running": mine.running().prefetch_related("steps").order_by("started")[:SHOWN],
        "running_count": mine.running().count(),
        **in_line(mine),
        "failed": mine.failed().filter(asked_by=request.user).order_by("-finished")[:5],
        "page": page,
        "startable": [each for each in page if request.user.has_perm("environments.add_environment", each)][:STARTS],
        "workers": Worker.objects.alive().count(),
        "curated": Environment.objects.on_shelf().filter(curation__stage=Stage.CURRENT)[:CURATED],
    }
    return render(request, "builds/home.html", context)


def builds(request, workspace, name):
    environment = get_environment(request, workspace, name)
    found = Build.objects.filter(version__environment=environment).with_subject().prefetch_related("steps")
    page = Paginator(found.order_by("-created", "pk"), PAGE).get_page(PageForm(request.GET).page_number)
    page.object_list = schedule.tell(list(page.object_list))
    context = {
        "environment": environment,
        "workspace": environment.workspace,
        "page": page,
        "builds": page.object_list,
        "times": times_of(page.object_list),
    }
    return render(request, "builds/builds.html", context)


def workspace_builds(request, workspace):
    workspace = get_workspace(request, workspace)
    filters, pages = BuildFilterForm(request.GET), ByAge()
    found = Build.objects.filter(version__environment__workspace=workspace).with_subject().prefetch_related("steps")
    found = schedule.tell(pages.paginate_queryset(filters.apply(found), Request(request)))
    context = {
        "workspace": workspace,
        "section": "builds",
        "filters": filters,
        "builds": found,
        "times": times_of(found),
        "newer": pages.get_previous_link(),
        "older": pages.get_next_link(),
    }
    return render_part(request, "builds/workspace_builds.html", "list", context)


def times_of(builds):
    """How long these builds took, which stand the newest first."""
    return Times([Tried.of(build) for build in reversed(builds)])


def request_build(request, workspace, name, number):
    version = get_version(request, workspace, name, number, permission="builds.add_build")
    if request.method != "POST":  # somebody had to sign in first, and decides again
        return redirect(version)
    form = BuildForm(request.POST)
    if not form.is_valid():
        raise Http404("This names no lock.")
    wanted = form.cleaned_data
    if wanted["lock"] or wanted["refresh"]:
        require(request, "builds.move_lock", version)
    try:
        lock = VersionLock.objects.lock_of(version, wanted["lock"]) if wanted["lock"] else None
    except UserFault as fault:
        raise Http404(fault.message) from fault
    try:
        build = version.builds.request(version, request.user, lock, wanted["refresh"])
    except Refused as fault:
        context = {"version": version, "environment": version.environment, "workspace": version.place}
        return render(request, "builds/refused.html", context | {"fault": fault}, status=409)
    return redirect(build)


def cancel(request, pk):
    build = get_build(request, pk, "builds.cancel_build")
    if request.method == "POST" and not build.cancel(request.user):
        build.refresh_from_db(fields=["status", "reason"])
        messages.error(request, build.too_late)
    return redirect(build)


def lock_file(request, pk, file):
    """The lock of a build in the form of another tool."""
    build = get_build(request, pk)
    try:
        content, content_type = build.as_lock_file(file, request.build_absolute_uri("/"))
    except UserFault as fault:
        context = {"thing": build, "title": f"build {build}", "fault": fault, "file": file}
        return render(request, "builds/no_lock_file.html", context, status=409)
    headers = {"Content-Disposition": f'attachment; filename="{file}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=content_type, headers=headers)
