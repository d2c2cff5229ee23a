"""What a rule of a policy may say, by its kind. Pure.

Pages, API and Django's admin read a rule through `check` before it is kept.
"""

import re
from fnmatch import fnmatchcase

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .faults import UserFault
from .names import PATTERN
from .policy import bare_image
from .version_sets import VersionSet

PYTHON_ENDS, IMAGE_BLOCKED, IMAGE_DEPRECATED = "python-ends", "image-blocked", "image-deprecated"
PACKAGE_REQUIRED, PACKAGE_BLOCKED = "package-required", "package-blocked"
CHANNEL_ALLOWED, INDEX_ALLOWED, PREFIX_RESERVED = "channel-allowed", "index-allowed", "prefix-reserved"

# What each kind says, beside its subject; the rest stays empty.
FIELDS = {
    PACKAGE_BLOCKED: ("manager", "constraint", "message", "replacement"),
    PACKAGE_REQUIRED: ("manager", "constraint", "message"),
    CHANNEL_ALLOWED: (),
    INDEX_ALLOWED: (),
    IMAGE_BLOCKED: ("message", "replacement"),
    IMAGE_DEPRECATED: ("message", "replacement"),
    PREFIX_RESERVED: (),
    PYTHON_ENDS: ("date",),
}
# Those that a workspace may have: each makes it stricter, whatever the portal's rules are.
OF_WORKSPACES = (PACKAGE_BLOCKED, PACKAGE_REQUIRED, CHANNEL_ALLOWED, INDEX_ALLOWED, IMAGE_BLOCKED, IMAGE_DEPRECATED)
MORE = ("manager", "constraint", "date", "message", "replacement")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_CHANNEL = re.compile(r"https?://[^\s@?#]+|[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
_INDEX = re.compile(r"https?://[^\s@?#]+")
_IMAGE = re.compile(r"[a-z0-9*?][a-z0-9._/*?-]*(?::[A-Za-z0-9_.*?-]+)?")


def check(values):
    """Return the fields of a rule as they are kept, from texts (`date` is a date). Raise UserFault at the field.

    `values` has `kind`, `subject`, and whatever of the others there is. What its kind does not say must be empty.
    """
    kind = values["kind"]
    if kind not in FIELDS:
        raise UserFault("There is no such kind of rule.", "kind")
    clean = {name: (values.get(name) or "").strip() for name in ("subject", "manager", "constraint", "message")}
    clean |= {"kind": kind, "replacement": (values.get("replacement") or "").strip(), "date": values.get("date")}
    if clean["manager"] not in ("", "conda", "pip"):
        raise UserFault("A manager is conda or pip.", "manager")
    for name in MORE:
        if clean[name] and name not in FIELDS[kind]:
            raise UserFault("A rule of this kind says nothing here.", name)
    clean["subject"] = _CHECKS[kind](clean["subject"])
    if kind == PYTHON_ENDS and not clean["date"]:
        raise UserFault("An end of Python names a version such as 3.8, and a date.", "date")
    VersionSet(clean["constraint"], clean["manager"], "constraint")
    if clean["replacement"] and kind == PACKAGE_BLOCKED:
        _check_requirement(clean)
    elif clean["replacement"] and not _IMAGE.fullmatch(clean["replacement"].replace("@sha256:", ":")):
        raise UserFault("This is no name of an image. Write ubuntu:24.04.", "replacement")
    elif kind == IMAGE_BLOCKED and fnmatchcase(bare_image(clean["replacement"]), clean["subject"].lower()):
        raise UserFault("This is what the rule blocks. Name another image.", "replacement")
    return clean


def _check_requirement(clean):
    try:
        instead = Requirement(clean["replacement"])
    except InvalidRequirement:
        raise UserFault("Write what is to stand there instead as name, or name>=1.2.", "replacement") from None
    is_same = canonicalize_name(instead.name) == canonicalize_name(clean["subject"])
    if is_same and (not clean["constraint"] or not instead.specifier):
        raise UserFault(
            "This is what the rule blocks. Name another package, or versions that it allows.", "replacement"
        )


def _package(text):
    if not _NAME.fullmatch(text):
        raise UserFault("This is no name of a package.", "subject")
    return text


def _channel(text):
    if not _CHANNEL.fullmatch(text):
        raise UserFault(
            "Write a channel as its name, such as conda-forge, or its address, without credentials.", "subject"
        )
    return text.rstrip("/")


def _index(text):
    if not _INDEX.fullmatch(text):
        raise UserFault(
            "Write the address of the index, without credentials: https://index.example.org/simple.", "subject"
        )
    return text.rstrip("/")


def _image(text):
    if not _IMAGE.fullmatch(text):
        raise UserFault(
            "Write name:tag without the registry, with * and ? where anything may stand: ubuntu:18.04*.", "subject"
        )
    return text


def _prefix(text):
    if not re.fullmatch(PATTERN, text):
        raise UserFault(
            "No name of an environment can begin so: letters, digits, dots, underscores, hyphens.", "subject"
        )
    return text


def _python(text):
    if not re.fullmatch(r"\d+\.\d+", text):
        raise UserFault("An end of Python names a version such as 3.8, and a date.", "subject")
    return text


_CHECKS = {
    PACKAGE_BLOCKED: _package,
    PACKAGE_REQUIRED: _package,
    CHANNEL_ALLOWED: _channel,
    INDEX_ALLOWED: _index,
    IMAGE_BLOCKED: _image,
    IMAGE_DEPRECATED: _image,
    PREFIX_RESERVED: _prefix,
    PYTHON_ENDS: _python,
}
