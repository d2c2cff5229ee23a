"""The one rule for names of labels: words that point at a version. Pure."""

import re

from .faults import UserFault
from .texts import shorten

LATEST = "latest"
LONGEST = 63
# Begins with a letter, so that no label can be taken for a number. Also the path converter of URLs.
PATTERN = rf"[A-Za-z][A-Za-z0-9._-]{{0,{LONGEST - 1}}}"
NUMBER = "[1-9][0-9]{0,8}"
# What may stand wherever a version is named.
REFERENCE = f"{NUMBER}|{PATTERN}"


def check(name):
    """Raise UserFault unless a label may be called so."""
    if not re.fullmatch(PATTERN, name):
        raise UserFault(
            f"“{shorten(name, 40)}” cannot be a label: it begins with a letter, goes on with letters, digits, dots, "
            f"underscores and hyphens, and has at most {LONGEST} characters.",
            "label",
        )
    if name.lower() == LATEST:
        raise UserFault("latest always points at the newest version, and cannot be set.", "label")


def split(text):
    """(name of an environment, what names its version or empty) of `name`, `name@prod`, `name:3` and `name:prod`."""
    name, mark, reference = text.partition("@" if "@" in text else ":")
    if mark and not re.fullmatch(REFERENCE, reference):
        raise UserFault(
            f"“{shorten(text)}” names no version. Write {shorten(name, 40)}@label or {shorten(name, 40)}:3."
        )
    return name, reference
