"""The one rule for names of environments, obeyed by pages, API and command line. Pure."""

import re

from .catalogue import found
from .faults import UserFault

LONGEST = 255
# Also the path converter of URLs, so that every name that may exist has an address.
PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def examine(name, reserved=(), is_curated=False):
    """Return the Finding that says why an environment may not have this `name`, or None.

    The `reserved` prefixes are those that curated environments begin with, and no others, whatever the case.
    """
    if not name:
        return found("name-missing", "name")
    if len(name) > LONGEST:
        return found("name-too-long", "name", longest=LONGEST, length=len(name))
    if not re.fullmatch(PATTERN, name):
        return found("name-characters", "name", reason=_what_is_wrong(name))
    prefix = next((prefix for prefix in reserved if name.lower().startswith(prefix.lower())), "")
    if is_curated and reserved and not prefix:
        return found("name-not-curated", "name", prefixes=" or ".join(reserved))
    return found("name-reserved", "name", prefix=prefix) if prefix and not is_curated else None


def check(name, reserved=(), is_curated=False):
    """Raise UserFault unless an environment may have this `name`."""
    finding = examine(name, reserved, is_curated)
    if finding:
        raise UserFault(finding.message, "name")


def _what_is_wrong(name):
    strange = sorted(set(re.findall(r"[^A-Za-z0-9._-]", name)))
    if strange:
        shown = " ".join("a space" if character.isspace() else character for character in strange[:5])
        return f"A name consists of letters A to Z, digits, dots, underscores and hyphens. Not allowed: {shown}"
    return "A name begins with a letter or a digit."
