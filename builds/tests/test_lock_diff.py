import pytest

from builds.lock import Package
from builds.lock_diff import LockChange, compare, step


def package(name, version="1.0", manager="pip", sha256="a" * 64, direct=True):
    return Package(manager, name, version, "u", sha256, 1, direct)


def test_equal_locks_have_no_changes():
    assert compare([package("a"), package("b")], [package("b"), package("a")]) == []


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
        LockChange("added", "new", "pip", "", "1.0", "", False),
        LockChange("build", "same", "pip", "1.0", "1.0", "build", False),
    ]


@pytest.mark.parametrize(
    ("before", "after", "kind", "level"),
    [
        ("1.9", "1.10", "up", "minor"),
        ("2.0.0", "1.9.9", "down", "major"),
        ("1.0", "1.0.post1", "up", "patch"),
        ("1.0rc1", "1.0", "up", "patch"),
        ("2.0+cpu", "2.0+cu118", "up", "patch"),
        ("2024.1", "1!1.0", "up", "major"),
        ("1.0a", "weird", "up", ""),
    ],
)
def test_the_level_of_a_step(before, after, kind, level):
    assert step(before, after) == (kind, level)
