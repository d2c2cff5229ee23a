from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds import lock_diff, lock_summary
from builds.lock import Package
from builds.lock_diff import LockChange, compare, step
from builds.lock_summary import Totals
from builds.why import chains

FORGE, OTHER = "https://channels.example.org/forge", "https://channels.example.org/other"


def package(name, version="1.0", manager="pip", sha256="a" * 64, direct=True, file="", **more):
    file = file or f"{name}-{version}.whl"
    return Package(manager, name, version, f"https://example.org/{file}", sha256, 1, direct, **more)


def conda(name, version="1.0", build="h0_0", sha256="a" * 64, direct=True, channel=FORGE, **more):
    url = f"{channel}/linux-64/{name}-{version}-{build}.conda"
    return Package("conda", name, version, url, sha256, 1, direct, build, channel, "linux-64", **more)


def kinds(old, new):
    return [(change.kind, change.name, change.level, dict(change.also)) for change in compare(old, new)]


def test_equal_locks_have_no_changes():
    assert compare([package("a"), conda("b")], [conda("b"), package("a")]) == []


def test_each_kind_of_change_is_told_apart_direct_ones_first():
    old = [
        package("gone"),
        package("up", "1.9"),
        package("down", "2.0"),
        package("moved"),
        package("same", direct=False),
    ]
    new = [
        package("new", direct=False),
        package("up", "1.10"),
        package("down", "1.5"),
        package("moved", manager="conda"),
        package("same", sha256="b" * 64, direct=False),
    ]
    assert compare(old, new) == [
        LockChange("removed", "gone", "pip", "1.0", "", "", True),
        LockChange("moved", "moved", "conda", "pip 1.0", "conda 1.0", "", True),
        LockChange("up", "up", "pip", "1.9", "1.10", "minor", True),
        LockChange("down", "down", "pip", "2.0", "1.5", "major", True),
        LockChange("hash", "same", "pip", "1.0", "1.0", "", False),
        LockChange("added", "new", "pip", "", "1.0", "", False),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (conda("a", build="h0_0"), conda("a", build="h0_1", sha256="b"), ("build", "build", {})),
        (conda("a"), conda("a", sha256="b"), ("hash", "", {})),
        (conda("a"), conda("a", sha256="b", channel=OTHER), ("hash", "", {"source": (FORGE, OTHER)})),
        (conda("a"), conda("a", channel=OTHER), ("source", "", {})),
        (conda("a"), conda("a", "1.0.0"), ("file", "", {})),
        (conda("a", "1.1.1t"), conda("a", "1.1.1w", channel=OTHER), ("up", "patch", {"source": (FORGE, OTHER)})),
        (package("a"), package("a", sha256="b", file="a-1.0-cp312.whl"), ("file", "", {})),
        (package("a"), package("a", sha256="b"), ("hash", "", {})),
        (package("a"), package("a", file="elsewhere/a-1.0.whl"), ("source", "", {})),
        (package("a", licence="MIT"), package("a", licence="GPL-3.0"), ("licence", "", {})),
        (package("a"), package("a", direct=False), ("role", "", {})),
        (
            package("a", licence="MIT"),
            package("a", "2.0", licence="GPL-3.0", direct=False),
            ("up", "major", {"licence": ("MIT", "GPL-3.0"), "role": (True, False)}),
        ),
    ],
)
def test_what_else_differs_is_said_beside_the_kind(old, new, expected):
    kind, level, also = expected
    assert kinds([old], [new]) == [(kind, "a", level, also)]


@pytest.mark.parametrize(
    "known",
    [{"licence": "MIT"}, {"channel": FORGE}, {"requested_by": ("b",)}],
)
def test_what_one_lock_does_not_know_is_no_difference(known):
    assert compare([package("a")], [replace(package("a"), **known)]) == []
    assert compare([package("a", sha256="")], [package("a")]) == []


def test_what_a_run_reports_of_its_packages_is_compared_as_far_as_it_goes():
    said = replace(conda("a"), url="", sha256="", size=0, direct=None, subdir="")
    assert compare([conda("a")], [replace(said, channel="forge")]) == []
    assert [change.kind for change in compare([conda("a")], [replace(said, channel="other")])] == ["source"]
    assert [change.kind for change in compare([replace(said, version="2")], [conda("a")])] == ["down"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([conda("a")], [conda("a"), package("a", "2")], [("added", "pip")]),
        ([conda("a"), package("a")], [package("a")], [("removed", "conda")]),
        ([conda("ruamel.yaml")], [package("ruamel-yaml")], [("moved", "pip")]),
        (
            [conda("typing_extensions"), conda("typing-extensions")],
            [conda("typing_extensions")],
            [("removed", "conda")],
        ),
        ([conda("a"), conda("a_b")], [conda("a"), package("a-b")], [("moved", "pip")]),
    ],
)
def test_a_name_of_both_managers(old, new, expected):
    assert [(change.kind, change.manager) for change in compare(old, new)] == expected


