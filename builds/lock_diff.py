"""What differs between the packages of two locks. Pure."""

from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

ADDED, REMOVED, MOVED, UP, DOWN, BUILD = "added", "removed", "moved", "up", "down", "build"
LEVELS = ("major", "minor", "patch")


@dataclass(frozen=True)
class LockChange:
    """One package that is another. `level` is major, minor or patch where both versions can be compared."""

    kind: str
    name: str
    manager: str
    before: str = ""
    after: str = ""
    level: str = ""
    direct: bool = False

    @property
    def icon(self):
        return {ADDED: "plus", REMOVED: "minus", MOVED: "moved", UP: "up", DOWN: "down", BUILD: "same"}[self.kind]

    @property
    def tone(self):
        """What colours it: the level of a step, else its kind."""
        return self.level or self.kind


def compare(old, new):
    """Return the LockChanges from one list of Packages to another: direct ones first, then by kind and name."""
    before, after = {package.name: package for package in old}, {package.name: package for package in new}
    changes = [_change(before.get(name), after.get(name)) for name in before.keys() | after.keys()]
    order = (ADDED, REMOVED, MOVED, UP, DOWN, BUILD)
    found = [change for change in changes if change]
    return sorted(found, key=lambda change: (not change.direct, order.index(change.kind), change.name))


def _change(was, now):
    if not was:
        return LockChange(ADDED, now.name, now.manager, "", now.version, "", now.direct)
    if not now:
        return LockChange(REMOVED, was.name, was.manager, was.version, "", "", was.direct)
    direct = now.direct or was.direct
    if was.manager != now.manager:
        sides = (f"{was.manager} {was.version}", f"{now.manager} {now.version}")
        return LockChange(MOVED, now.name, now.manager, *sides, "", direct)
    if was.version != now.version:
        kind, level = step(was.version, now.version)
        return LockChange(kind, now.name, now.manager, was.version, now.version, level, direct)
    if was.sha256 != now.sha256:
        return LockChange(BUILD, now.name, now.manager, was.version, now.version, "build", direct)
    return None


def step(before, after):
    """Return (up or down, level) of a step between two versions; the level is empty where they cannot be read."""
    try:
        old, new = Version(before), Version(after)
    except InvalidVersion:
        return (UP if after > before else DOWN), ""
    if old.epoch != new.epoch:
        return (UP if new > old else DOWN), "major"
    parts = [(old.major, new.major), (old.minor, new.minor)]
    level = next((LEVELS[i] for i, (a, b) in enumerate(parts) if a != b), "patch")
    return (UP if new > old else DOWN), level
