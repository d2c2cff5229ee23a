"""The one rule for names of environments, obeyed by pages, API and command line."""

import re

from .faults import UserFault

LONGEST = 255
# Also the path converter of URLs, so that every name that may exist has an address.
PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def check(name, reserved=()):
    """Raise UserFault unless `name` may be given to an environment that is not curated."""
    if not name:
        raise UserFault("An environment needs a name.", "name")
    if len(name) > LONGEST:
        raise UserFault(f"A name has at most {LONGEST} characters; this one has {len(name)}.", "name")
    if not re.fullmatch(PATTERN, name):
        raise UserFault(_what_is_wrong(name), "name")
    for prefix in reserved:
        if name.lower().startswith(prefix.lower()):
            raise UserFault(f"Names that begin with {prefix} are reserved for curated environments.", "name")


def _what_is_wrong(name):
    strange = sorted(set(re.findall(r"[^A-Za-z0-9._-]", name)))
    if strange:
        shown = " ".join("a space" if character.isspace() else character for character in strange[:5])
        return f"A name consists of letters A to Z, digits, dots, underscores and hyphens. Not allowed: {shown}"
    return "A name begins with a letter or a digit."
