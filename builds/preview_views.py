"""The panel of the editor that says what would be installed."""

import re

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from environments import drafts
from environments.access import get_workspace
from environments.editing import Editing
from environments.findings import Fix
from environments.models import Environment, Rule

from . import lock_diff, preview
from .failures import Failure
from .models import Lock

# Seconds that the panel waits for a place before it says how many are before it.
PATIENCE = 4


@require_POST
def preview_draft(request, workspace):
    """Resolve the draft that an editor posts. `?environment=` names the one that it is a version of."""
    workspace = get_workspace(request, workspace, "environments.add_environment")
    name = request.GET.get("environment")
    environment = get_object_or_404(Environment, workspace=workspace, name=name) if name else None
    latest = environment and environment.latest
    editing = Editing.posted(request.POST, Rule.objects.policy(workspace), latest)
    context = {"editing": editing, "latest": latest}
    if not editing.errors and not editing.fault and not editing.is_blank:
        try:
            asker = (request.session.session_key, request.path, name)
            answer = preview.resolve(editing.definition, asker, request.user.pk, PATIENCE, rules=editing.policy)
        except preview.Superseded:
            return HttpResponse(status=204)
        except preview.Crowded as fault:  # the panel says so, and asks again
            return render(request, "builds/preview.html", context | {"crowded": fault, "here": request.get_full_path()})
        context["preview"] = answer
        context |= {"changes": changes_since(latest, answer), "rows": answers(editing, answer)}
        context["relax"] = to_relax(editing.definition, answer.failure)
    return render(request, "builds/preview.html", context)


def changes_since(version, answer):
    """What the packages change against those that a build of the version gives on that platform, or None."""
    kept = version and answer.fits and Lock.objects.kept(version.reuse_key, answer.platform)
    return lock_diff.compare(kept.values(), answer.packages) if kept else None


def to_relax(definition, failure):
    """Fixes that each leave open one requirement that a conflict names, at most three."""
    if not failure or failure.failure not in (Failure.CONFLICT, Failure.NO_VERSION, Failure.NO_WHEEL):
        return []
    words = set(re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*", failure.reason.lower()))
    asked = [each for each in definition.placed if getattr(each.item, "constraint", "") and each.item.name != "python"]
    return [_left_open(each) for each in asked if each.item.name in words][:3]


def _left_open(each):
    name = drafts.split("pip" if ".pip[" in each.where else "conda", each.item.text)[0]
    return Fix(f"Any version of {each.item.name}", "set", each.path, name)


def answers(editing, answer):
    """For each row of the page the version that it would get: (id of its place, version or empty)."""
    found = {(package.manager, package.name): package.version for package in answer.packages}
    rows = []
    for manager, items in (("pip", editing.rows.pip), ("conda", editing.rows.conda)):
        placed = {each.where: each.item.name for each in editing.definition.placed if hasattr(each.item, "name")}
        rows += [(f"{manager}-{row.position}", found.get((manager, placed.get(row.where)), "")) for row in items]
    return rows
