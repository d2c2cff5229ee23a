"""Who may do what, in one place. Pages, templates and API ask by these names."""

import rules
from django.conf import settings

from . import portal_roles
from .models import Role, Workspace


@rules.predicate
def is_administrator(user):
    return user.is_superuser


@rules.predicate
def is_curator(user):
    return portal_roles.curates(user)


@rules.predicate
def is_auditor(user):
    """Sees everything and changes nothing by that."""
    return portal_roles.sees_whole_portal(user)


@rules.predicate
def may_make_workspaces(user):
    by_all = settings.WORKSPACES_BY == "everybody" and portal_roles.reach_of(user) is None
    return user.is_superuser or (by_all and user.is_authenticated)


def _workspace_of(thing):
    return thing if isinstance(thing, Workspace) else thing.workspace


@rules.predicate
def is_viewer(user, thing):
    """Members, and auditors, who are none."""
    return _workspace_of(thing).is_seen_by(user)


def _role_at_least(role, name):
    @rules.predicate(name=name)
    def has_role(user, thing):
        return _workspace_of(thing).role_of(user) >= role

    return has_role


is_member = _role_at_least(Role.VIEWER, "is member")
is_editor = _role_at_least(Role.EDITOR, "is editor")
is_owner = _role_at_least(Role.OWNER, "is owner")

rules.add_perm("environments.curate", is_curator)
rules.add_perm("environments.add_workspace", may_make_workspaces)
rules.add_perm("environments.view_policy", is_viewer)
rules.add_perm("environments.change_policy", is_owner)
rules.add_perm("environments.view_portal_policy", is_auditor)
rules.add_perm("environments.change_portal_policy", is_administrator)
rules.add_perm("environments.administer", is_administrator)
rules.add_perm("environments.view_portal_people", is_auditor)
rules.add_perm("environments.change_portal_people", is_administrator)
rules.add_perm("environments.view_administration", is_auditor)
rules.add_perm("environments.view_people", is_viewer)
rules.add_perm("environments.change_people", is_owner)
rules.add_perm("environments.view_workspace", is_viewer)
rules.add_perm("environments.add_environment", is_editor)
rules.add_perm("environments.view_environment", is_viewer)
rules.add_perm("environments.change_environment", is_editor)
rules.add_perm("environments.delete_environment", is_owner)
rules.add_perm("environments.view_wheel", is_viewer)
rules.add_perm("environments.add_wheel", is_editor)
rules.add_perm("environments.delete_wheel", is_editor)
rules.add_perm("environments.view_invitations", is_owner | is_auditor)
rules.add_perm("environments.view_hooks", is_owner | is_auditor)
rules.add_perm("environments.change_hooks", is_owner)
rules.add_perm("environments.view_secret", is_viewer)  # its name; nobody sees its value
rules.add_perm("environments.set_secret", is_owner)
rules.add_perm("environments.delete_secret", is_owner)
