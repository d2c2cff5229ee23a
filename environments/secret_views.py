"""The secrets of a workspace: their names, and forms that take a value and never show one."""

import re

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from .access import get_secret, get_workspace
from .forms import PageForm, SecretForm
from .workspace_secrets import NAME

PAGE = 50


@never_cache
@sensitive_post_parameters("value")
def secrets(request, workspace):
    """The list. `?name=` begins a new value of one that is there; POST sets one."""
    if request.method != "POST":
        workspace = get_workspace(request, workspace, "environments.view_workspace")
        return _list(request, workspace, SecretForm(initial=_begun(workspace, request.GET.get("name", ""))))
    workspace = get_workspace(request, workspace, "environments.set_secret")
    form = SecretForm(request.POST)
    if form.is_valid() and (saved := form.save(workspace, request.user)):
        secret, is_new = saved
        messages.info(request, f"{secret} is set." if is_new else f"{secret} has its new value. The old one is gone.")
        return redirect(secret)
    return _list(request, workspace, form, 422)


def _begun(workspace, name):
    """What the form begins with: the name that was asked for, and the hosts of the secret that has it."""
    if not re.fullmatch(NAME, name):
        return {}
    known = workspace.secrets.filter(name=name).first()
    return {"name": name, "hosts": " ".join(known.hosts if known else ())}


def _list(request, workspace, form, status=200):
    found = workspace.secrets.select_related("changed_by").order_by("name")
    page = Paginator(found, PAGE).get_page(PageForm(request.GET).page_number)
    context = {"workspace": workspace, "section": "secrets", "form": form, "page": page}
    return render(request, "environments/secrets.html", context, status=status)


def delete_secret(request, workspace, name):
    """Say what would go; when it is confirmed, delete it."""
    secret = get_secret(request, workspace, name, "environments.delete_secret")
    if request.method != "POST":
        context = {"secret": secret, "workspace": secret.workspace, "section": "secrets"}
        return render(request, "environments/secret_delete.html", context)
    secret.delete()
    messages.info(request, f"Deleted {secret}.")
    return redirect(secret)
