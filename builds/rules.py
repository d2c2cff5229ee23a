import rules

from environments.models import Role, Workspace
from environments.rules import is_administrator, is_auditor, is_editor, is_member, is_owner, is_viewer


@rules.predicate
def may_build(user, thing):
    """Editors; what is curated, editors of the workspace in which it is used, or of any if that is not said."""
    place = getattr(thing, "used_in", None)
    if place:
        return place.role_of(user) >= Role.EDITOR
    return is_editor(user, thing) or (is_curated(thing) and Workspace.objects.edited_by(user).exists())


def is_curated(thing):
    return (thing if isinstance(thing, Workspace) else thing.workspace).is_shelf


rules.add_perm("builds.view_build", is_viewer)
rules.add_perm("builds.make_archive", is_member | may_build)
rules.add_perm("builds.add_build", may_build)
rules.add_perm("builds.move_lock", is_editor)  # of what is curated, which all have, curators alone
rules.add_perm("builds.cancel_build", is_editor)
rules.add_perm("builds.free_build", is_editor)
rules.add_perm("builds.delete_build", is_owner)
rules.add_perm("builds.ignore_advisory", is_owner)  # in a workspace; in all of them administrators alone
rules.add_perm("builds.set_licence_rules", is_owner)  # of a workspace; of the portal administrators alone
rules.add_perm("builds.view_storage", is_auditor)
rules.add_perm("builds.clean_storage", is_administrator)
rules.add_perm("builds.ignore_advisory_everywhere", is_administrator)
rules.add_perm("builds.set_licence_rules_everywhere", is_administrator)
