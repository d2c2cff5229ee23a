"""Webhooks of a workspace: for its owners; auditors see which there are."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST
from rest_framework.request import Request

from envportal.pages import ByMoment

from . import notices
from .access import get_delivery, get_hook, get_workspace
from .notice_forms import HookForm


@never_cache
@sensitive_variables("made", "secret")
def hooks(request, workspace):
    """The list. POST makes one and shows its secret, this once."""
    verb = "change" if request.method == "POST" else "view"
    workspace = get_workspace(request, workspace, f"environments.{verb}_hooks")
    form = HookForm(request.POST if request.method == "POST" else None)
    made = form.add(workspace, request.user) if form.is_valid() else None
    if made:
        hook, secret = made
        return _show(request, hook, secret=secret)
    context = {
        "workspace": workspace,
        "section": "hooks",
        "form": form,
        "hooks": workspace.hooks.select_related("created_by").order_by("created", "pk"),
    }
    return render(request, "environments/hooks.html", context, status=422 if form.is_bound else 200)


@never_cache
def hook(request, workspace, pk):
    """One, with what it was told. POST changes it."""
    hook = get_hook(request, workspace, pk)
    if request.method != "POST":
        return _show(request, hook)
    form = HookForm(request.POST, hook=hook)
    if not form.is_valid():
        return _show(request, hook, form, status=422)
    hook.change(request.user, **form.cleaned_data)
    messages.success(request, "Saved.")
    return redirect(hook)


@sensitive_variables("secret")
def _show(request, hook, form=None, secret="", status=200):
    pages = ByMoment()
    context = {
        "workspace": hook.workspace,
        "section": "hooks",
        "hook": hook,
        "form": form or HookForm(hook=hook),
        "secret": secret,
        "deliveries": pages.paginate_queryset(hook.deliveries.all(), Request(request)),
        "newer": pages.get_previous_link(),
        "older": pages.get_next_link(),
    }
    return render(request, "environments/hook.html", context, status=status)


@require_POST
def test(request, workspace, pk):
    hook = get_hook(request, workspace, pk)
    notices.send_test(hook, request.user)
    messages.success(request, "A test is on its way. Load this page again in a moment.")
    return redirect(hook)


@never_cache
@require_POST
@sensitive_variables("secret")
def renew(request, workspace, pk):
    """Give it another secret, and show that, this once."""
    hook = get_hook(request, workspace, pk)
    secret = hook.renew_secret(request.user)
    return _show(request, hook, secret=secret)


def delete(request, workspace, pk):
    hook = get_hook(request, workspace, pk)
    if request.method == "POST":
        hook.remove(request.user)
        messages.success(request, f"The webhook {hook} was deleted.")
        return redirect("hooks", workspace)
    context = {"workspace": hook.workspace, "section": "hooks", "hook": hook}
    return render(request, "environments/hook_delete.html", context)


@require_POST
def again(request, workspace, hook, pk):
    """Send something once more."""
    delivery = get_delivery(request, workspace, hook, pk)
    if delivery.send_again(request.user):
        messages.success(request, "It is on its way again.")
    else:
        messages.error(request, "It is on its way already.")
    return redirect(delivery.hook)
