import json

from django.core.paginator import Paginator
from django.shortcuts import render
from django.urls import reverse
from rest_framework.request import Request

from builds import lock_diff
from builds.models import Lock
from builds.sides import locked
from environments.access import get_workspace
from environments.forms import PageForm
from environments.views import render_part
from envportal.pages import ByStart

from .access import get_run
from .forms import RunFilterForm

PAGE = 50
PACKAGES = 200


def runs(request, workspace):
    workspace = get_workspace(request, workspace)
    filters = RunFilterForm(request.GET)
    pages = ByStart()
    found = pages.paginate_queryset(filters.apply(workspace.runs.with_subject()), Request(request))
    context = {
        "workspace": workspace,
        "section": "runs",
        "filters": filters,
        "runs": found,
        "newer": pages.get_previous_link(),
        "older": pages.get_next_link(),
        "address": request.build_absolute_uri(reverse("api-runs", args=[workspace.name])),
    }
    return render_part(request, "runs/runs.html", "list", context)


def run(request, pk):
    run = get_run(request, pk)
    packages = run.lock.packages.all() if run.lock else []
    context = {
        "run": run,
        "workspace": run.workspace,
        "section": "runs",
        "page": Paginator(packages, PACKAGES).get_page(PageForm(request.GET).page_number),
        "drift": _drift(run),
        "document": json.dumps(run.document, indent=2) if run.document else "",
    }
    return render(request, "runs/run.html", context)


def _drift(run):
    """How the packages that a run reported differ from the lock of its version; None where there are not both.

    Tools report names and versions, not files, so only those are compared.
    """
    kept = run.version and run.lock and run.lock.is_reported and Lock.objects.kept(run.version.reuse_key)
    if not kept:
        return None
    return lock_diff.compare(*(locked(lock)["packages"] for lock in (kept, run.lock)))
