"""Who may do what, in one place. Pages, templates and API ask by these names."""

import rules

from .models import Role, Workspace


def _role_at_least(role):
    @rules.predicate(name=f"is {role.label.lower()}")
    def has_role(user, thing):
        workspace = thing if isinstance(thing, Workspace) else thing.workspace
        return workspace.role_of(user) >= role

    return has_role


is_viewer = _role_at_least(Role.VIEWER)
is_editor = _role_at_least(Role.EDITOR)
is_owner = _role_at_least(Role.OWNER)

rules.add_perm("environments.view_workspace", is_viewer)
rules.add_perm("environments.add_environment", is_editor)
rules.add_perm("environments.view_environment", is_viewer)
rules.add_perm("environments.change_environment", is_editor)
rules.add_perm("environments.view_wheel", is_viewer)
rules.add_perm("environments.add_wheel", is_editor)
rules.add_perm("environments.delete_wheel", is_editor)
rules.add_perm("environments.view_secret", is_viewer)  # its name; nobody sees its value
rules.add_perm("environments.set_secret", is_owner)
rules.add_perm("environments.delete_secret", is_owner)
