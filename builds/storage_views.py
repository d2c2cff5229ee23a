"""Storage for administrators: what takes the room, what a clean-up would free and why, and the button that does it."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Sum
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize

from environments.forms import PageForm
from environments.templatetags.portal import size, thousands

from . import marks, storage, storage_picture
from .models import Build, Cleanup, DiskUse, Machine

PAGE = 50
CLEANUPS = 5


class Shown(forms.Form):
    """Which list of the page."""

    show = forms.ChoiceField(choices=[(name, name) for name in ("freed", "kept", "workspaces")], required=False)

    @property
    def choice(self):
        return (self.is_valid() and self.cleaned_data["show"]) or "freed"


def page(request):
    """Auditors see it, administrators clean it."""
    verb = "clean" if request.method == "POST" else "view"
    if not request.user.has_perm(f"builds.{verb}_storage"):
        raise PermissionDenied("Storage is for administrators.")
    return _clean(request) if verb == "clean" else _show(request)


def _clean(request):
    """Do what was shown; when it is not the same any more, show what it is now."""
    try:
        cleanup = storage.clean(request.user, request.POST.get("plan", ""))
    except storage.Changed:
        return _show(request, is_changed=True, status=409)
    builds = f"{thousands(cleanup.builds)} build{pluralize(cleanup.builds)}"
    messages.success(request, f"The files of {builds} are given up: {size(cleanup.size)}.")
    return redirect("storage")


def _show(request, is_changed=False, status=200):
    plan, shown = storage.make_plan(), Shown(request.GET).choice
    workspaces = storage.by_workspace(plan)
    for row in workspaces:
        row["parts"] = marks.parts(
            [("kept", row["size"] - row["can_go"]), ("freed", row["can_go"])], workspaces[0]["size"]
        )
    rows = {"freed": plan.freed, "kept": plan.kept, "workspaces": workspaces}[shown]
    found = Paginator(rows, PAGE).get_page(PageForm(request.GET).page_number)
    if shown != "workspaces":
        found.object_list = with_builds(found.object_list)
    machines = list(Machine.objects.known().order_by("name").prefetch_related("uses"))
    shared = {name: sum(row[name] for row in workspaces) for name in ("logs", "wheels")}
    context = {
        "plan": plan,
        "may_clean": request.user.has_perm("builds.clean_storage"),
        "policy": plan.policy,
        "shown": shown,
        "page": found,
        "workspaces": workspaces,
        "is_changed": is_changed,
        "machines": machines,
        "cache_mb": settings.CACHE_MB,
        "shared": shared,
        "kinds": storage_picture.rows(_kinds(plan, machines, shared)),
        "budget": storage_picture.Budget(plan.all_size, plan.size, plan.policy.budget),
        "cleanups": Cleanup.objects.select_related("by")[:CLEANUPS],
        "freed_so_far": Cleanup.objects.aggregate(size=Sum("size"))["size"] or 0,
    }
    return render(request, "builds/storage.html", context, status=status)


def _kinds(plan, machines, shared):
    """(name, bytes, bytes that would go) of each kind of files, of all machines together."""
    archives, freed_archives = plan.archives
    found = [
        ("Installed packages", plan.all_size - archives, plan.size - freed_archives),
        ("Archives", archives, freed_archives),
        ("Logs of builds", shared["logs"], 0),
        ("Private wheels", shared["wheels"], 0),
    ]
    counted = [use for machine in machines for use in machine.uses.all() if use.kind != DiskUse.Kind.PREFIXES]
    for kind, label in DiskUse.Kind.choices:
        found.append((label, sum(use.size for use in counted if use.kind == kind), 0))
    return found


def with_builds(decisions):
    """The decisions whose builds are still there, each with its Build as `row`."""
    builds = Build.objects.with_subject().in_bulk([decision.build for decision in decisions])
    found = [(decision, builds.get(decision.build)) for decision in decisions]
    return [{"decision": decision, "row": row} for decision, row in found if row]
