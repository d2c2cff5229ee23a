"""What a setting says of the roles that groups give. Pure: settings read it before there are any models."""

from dataclasses import dataclass

PORTAL = ("administrator", "curator", "auditor")
MEMBERS = ("viewer", "editor", "owner")


@dataclass(frozen=True)
class Given:
    """What one group gives: a role on the whole portal, or one in a workspace."""

    group: str
    role: str
    workspace: str = ""


def read(pairs):
    """Return the Givens of `group=role` and `group=workspace:role`. Raise ValueError with a sentence."""
    found = []
    for pair in pairs:
        group, _, what = (part.strip() for part in pair.rpartition("="))
        workspace, _, role = what.rpartition(":")
        known = MEMBERS if workspace else PORTAL
        if not group or role not in known:
            raise ValueError(f"“{pair}” is not group=role or group=workspace:role. Roles here are {', '.join(known)}.")
        found.append(Given(group, role, workspace))
    return found