@pytest.mark.parametrize(
    ("before", "after", "manager", "kind", "level"),
    [
        ("1.9", "1.10", "pip", "up", "minor"),
        ("2.0.0", "1.9.9", "pip", "down", "major"),
        ("1.0", "1.0.post1", "pip", "up", "patch"),
        ("1.0rc1", "1.0", "pip", "up", "patch"),
        ("2.0", "2.0.dev3", "pip", "down", "patch"),
        ("2.0+cpu", "2.0+cu118", "pip", "up", "patch"),
        ("2024.1", "1!1.0", "pip", "up", "major"),
        ("1.0", "1.0.0", "pip", "", ""),
        ("1.0a", "weird", "pip", "other", ""),
        ("1.9", "1.10", "conda", "up", "minor"),
        ("9e", "9f", "conda", "up", "patch"),
        ("2023c", "2024a", "conda", "up", "major"),
        ("1.1.1_", "1.1.1a", "conda", "up", "patch"),
        ("1.1.1t", "1.1.1", "conda", "up", "patch"),
        ("2.0rc1", "2.0", "conda", "up", "patch"),
        ("1!2.0", "3.0", "conda", "down", "major"),
        ("2.0", "2.0+cu118", "conda", "down", "patch"),  # as conda has it
        ("2.0+cpu", "2.0+cu118", "conda", "up", "patch"),
        ("2_0", "2.0.0", "conda", "", ""),
        ("1.0", "1..0", "conda", "other", ""),
    ],
)
def test_the_level_of_a_step(before, after, manager, kind, level):
    assert step(before, after, manager) == (kind, level)


def test_a_transitive_package_says_because_of_which_direct_one_it_is_there():
    old = [package("flask"), package("click", direct=False, requested_by=("flask",))]
    new = [
        package("mlflow"),
        package("flask", direct=False, requested_by=("mlflow",)),
        package("jinja2", direct=False, requested_by=("flask", "nobody")),
        package("markupsafe", direct=False, requested_by=("jinja2", "markupsafe")),
        package("alone", direct=False),
    ]
    found = {change.name: change.because_of for change in compare(old, new)}
    assert found == {
        "mlflow": (),
        "flask": ("mlflow",),
        "jinja2": ("mlflow", "flask"),
        "markupsafe": ("mlflow", "flask", "jinja2"),
        "alone": (),
        "click": ("flask",),
    }
    assert ("pip", "alone") not in chains(new)


def test_a_diff_at_a_glance():
    old = [package("a"), package("b", "1.0"), package("c"), conda("d"), package("e", licence="MIT")]
    new = [package("b", "2.0"), package("c", sha256="b" * 64), package("d"), package("e", "1.0.1", licence="GPL")]
    counts = lock_summary.count(compare(old, new))
    assert counts == {"removed": 1, "up": 2, "major": 1, "patch": 1, "hash": 1, "moved": 1, "licence": 1}
    assert lock_summary.words(counts) == "−1 ↑2 ⇄1, 1 hash changed, 1 major, 1 other licence"
    assert lock_summary.words({}) == "no package changes"
    assert Totals.of([*old, replace(old[0], size=0)]) == Totals(6, 5, 1)


versions = st.sampled_from(
    ["1.0", "1.0.0", "1.9", "1.10", "2.0rc1", "2.0+cu118", "1!1.0", "1.0.post1", "odd version", "9e"]
)
packages = st.builds(
    lambda manager, name, version, build, sha256, direct, channel, needed, licence: Package(
        manager,
        name,
        version,
        f"{channel}/{name}-{version}-{build}",
        sha256,
        len(version),
        direct,
        build if manager == "conda" else "",
        channel,
        "",
        licence,
        needed,
    ),
    st.sampled_from(["conda", "pip"]),
    st.sampled_from(["a", "b", "c-d", "c_d"]),
    versions,
    st.sampled_from(["0", "1"]),
    st.sampled_from(["", "x", "y"]),
    st.booleans(),
    st.sampled_from(["", FORGE, OTHER]),
    st.lists(st.sampled_from(["a", "b", "c-d"]), max_size=2, unique=True).map(tuple),
    st.sampled_from(["", "MIT", "GPL"]),
)
locks = st.lists(packages, max_size=8, unique_by=lambda package: (package.manager, package.name))
MIRROR = {"added": "removed", "removed": "added", "up": "down", "down": "up"}


def seen(changes, turn=False):
    """All that a change says, and with `turn` what its mirror says."""
    rows = Counter()
    for change in changes:
        kind, sides = change.kind, [(change.before, change.old), (change.after, change.new)]
        also = {key: pair[::-1] if turn else pair for key, pair in change.also.items()}
        growth = change.growth if change.growth is None or not turn else -change.growth
        if turn:
            kind, sides = MIRROR.get(kind, kind), sides[::-1]
        name = change.old.name if change.old and change.new else change.name
        name = (change.new or change.old).name if turn and change.old and change.new else name
        rows[kind, name, change.level, change.direct, str(sides), str(sorted(also.items())), growth] += 1
    return rows


@given(locks, locks)
def test_the_way_back_is_the_mirror_of_the_way_there(old, new):
    assert seen(compare(old, new)) == seen(compare(new, old), turn=True)


@given(locks, locks)
def test_equals_have_no_changes_and_others_have_some(old, new):
    assert compare(old, list(reversed(old))) == []
    known = [{(p.manager, p.name, p.version, p.url, p.direct) for p in side} for side in (old, new)]
    if known[0] != known[1]:
        assert compare(old, new) != []


@given(locks, locks)
def test_every_package_is_in_one_change_or_stayed(old, new):
    changes = compare(old, new)
    for side, lock in (("old", old), ("new", new)):
        touched = [getattr(change, side) for change in changes if getattr(change, side)]
        assert len(touched) == len(set(touched))
        assert set(touched) <= set(lock)
    came, went = (sum(change.kind == kind for change in changes) for kind in (lock_diff.ADDED, lock_diff.REMOVED))
    assert len(new) - len(old) == came - went
