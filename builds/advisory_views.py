"""What is known of faults in packages: the advisories that were imported, and who ignores which of them."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from rest_framework.request import Request

from environments.access import get_workspace
from environments.models import Workspace
from envportal.pages import Pages

from .advisory_forms import AdvisoryFilterForm, IgnoreForm
from .advisory_models import Advisory, AdvisoryImport, Ignored

MOST_WORKSPACES = 200  # that one may ignore it in


class ByModified(Pages):
    ordering = ("-modified", "-id")


def advisories(request):
    form, pages = AdvisoryFilterForm(request.GET), ByModified()
    rows = pages.paginate_queryset(form.found.prefetch_related("affected"), Request(request))
    context = {
        "form": form,
        "rows": rows,
        "last_import": AdvisoryImport.objects.last_good(),
        "last_try": AdvisoryImport.objects.first(),
        "newer": pages.get_previous_link(),
        "older": pages.get_next_link(),
        "section": "advisories",
    }
    return render(request, "builds/advisories.html", context, status=200 if form.is_valid() else 422)


def get_advisory(osv_id):
    """The advisory of this id; an alias leads to one of those that tell it."""
    by_name = Advisory.objects.named(osv_id).order_by("osv_id")
    found = Advisory.objects.filter(osv_id=osv_id).first() or by_name.first()
    return found or get_object_or_404(Advisory, osv_id=osv_id)


def ignored_by(advisory, user):
    """What anybody said about ignoring it that the person may see, the newest first."""
    found = Ignored.objects.visible_to(user).filter(osv_id__in=advisory.names)
    return found.select_related("workspace", "by", "ended_by")


def advisory(request, osv_id):
    advisory = get_advisory(osv_id)
    context = {
        "advisory": advisory,
        "affected": advisory.affected.all(),
        "ignored": ignored_by(advisory, request.user)[:MOST_WORKSPACES],
        "mine": _owned(request.user),
        "may_everywhere": request.user.has_perm("builds.ignore_advisory_everywhere"),
        "who": urlencode({"advisory": advisory.osv_id}),
        "last_import": AdvisoryImport.objects.last_good(),
        "section": "advisories",
    }
    return render(request, "builds/advisory.html", context)


def _owned(user):
    """The workspaces in which the person may ignore it."""
    found = Workspace.objects.worked_in_by(user).with_role_of(user)[:MOST_WORKSPACES]
    return [workspace for workspace in found if user.has_perm("builds.ignore_advisory", workspace)]


def get_place(request, workspace):
    """The workspace in which somebody ignores an advisory; None for all of them."""
    if workspace is not None:
        return get_workspace(request, workspace, "builds.ignore_advisory")
    if not request.user.has_perm("builds.ignore_advisory_everywhere"):
        raise PermissionDenied("Administrators alone ignore an advisory in all workspaces.")
    return None


def ignore(request, osv_id, workspace=None):
    """Ask for the reason and the last day; POST says them, or with `end` takes them back."""
    workspace, advisory = get_place(request, workspace), get_advisory(osv_id)
    if request.method == "POST" and "end" in request.POST:
        if Ignored.objects.end(advisory.osv_id, workspace, request.user):
            messages.info(request, f"{advisory} is not ignored any more in {workspace or 'all workspaces'}.")
        return redirect(advisory)
    form = IgnoreForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and form.save(advisory, workspace, request.user):
        return redirect(advisory)
    there = Ignored.objects.in_force().filter(osv_id=advisory.osv_id, workspace=workspace).select_related("by").first()
    context = {"form": form, "advisory": advisory, "workspace": workspace, "there": there, "section": "advisories"}
    return render(request, "builds/advisory_ignore.html", context, status=422 if form.is_bound else 200)
