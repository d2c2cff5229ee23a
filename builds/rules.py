import rules

from environments.rules import is_editor, is_viewer

rules.add_perm("builds.view_build", is_viewer)
rules.add_perm("builds.make_archive", is_viewer)
rules.add_perm("builds.add_build", is_editor)
rules.add_perm("builds.cancel_build", is_editor)
