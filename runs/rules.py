import rules

from environments.rules import is_editor, is_viewer

rules.add_perm("runs.view_run", is_viewer)
rules.add_perm("runs.add_run", is_editor)
rules.add_perm("runs.change_run", is_editor)
