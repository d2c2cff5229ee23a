"""Fetch a thing for a person, who is told 404 as a stranger and 403 as a member whose role is too small."""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404

from events import actor

from .models import Membership, Rule, Version, Workspace
from .wheels import PrivateWheel
from .workspace_secrets import Secret


def require(request, permission, thing):
    """Raise PermissionDenied unless the person may. `permission` is `app.verb_model`."""
    if not request.user.has_perm(permission, thing):
        workspace = thing if isinstance(thing, Workspace) else thing.workspace
        actor.denied_in(workspace)
        if workspace.is_shelf:
            raise PermissionDenied("Curators alone change what is curated. Make an environment of your own from it.")
        raise PermissionDenied("Your role in this workspace does not allow this. An owner of it can change that.")
    return thing


def see(rows, **which):
    """The one of these rows, which are those that a person sees. That it is not among them is noted as a refusal."""
    try:
        return get_object_or_404(rows, **which)
    except Http404:
        actor.not_seen()
        raise


def may_make_workspaces(request):
    """Raise PermissionDenied unless the person may make a workspace."""
    if not request.user.has_perm("environments.add_workspace"):
        raise PermissionDenied("Administrators make workspaces here. Ask one of them.")


def get_workspace(request, name, permission="environments.view_workspace"):
    workspace = see(Workspace.objects.visible_to(request.user).with_role_of(request.user), name=name)
    workspace.my_role = workspace.my_role or 0
    return require(request, permission, workspace)


def get_member(request, workspace, person, permission="environments.view_people"):
    workspace = get_workspace(request, workspace, permission)
    member = get_object_or_404(Membership.objects.select_related("user"), workspace=workspace, user__username=person)
    member.workspace = workspace
    return member


def get_own_membership(request, workspace):
    """Anybody may leave a workspace; who is no member of it, such as an auditor, has nothing to leave."""
    workspace = get_workspace(request, workspace)
    member = get_object_or_404(Membership, workspace=workspace, user=request.user)
    member.workspace = workspace
    return member


def get_environment(request, workspace, name, permission="environments.view_environment"):
    workspace = get_workspace(request, workspace)
    environment = workspace.find_environment(name)
    if not environment:
        raise Http404("There is no such environment.")
    if environment.workspace_id == workspace.pk:
        environment.workspace = workspace
    else:
        environment.used_in = workspace
    return require(request, permission, environment)


def get_version(request, workspace, name, number, permission="environments.view_environment"):
    """The version with that number, or that a label of that name points at in this moment."""
    environment = get_environment(request, workspace, name)
    versions = Version.objects.filter(environment=environment)
    versions = versions.select_related("author", "archived", "origin__environment__workspace")
    version = get_object_or_404(versions.called(number))
    version.environment = environment
    version.used_in = environment.used_in
    return require(request, permission, version)


def get_label(request, workspace, name, label, permission="environments.view_environment"):
    """(label, its environment)"""
    environment = get_environment(request, workspace, name, permission)
    return get_object_or_404(environment.labels.select_related("version", "changed_by"), name=label), environment


def get_wheel(request, workspace, sha256, permission="environments.view_wheel"):
    workspace = get_workspace(request, workspace)
    wheels = PrivateWheel.objects.select_related("uploaded_by")
    wheel = get_object_or_404(wheels, workspace=workspace, sha256=sha256)
    wheel.workspace = workspace
    return require(request, permission, wheel)


def get_hook(request, workspace, pk):
    workspace = get_workspace(request, workspace, "environments.change_hooks")
    hook = get_object_or_404(workspace.hooks.all(), pk=pk)
    hook.workspace = workspace
    return hook


def get_delivery(request, workspace, hook, pk):
    hook = get_hook(request, workspace, hook)
    delivery = get_object_or_404(hook.deliveries.all(), pk=pk)
    delivery.hook = hook
    return delivery


def require_portal(request, permission):
    """Raise PermissionDenied unless the person may do this on the whole portal."""
    if not request.user.has_perm(permission):
        raise PermissionDenied("This is for administrators of the portal.")


def get_policy_scope(request, workspace, verb):
    """The Workspace of that name whose rules are meant; None, which is the portal, where there is no name."""
    if workspace:
        return get_workspace(request, workspace, f"environments.{verb}_policy")
    return require_portal(request, f"environments.{verb}_portal_policy")


def get_rule(request, workspace, pk, verb="view"):
    """A rule of a workspace or of the portal. To see, also one of the portal that binds the workspace."""
    scope = get_policy_scope(request, workspace, verb)
    rules = Rule.objects.binding(scope) if verb == "view" else Rule.objects.filter(workspace=scope)
    return get_object_or_404(rules.select_related("workspace"), pk=pk)


def get_secret(request, workspace, name, permission="environments.view_secret"):
    workspace = get_workspace(request, workspace)
    secret = get_object_or_404(Secret.objects.select_related("changed_by"), workspace=workspace, name=name)
    secret.workspace = workspace
    return require(request, permission, secret)
