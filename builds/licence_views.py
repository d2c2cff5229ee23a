"""Which licences are allowed: the rules of the portal and of a workspace, to be seen by all whom they bind."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect, render

from environments.access import get_workspace, require

from .licence_forms import LicenceRulesForm
from .licence_models import LicenceRules

PERMISSION = "builds.set_licence_rules"


def get_place(request, workspace, is_changing=False):
    """The workspace whose rules are meant; None for the portal, whose rules administrators alone change."""
    if workspace is not None:
        workspace = get_workspace(request, workspace)
        return require(request, PERMISSION, workspace) if is_changing else workspace
    if is_changing and not request.user.has_perm(f"{PERMISSION}_everywhere"):
        raise PermissionDenied("Administrators alone change the licence policy of the portal.")
    return None


def licence_rules(request, workspace=None):
    """The rules; a form for who may change them."""
    place = get_place(request, workspace, request.method == "POST")
    row = LicenceRules.objects.filter(workspace=place).select_related("changed_by").first()
    form = LicenceRulesForm(request.POST if request.method == "POST" else None, workspace=place, rules=row)
    if form.is_valid() and form.save(request.user):
        messages.info(request, f"The licence policy of {place or 'the portal'} is set.")
        return redirect(request.path)
    context = {
        "workspace": place,
        "section": "inventory" if place else "licences",
        "form": form,
        "row": row,
        "rules": row and row.value,
        "portal": LicenceRules.objects.filter(workspace=None).first() if place else None,
        "may_set": request.user.has_perm(PERMISSION if place else f"{PERMISSION}_everywhere", place),
    }
    return render(request, "builds/licence_rules.html", context, status=422 if form.is_bound else 200)
