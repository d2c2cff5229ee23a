"""What may change of an environment: description, tags, labels, whether it is archived, and whether it is there."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from . import lifecycle
from .access import get_environment, get_label, get_version
from .faults import Refused
from .settings_forms import DetailsForm, LabelForm

CHANGE, DELETE = "environments.change_environment", "environments.delete_environment"
# Where the records that need a version are listed.
LISTS = {"build": "builds", "label": "environment-settings"}


def settings(request, workspace, name):
    environment = get_environment(request, workspace, name, CHANGE)
    if request.method != "POST":
        return _show(request, environment)
    form = DetailsForm(request.POST)
    if not form.is_valid():
        return _show(request, environment, form=form, status=422)
    form.save(environment, request.user)
    messages.success(request, "Saved.")
    return redirect("environment-settings", workspace, name)


@require_POST
def set_label(request, workspace, name):
    environment = get_environment(request, workspace, name, CHANGE)
    form = LabelForm(request.POST, environment=environment)
    if form.is_valid() and (saved := form.save(request.user)):
        label, _ = saved
        messages.success(request, f"{label} points at version {label.version.number} now.")
        return redirect("environment-settings", workspace, name)
    return _show(request, environment, label_form=form, status=422)


@require_POST
def remove_label(request, workspace, name, label):
    label, environment = get_label(request, workspace, name, label, CHANGE)
    label.remove(environment, request.user)
    messages.success(request, f"{label} points at nothing any more.")
    return redirect("environment-settings", workspace, name)


def _show(request, environment, form=None, label_form=None, status=200):
    context = {
        "environment": environment,
        "workspace": environment.workspace,
        "form": form or DetailsForm.of(environment),
        "label_form": label_form or LabelForm(environment=environment, initial={"label": request.GET.get("label", "")}),
        "labels": environment.labels.select_related("version", "changed_by"),
    }
    return render(request, "environments/settings.html", context, status=status)


def archive(request, workspace, name, number=None):
    return _act(request, _thing(request, workspace, name, number), lifecycle.archive, "archived")


def restore(request, workspace, name, number=None):
    return _act(request, _thing(request, workspace, name, number), lifecycle.restore, "restored")


def _thing(request, workspace, name, number, permission=CHANGE):
    """The version, or without a number the environment."""
    if number is None:
        return get_environment(request, workspace, name, permission)
    return get_version(request, workspace, name, number, permission)


def _act(request, thing, act, said):
    if request.method == "POST":  # otherwise somebody had to sign in first, and decides again
        try:
            act(thing, request.user)
        except Refused as fault:
            messages.error(request, fault.message)
        else:
            messages.success(request, f"{thing} is {said}.")
    return redirect(thing)


def delete(request, workspace, name, number=None):
    """Say what would go, or what needs it; when it is confirmed, delete it."""
    thing = _thing(request, workspace, name, number, DELETE)
    users, status = lifecycle.users_of(thing), 200
    reason = lifecycle.why_it_stays(thing, users)
    if request.method == "POST":
        try:
            lifecycle.delete(thing, request.user)
        except Refused as fault:
            reason, status = fault.message, 409
        else:
            return _after_deleting(request, thing, workspace, name, number)
    environment = thing if number is None else thing.environment
    context = {
        "thing": thing,
        "version": None if number is None else thing,
        "environment": environment,
        "workspace": environment.workspace,
        "reason": reason,
        "users": [(each.words, _list_of(each.kind, environment)) for each in users],
    }
    return render(request, "environments/delete.html", context, status=status)


def _after_deleting(request, thing, workspace, name, number):
    messages.success(request, f"{thing} was deleted.")
    return redirect("environments", workspace) if number is None else redirect("environment", workspace, name)


def _list_of(kind, environment):
    """The address of the page that lists such records of the environment, or empty."""
    if kind == "run":
        return f"{reverse('runs', args=[environment.workspace.name])}?environment={environment.name}"
    return reverse(LISTS[kind], args=[environment.workspace.name, environment.name]) if kind in LISTS else ""
