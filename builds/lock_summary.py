"""A lock diff at a glance: how many packages of which kind, and what there is to download. Pure."""

from collections import Counter
from dataclasses import dataclass

from .lock_diff import (
    ADDED,
    BUILD,
    DOWN,
    FILE,
    HASH,
    LICENCE,
    MAJOR,
    MINOR,
    MOVED,
    OTHER,
    PATCH,
    REMOVED,
    ROLE,
    SOURCE,
    UP,
)

SIGNS = {ADDED: "+", REMOVED: "−", UP: "↑", DOWN: "↓", MOVED: "⇄"}
# What follows the signs, the most important first.
WORDS = {
    HASH: "hash changed",
    MAJOR: "major",
    OTHER: "of a version that cannot be compared",
    BUILD: "build only",
    SOURCE: "other source",
    FILE: "other file",
    LICENCE: "other licence",
    ROLE: "direct or transitive now",
}


def count(changes):
    """Return {kind or level: how many packages}. A package counts for each thing that differs about it."""
    counted = Counter(kind for change in changes for kind in change.kinds)
    counted.update(change.level for change in changes if change.level in (MAJOR, MINOR, PATCH))
    return dict(counted)


def words(counts):
    """Write the counts as in “+3 −1 ↑12, 2 major, 1 hash changed”."""
    signs = " ".join(f"{sign}{counts[kind]:,}" for kind, sign in SIGNS.items() if counts.get(kind))
    rest = [f"{counts[kind]:,} {text}" for kind, text in WORDS.items() if counts.get(kind)]
    return ", ".join(filter(None, [signs, *rest])) or "no package changes"


def glance(counts):
    """The words that matter most, for a line of a list: “+3 −1 ↑12, 2 major”."""
    return words({kind: counts[kind] for kind in (*SIGNS, HASH, MAJOR) if kind in counts} or counts)


@dataclass(frozen=True)
class Totals:
    """What a lock has to download: how many packages, of how many bytes, and how many of a size nobody knows."""

    packages: int
    size: int
    unsized: int

    @classmethod
    def of(cls, packages):
        sizes = [package.size for package in packages]
        return cls(len(sizes), sum(sizes), sizes.count(0))
