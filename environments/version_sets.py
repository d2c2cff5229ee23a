"""Which versions a person means: `<3.1.6`, `>=1.2,<2|==2.1`, `1.26.*`, `1.10`. Pure.

Versions of pip are compared by PEP 440, with pre-releases, those of conda by conda's order. Source: the version
specifiers of PEP 440, and conda's match specifications as rattler reads them. A text means the same to both, so one
that only one of them reads is refused where both are asked.
"""

import re
from enum import Enum
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from .faults import UserFault
from .texts import shorten

LONGEST = 500
_SIGNS = str.maketrans({"≥": ">=", "≤": "<=", "≠": "!="})
_WORD = re.compile(r"[\w.!+-]+")  # one version, which is found where it is written so


class VersionSet:
    """The versions that a text stands for; the empty text means all. Raise UserFault for what means none."""

    def __init__(self, text, manager="", field="version"):
        self.text = _tidy(text)
        if len(self.text) > LONGEST:
            raise UserFault(f"A range of versions has at most {LONGEST} characters.", field)
        self._of = {"pip": _pip(self.text), "conda": _conda(self.text)}
        readers = [each for each in ([manager] if manager else self._of) if self._of[each]]
        if self.text and not readers:
            raise UserFault(
                f"“{shorten(self.text)}” is no range of versions. Write for example <3.1.6, >=1.2,<2 or ==1.26.4.",
                field,
            )
        if self.text and not manager and len(readers) == 1 and not _WORD.fullmatch(self.text):
            raise UserFault(
                f"“{shorten(self.text)}” means something to {readers[0]} alone, so nobody could say which packages of "
                f"{'conda' if readers == ['pip'] else 'pip'} are meant. Choose {readers[0]} as the kind, or write it "
                "otherwise.",
                field,
            )

    def has(self, manager, version):
        """Whether a version, as a lock says it, is among these. One that cannot be compared is when it is written so."""
        if not self.text:
            return True
        test = self._of[manager]
        return version == self.text or bool(test and version and test(version))


def _tidy(text):
    """The text without spaces that mean nothing, with signs as a keyboard has them. All versions are no condition."""
    text = text.strip().translate(_SIGNS)
    text = re.sub(r"[<>=!~]=?\s+|\s*[,|]\s*", lambda match: re.sub(r"\s", "", match[0]), text)
    return "" if text == "*" else text


class Overlap(Enum):
    """How many of some versions are among others."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


@lru_cache(1000)
def overlap(manager, asked, meant):
    """Return how much of `asked` is in `meant`, two texts of ranges; what cannot be compared is SOME.

    Ranges begin and end at versions that they name, so it is enough to look at these and right behind them.
    """
    try:
        asked, meant = VersionSet(asked, manager), VersionSet(meant, manager)
    except UserFault:
        return Overlap.SOME
    points = [point for point in _points(asked.text, meant.text) if asked.has(manager, point)]
    inside = [point for point in points if meant.has(manager, point)]
    if not inside:
        return Overlap.NONE if points else Overlap.SOME
    return Overlap.ALL if len(inside) == len(points) else Overlap.SOME


def _points(*texts):
    """Versions of which one is in every stretch between those that the texts name."""
    points = {"0", "99999"}
    for version in re.findall(r"\d[\w.!+]*", " ".join(texts)):
        version = version.rstrip(".")
        points |= {version, f"{version}.0.0.0.1"}
        parts = version.split(".")
        for n, part in enumerate(parts):
            if part.isdigit():  # where `1.2.*` and `~=1.2.3` end
                points.add(".".join([*parts[:n], str(int(part) + 1)]))
    return points


@lru_cache(1000)
def _pip(text):
    """A function that tells whether a version is meant, or None."""
    try:
        parts = [SpecifierSet(_with_operators(part), prereleases=True) for part in text.split("|")]
    except InvalidSpecifier:
        return None

    def test(version):
        try:
            read = Version(version)
        except InvalidVersion:
            return False
        return any(part.contains(read) for part in parts)

    return test


def _with_operators(text):
    """A bare version means that one: `1.2` is `==1.2`, `1.2.*` is `==1.2.*`, conda's `=1.2` is `==1.2.*`."""
    parts = [part.strip() for part in text.split(",")]
    for i, part in enumerate(parts):
        if part[:1].isalnum():
            parts[i] = f"=={part}"
        elif part.startswith("=") and not part.startswith("=="):
            parts[i] = f"={part}" if part.endswith("*") else f"={part}.*"
    if not all(parts):
        raise InvalidSpecifier(text)
    return ",".join(parts)


@lru_cache(1000)
def _conda(text):
    from rattler import Version, VersionSpec  # a tenth of a second that only those wait for who ask

    try:
        # To conda ==1.2.* is 1.2 alone; whoever asks means what it is to pip.
        spec = VersionSpec(re.sub(r"(?<![<>!~=])==([^,|]+\.\*)", r"\1", text))
    except Exception:  # it has a class for each way to be wrong, and exports none of them
        return None

    def test(version):
        try:
            return spec.matches(Version(version))
        except Exception:
            return False

    return test
