"""The administration: how the portal is, its workers, its queue, and what workspaces may have."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from environments.access import require_portal
from environments.faults import UserFault
from environments.forms import PageForm
from environments.models import Rule, Workspace
from environments.texts import in_units

from . import quotas, schedule
from .administration import Line, Summary
from .administration import workers as all_workers
from .administration_forms import QueueForm, QuotaForm, WorkerForm
from .models import Build, Share, Worker

PAGE = 50
SECTION = {"section": "administration"}


def administer(request):
    require_portal(request, "environments.administer")


def look(request):
    """Auditors see how the portal is."""
    require_portal(request, "environments.view_administration")


@never_cache
def home(request):
    look(request)
    context = SECTION | {
        "summary": Summary.read(),
        "rules": Rule.objects.count(),
        "workspaces": Workspace.objects.count(),
    }
    return render(request, "administration/home.html", context)


@never_cache
def workers(request):
    look(request)
    page = Paginator(all_workers(), PAGE).get_page(PageForm(request.GET).page_number)
    return render(request, "administration/workers.html", SECTION | {"page": page, "portal_version": settings.VERSION})


@require_POST
def worker(request, pk):
    """Drain a worker, have it take builds again, or forget one that is gone."""
    administer(request)
    worker, form = get_object_or_404(Worker, pk=pk), WorkerForm(request.POST)
    act = form.is_valid() and form.cleaned_data["act"]
    if act == "forget":
        try:
            worker.forget()
        except UserFault as fault:
            messages.error(request, fault.message)
    elif act and worker.drain(act == "drain"):
        schedule.wake()
    return redirect("workers")


@never_cache
def queue(request):
    look(request)
    line = Line()
    page = Paginator(line.keys, PAGE).get_page(PageForm(request.GET).page_number)
    context = SECTION | {"page": page, "builds": line.builds(list(page.object_list)), "line": line}
    return render(request, "administration/queue.html", context)


@require_POST
def queue_act(request, pk):
    """Move a build in the queue, or cancel it."""
    administer(request)
    build, form = get_object_or_404(Build.objects.with_subject(), pk=pk), QueueForm(request.POST)
    act = form.is_valid() and form.cleaned_data["act"]
    if act == "cancel" and not build.cancel(request.user):
        build.refresh_from_db(fields=["status", "reason"])
        messages.error(request, build.too_late)
    elif act and act != "cancel" and not schedule.move(build, act):
        messages.info(request, f"Build {build} stands there already, or waits no more.")
    # Where the same row stands, or stood: whoever acts by keyboard goes on from there.
    return redirect(f"{reverse('queue')}?page={PageForm(request.GET).page_number}#build-{build.pk}")


@never_cache
def quota_list(request):
    look(request)
    page = Paginator(Workspace.objects.order_by("name"), PAGE).get_page(PageForm(request.GET).page_number)
    there = list(page.object_list)
    found = quotas.of_workspaces(there)
    context = SECTION | {"page": page, "rows": [(workspace, found[workspace.pk]) for workspace in there]}
    return render(request, "administration/quotas.html", context | {"default": Share()})


@never_cache
def quota(request, workspace):
    """What one workspace may have."""
    administer(request)
    subject = get_object_or_404(Workspace, name=workspace)
    share = Share.objects.filter(workspace=subject).first() or Share(workspace=subject)
    initial = {"at_once": share.at_once, "storage_mb": share.storage_mb}
    form = QuotaForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        Share.objects.decide(subject, **form.cleaned_data)
        schedule.wake()
        messages.info(request, f"The quota of {subject} is kept.")
        return redirect("quotas")
    context = SECTION | {"form": form, "subject": subject, "quota": quotas.of(subject), **_helps()}
    return render(request, "administration/quota.html", context, status=422 if form.is_bound else 200)


def _helps():
    """What the numbers of a quota do, and what an empty field stands for."""
    default = Share()
    room = in_units(default.storage_limit) if default.storage_limit else "no limit"
    return {
        "help_at_once": f"Empty: {default.most:,}, as ENVPORTAL_BUILDS_PER_WORKSPACE says. 0: none begins; those that run end.",
        "help_storage": f"Empty: {room}, as ENVPORTAL_STORAGE_PER_WORKSPACE_MB says. 0: no limit. Refuses new builds alone: "
        "what was asked for before begins, and private wheels can be uploaded.",
    }
