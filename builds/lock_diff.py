"""What differs between the packages of two locks, as values. Pure.

`compare` reads from one list of Packages to another. It is empty for equals, and the way back is the mirror of the way
there. What a lock does not know (an empty hash, licence or channel, a size of 0, None for direct) never counts as a
difference.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from urllib.parse import unquote

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from . import conda_order
from .lock import Package
from .why import chains

HASH, ADDED, REMOVED, MOVED, UP, DOWN, OTHER = "hash", "added", "removed", "moved", "up", "down", "other"
BUILD, SOURCE, FILE, LICENCE, ROLE = "build", "source", "file", "licence", "role"
# In the order of a list, with how each looks and reads.
KINDS = {
    HASH: ("error", "Hash changed"),
    ADDED: ("plus", "Added"),
    REMOVED: ("minus", "Removed"),
    MOVED: ("moved", "Moved"),
    UP: ("up", "Up"),
    DOWN: ("down", "Down"),
    OTHER: ("edit", "Other version"),
    BUILD: ("same", "Build only"),
    SOURCE: ("link", "Other source"),
    FILE: ("file", "Other file"),
    LICENCE: ("edit", "Other licence"),
    ROLE: ("edit", "Role"),
}
MAJOR, MINOR, PATCH = LEVELS = ("major", "minor", "patch")
_ORDER = {kind: position for position, kind in enumerate(KINDS)}
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)*").fullmatch
_WEIGHT = {MAJOR: 0, MINOR: 1, PATCH: 2}


@dataclass(frozen=True)
class LockChange:
    """One package that is another, from `old` to `new`; one of them is None when it came or went.

    `level` is major, minor or patch where both versions can be compared, and `build` for a build string alone.
    """

    kind: str
    name: str
    manager: str
    before: str = ""
    after: str = ""
    level: str = ""
    direct: bool = False
    old: Package | None = field(default=None, compare=False, repr=False)
    new: Package | None = field(default=None, compare=False, repr=False)
    # From the package that was asked for to the one that needs this; empty for a direct one and where nobody knows.
    because_of: tuple = field(default=(), compare=False)

    @property
    def icon(self):
        return KINDS[self.kind][0]

    @property
    def word(self):
        if self.kind == ROLE:
            return "Direct now" if self.new.direct else "Transitive now"
        return KINDS[self.kind][1]

    @property
    def tone(self):
        """What colours it: the level of a step, else its kind."""
        return self.kind if self.kind in (HASH, MOVED) else self.level or self.kind

    @property
    def growth(self):
        """Bytes more to download; None where a size is not known."""
        sizes = [package.size for package in (self.old, self.new) if package]
        if not all(sizes):
            return None
        return (self.new.size if self.new else 0) - (self.old.size if self.old else 0)

    @cached_property
    def also(self):
        """What differs besides what the kind says: {source, licence or role: (before, after)}."""
        old, new = self.old, self.new
        if not old or not new or (old.channel, old.licence, old.direct) == (new.channel, new.licence, new.direct):
            return {}
        differs = {
            SOURCE: self.kind != MOVED and _is_other_source(self.old, self.new),
            LICENCE: _differ(self.old.licence, self.new.licence),
            ROLE: _is_other_role(self.old, self.new),
        }
        said = {SOURCE: "channel", LICENCE: "licence", ROLE: "direct"}
        return {
            kind: (getattr(self.old, said[kind]), getattr(self.new, said[kind]))
            for kind, is_other in differs.items()
            if is_other and kind != self.kind
        }

    @property
    def kinds(self):
        """All that it is: its kind, and what differs besides."""
        return (self.kind, *self.also)

    @property
    def licences(self):
        """(before, after) where the licence is another, else None."""
        return (self.old.licence, self.new.licence) if self.kind == LICENCE else self.also.get(LICENCE)


def compare(old, new):
    """Return the LockChanges from one list of Packages to another: direct ones first, then by kind and name."""
    old, new = list(old), list(new)
    pairs = _differing(old, new)
    after = chains(new) if pairs else {}
    before = chains(old) if any(not now for _, now in pairs) else {}
    changes = (_change(was, now, _chain(was, now, before, after)) for was, now in pairs)
    return sorted(filter(None, changes), key=_place)


def differences(old, new):
    """The same LockChanges in no order, and without why their packages are there."""
    return [change for change in (_change(*pair) for pair in _differing(list(old), list(new))) if change]


def step(before, after, manager="pip"):
    """Return (up, down, other or empty for the same, level) of a step between two versions.

    The order is that of PEP 440 for pip and conda's own for conda. The level tells which number of the release is the
    first to change. It is empty, and the kind `other`, where the versions cannot be read.
    """
    if before == after:
        return "", ""
    if _PLAIN(before) and _PLAIN(after):  # most are, and here both orders are one
        return _number_step(before, after)
    return _conda_step(before, after) if manager == "conda" else _pip_step(before, after)


def _number_step(before, after):
    old, new = ([int(number) for number in version.split(".")] for version in (before, after))
    pairs = enumerate(zip_longest(old, new, fillvalue=0))
    return next((((UP if a < b else DOWN), LEVELS[min(i, 2)]) for i, (a, b) in pairs if a != b), ("", ""))


def _pip_step(before, after):
    try:
        old, new = Version(before), Version(after)
    except InvalidVersion:
        return OTHER, ""
    if old == new:
        return "", ""
    pairs = enumerate(zip_longest(old.release, new.release, fillvalue=0))
    place = 0 if old.epoch != new.epoch else next((i for i, (a, b) in pairs if a != b), 2)
    return (UP if new > old else DOWN), LEVELS[min(place, 2)]


def _conda_step(before, after):
    try:
        sign = conda_order.compare(before, after)
        has_other_epoch = conda_order.parse(before)[0] != conda_order.parse(after)[0]
        place = conda_order.place_of_difference(before, after)
    except ValueError:
        return OTHER, ""
    if not sign:
        return "", ""
    place = 0 if has_other_epoch else 2 if place is None else min(place, 2)
    return (UP if sign < 0 else DOWN), LEVELS[place]


def _differing(old, new):
    return [(was, now) for was, now in _pairs(old, new) if was != now]


def _pairs(old, new):
    """Yield (package before or None, package after or None) of all that may differ.

    A name may stand with conda and with pip. It moved where it left the one and came to the other; for that names are
    compared as pip does, so that conda's ruamel.yaml is pip's ruamel-yaml.
    """
    before, after = ({(package.manager, package.name): package for package in side} for side in (old, new))
    yield from ((before[key], after[key]) for key in before.keys() & after.keys())
    groups = defaultdict(lambda: ([], []))
    for side, (packages, others) in enumerate(((before, after), (after, before))):
        for key in packages.keys() - others.keys():
            groups[canonicalize_name(key[1])][side].append(packages[key])
    for gone, came in groups.values():
        if len(gone) == len(came) == 1 and gone[0].manager != came[0].manager:
            yield gone[0], came[0]
        else:
            yield from ((package, None) for package in gone)
            yield from ((None, package) for package in came)


def _change(was, now, because_of=()):
    if not was or not now:
        package, kind = was or now, ADDED if now else REMOVED
        versions = ("", now.version) if now else (was.version, "")
        rest = (bool(package.direct), was, now, because_of)
        return LockChange(kind, package.name, package.manager, *versions, "", *rest)
    rest = (bool(was.direct or now.direct), was, now, because_of)
    if was.manager != now.manager:
        sides = (f"{was.manager} {was.version}", f"{now.manager} {now.version}")
        return LockChange(MOVED, now.name, now.manager, *sides, _pip_step(was.version, now.version)[1], *rest)
    kind, level = step(was.version, now.version, now.manager)
    kind = kind or _same_version(was, now)
    level = "build" if kind == BUILD else level
    return LockChange(kind, now.name, now.manager, was.version, now.version, level, *rest) if kind else None


def _same_version(was, now):
    """What kind of change it is between two files of the same version, or empty."""
    is_other = _differ(was.sha256, now.sha256)
    if was.build != now.build and was.build and now.build:
        return BUILD
    if is_other and _file(was) == _file(now):
        return HASH
    if _is_other_source(was, now):
        return SOURCE
    if is_other or was.version != now.version or _differ(was.subdir, now.subdir):
        return FILE
    if _differ(was.url, now.url):
        return SOURCE
    if _differ(was.licence, now.licence):
        return LICENCE
    return ROLE if _is_other_role(was, now) else ""


def _is_other_source(was, now):
    """Another channel or index. A run may report the name of a channel, which stands at the end of its address."""
    before, after = (package.channel.rstrip("/") for package in (was, now))
    short, long = sorted((before, after), key=lambda text: "://" in text)
    is_named = "://" in long and "://" not in short
    return _differ(before, after) and not (is_named and long.endswith(f"/{short}"))


def _is_other_role(was, now):
    return None not in (was.direct, now.direct) and was.direct != now.direct


def _differ(was, now):
    return bool(was and now) and was != now


def _file(package):
    """What a package is called: version, build and platform are in it, and no two files may have it."""
    return package.subdir, unquote(re.split("[?#]", package.url)[0].rpartition("/")[2])


def _chain(was, now, before, after):
    package, known = (now, after) if now else (was, before)
    return known.get((package.manager, package.name), ())


def _place(change):
    return not change.direct, _ORDER[change.kind], _WEIGHT.get(change.level, 3), change.name, change.manager
