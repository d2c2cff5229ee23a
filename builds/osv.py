"""Advisories as OSV writes them, and whether they mean a version. Pure.

Source: the OSV schema 1.6. Of an entry only what is about PyPI counts. Versions are compared by PEP 440 without their
local part, because 2.0.1+cu118 has every fault of 2.0.1.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import InvalidVersion, Version

from environments.texts import can_be_kept

from . import cvss

ECOSYSTEM = "PyPI"
INTRODUCED, FIXED, LAST_AFFECTED = "introduced", "fixed", "last_affected"
# At the same version what ends a range comes before what begins one, so that a doubt means affected.
_ORDER = {FIXED: 0, LAST_AFFECTED: 1, INTRODUCED: 2}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
LONGEST_SUMMARY, LONGEST_URL, LONGEST_NAME = 500, 2000, 255
# Which reference is the advisory's own, the best first.
_REFERENCES = ("ADVISORY", "WEB", "REPORT", "ARTICLE", "FIX", "PACKAGE")


class OsvFault(Exception):
    """An entry that cannot be read. The argument says why, as a sentence."""


@dataclass(frozen=True)
class Affected:
    """What an advisory says of one package: `versions` by name, and `ranges` as tuples of (event, version)."""

    name: str
    versions: frozenset = frozenset()
    ranges: tuple = ()

    def has(self, version):
        """Whether it means this version. Raise InvalidVersion for one that PEP 440 does not know."""
        read = _public(version)
        return canonicalize_version(read) in self.versions or any(_is_within(read, events) for events in self.ranges)

    def fixed_after(self, version):
        """The first version after this one that is said to be fixed; empty where none is said."""
        read = _public(version)
        fixes = [Version(at) for events in self.ranges for kind, at in events if kind == FIXED]
        return str(min((fix for fix in fixes if fix > read), default=""))


@dataclass(frozen=True)
class Entry:
    """One advisory. `severity` is a word of cvss.WORDS, or empty where nobody says it."""

    id: str
    modified: datetime
    is_withdrawn: bool = False
    aliases: tuple = ()
    summary: str = ""
    severity: str = ""
    score: float | None = None
    vector: str = ""
    url: str = ""
    affected: tuple = ()


def read(document):
    """Return the Entry of a parsed OSV document. Raise OsvFault for what is none."""
    if not isinstance(document, dict):
        raise OsvFault("It is no object.")
    identifier = document.get("id")
    if not isinstance(identifier, str) or not _ID.fullmatch(identifier):
        raise OsvFault("Its id is missing, or is none.")
    aliases = tuple(name for name in _list(document, "aliases") if isinstance(name, str) and _ID.fullmatch(name))
    vector, score, severity = _severity(document)
    return Entry(
        id=identifier,
        modified=_moment(document.get("modified")),
        is_withdrawn=bool(document.get("withdrawn")),
        aliases=tuple(dict.fromkeys(aliases)),
        summary=_text(document.get("summary") or document.get("details"), LONGEST_SUMMARY),
        severity=severity,
        score=score,
        vector=vector,
        url=_url(document),
        affected=_affected(document),
    )


def pypi_version(text):
    """Whether PEP 440 knows the version, so that it can be held against an advisory."""
    try:
        return bool(Version(text))
    except InvalidVersion:
        return False


def _is_within(version, events):
    is_inside = False
    for kind, at in sorted(events, key=lambda event: (_place(event[1]), _ORDER[event[0]])):
        there = _place(at)
        if kind == INTRODUCED and version >= there:
            is_inside = True
        elif (kind == FIXED and version >= there) or (kind == LAST_AFFECTED and version > there):
            is_inside = False
    return is_inside


_FIRST = Version("0.dev0")


@lru_cache(10_000)
def _place(text):
    """OSV says 0 for before every version."""
    return _FIRST if text == "0" else Version(text)


@lru_cache(10_000)
def _public(text):
    return Version(Version(text).public)


def _affected(document):
    found = {}
    for each in _list(document, "affected"):
        package = each.get("package") if isinstance(each, dict) else None
        if not isinstance(package, dict) or str(package.get("ecosystem", "")).split(":")[0] != ECOSYSTEM:
            continue
        name = package.get("name")
        if not isinstance(name, str) or not name or len(name) > LONGEST_NAME or not can_be_kept(name):
            raise OsvFault("A package that it affects has no name.")
        found.setdefault(canonicalize_name(name), []).append(each)
    return tuple(_merged(name, parts) for name, parts in found.items())


def _merged(name, parts):
    versions = [_named(version) for part in parts for version in _list(part, "versions")]
    ranges = [_events(each, name) for part in parts for each in _list(part, "ranges") if _is_of_versions(each)]
    if not versions and not ranges:
        raise OsvFault(f"It names neither versions nor a range of {name}.")
    return Affected(name, frozenset(versions), tuple(ranges))


def _is_of_versions(part):
    if not isinstance(part, dict):
        raise OsvFault("A range is no object.")
    return part.get("type") == "ECOSYSTEM"  # those of commits say nothing of a release


def _events(part, name):
    events = []
    for event in _list(part, "events"):
        for kind, at in event.items() if isinstance(event, dict) else ():
            if kind in _ORDER:
                events.append((kind, _checked(at, name)))
    if not any(kind == INTRODUCED for kind, _ in events):
        raise OsvFault(f"A range of {name} does not say where it begins.")
    return tuple(events)


def _checked(version, name):
    try:
        return version if version == "0" else str(Version(version))
    except (InvalidVersion, TypeError) as fault:
        raise OsvFault(f"A range of {name} names “{str(version)[:40]}”, which is no version.") from fault


def _named(version):
    """A version of a list as it is compared. What PEP 440 does not know means no version that a lock can have."""
    try:
        return canonicalize_version(_public(version))
    except (InvalidVersion, TypeError):
        return str(version)[:LONGEST_NAME]


def _severity(document):
    """(vector, score, word): by the vector where it can be counted, else in the word of whoever published it."""
    vectors = [
        each["score"]
        for each in _list(document, "severity")
        if isinstance(each, dict) and isinstance(each.get("score"), str)
    ]
    for vector in vectors:
        if (score := cvss.score(vector)) is not None:
            return vector[:200], score, cvss.word(score)
    own = document.get("database_specific")
    said = str(own.get("severity", "")).lower() if isinstance(own, dict) else ""
    word = {"moderate": "medium"}.get(said, said)
    return _text(next(iter(vectors), ""), 200), None, word if word in cvss.WORDS else ""


def _url(document):
    there = {}
    for each in _list(document, "references"):
        url = each.get("url") if isinstance(each, dict) else None
        if isinstance(url, str) and re.fullmatch(r"https?://[^\s<>\"]+", url) and len(url) <= LONGEST_URL:
            there.setdefault(str(each.get("type")), url)
    url = next((there[kind] for kind in _REFERENCES if kind in there), "")
    return url if can_be_kept(url) else ""


def _moment(text):
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as fault:
        raise OsvFault("It does not say when it was modified.") from fault
    if moment.tzinfo is None:
        raise OsvFault("Its time of modification has no zone.")
    return moment


def _list(document, name):
    there = document.get(name) or []
    if not isinstance(there, list):
        raise OsvFault(f"Its {name} are no list.")
    return there


def _text(text, longest):
    """The first lines as one, without what a database would refuse."""
    kept = " ".join(text.split()) if isinstance(text, str) else ""
    kept = kept if can_be_kept(kept) else "".join(letter for letter in kept if can_be_kept(letter))
    return kept if len(kept) <= longest else f"{kept[: longest - 1]}…"
