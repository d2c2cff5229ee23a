"""The one rule for names of environments, obeyed by pages, API and command line. Pure."""

import re

from .catalogue import found
from .faults import UserFault

LONGEST = 255
# Also the path converter of URLs, so that every name that may exist has an address.
PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def examine(name, reserved=()):
    """Return the Finding that says why `name` may not be given to an environment that is not curated, or None."""
    if not name:
        return found("name-missing", "name")
    if len(name) > LONGEST:
        return found("name-too-long", "name", longest=LONGEST, length=len(name))
    if not re.fullmatch(PATTERN, name):
        return found("name-characters", "name", reason=_what_is_wrong(name))
    for prefix in reserved:
        if name.lower().startswith(prefix.lower()):
            return found("name-reserved", "name", prefix=prefix)
    return None


def check(name, reserved=()):
    """Raise UserFault unless `name` may be given to an environment that is not curated."""
    finding = examine(name, reserved)
    if finding:
        raise UserFault(finding.message, "name")


def _what_is_wrong(name):
    strange = sorted(set(re.findall(r"[^A-Za-z0-9._-]", name)))
    if strange:
        shown = " ".join("a space" if character.isspace() else character for character in strange[:5])
        return f"A name consists of letters A to Z, digits, dots, underscores and hyphens. Not allowed: {shown}"
    return "A name begins with a letter or a digit."
