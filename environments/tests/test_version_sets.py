"""Which versions a range means."""

import pytest

from environments.faults import UserFault
from environments.version_sets import VersionSet, overlap

THERE = ["1.2", "1.2.5", "1.9", "1.10", "2.0rc1", "2.0", "2.0.post1", "2.1+cu118", "1!1.0"]


def meant(text, manager):
    versions = VersionSet(text)
    return [version for version in THERE if versions.has(manager, version)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", THERE),
        ("1.2", ["1.2"]),
        ("==1.2", ["1.2"]),
        ("=1.2", ["1.2", "1.2.5"]),
        ("1.2.*", ["1.2", "1.2.5"]),
        (">1.9,<2", ["1.10"]),
        ("<1.2.5|>=2.1,<3", ["1.2", "2.1+cu118"]),
        (">=2.0", ["2.0", "2.0.post1", "2.1+cu118", "1!1.0"]),
        ("2.1+cu118", ["2.1+cu118"]),
        ("~=1.2.1", ["1.2.5"]),
        ("3.*", []),
        ("*", THERE),
        (">= 1.9 , < 2", ["1.9", "1.10"]),
        ("≥ 1.9, ≠ 1.9", ["1.10", "2.0rc1", "2.0", "2.0.post1", "2.1+cu118", "1!1.0"]),
    ],
)
def test_a_range_means_the_same_versions_of_pip(text, expected):
    assert meant(text, "pip") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2", ["1.2"]),
        ("=1.2", ["1.2", "1.2.5"]),
        (">1.9,<2.0rc1", ["1.10"]),
        (">=1!0", ["1!1.0"]),
        ("1.9|1.10", ["1.9", "1.10"]),
        ("==1.2.*", ["1.2", "1.2.5"]),
        ("<1.2|==1.2.*", ["1.2", "1.2.5"]),
        ("*", THERE),
        (">= 1.9 , < 2", ["1.9", "1.10", "2.0rc1"]),
        ("≥ 2.0", ["2.0", "2.0.post1", "2.1+cu118", "1!1.0"]),
    ],
)
def test_a_range_is_read_by_the_order_of_conda_for_conda(text, expected):
    assert meant(text, "conda") == expected


def test_a_version_that_no_order_knows_is_found_as_it_is_written():
    assert VersionSet("2004d-x").has("pip", "2004d-x")
    assert not VersionSet(">1").has("pip", "not a version")
    assert not VersionSet(">1").has("pip", "")


@pytest.mark.parametrize(
    ("text", "reader", "other"),
    [("===1.2", "pip", "conda"), (">1.2.*", "conda", "pip"), ("(<1|>2)", "conda", "pip"), (">2+cu1", "conda", "pip")],
)
def test_what_means_something_to_one_kind_alone_is_refused_where_both_are_asked(text, reader, other):
    with pytest.raises(UserFault, match=f"means something to {reader} alone"):
        VersionSet(text)
    assert VersionSet(text, reader)
    with pytest.raises(UserFault, match="is no range of versions"):
        VersionSet(text, other)


@pytest.mark.parametrize("text", [">>1", "|", "1,,2", ">=x y", "x" * 501, "<", "\0"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(UserFault) as fault:
        VersionSet(text, "pip")
    assert fault.value.field == "version"


@pytest.mark.parametrize(
    ("manager", "asked", "meant", "how"),
    [
        ("pip", "==2.31.0", "<2.32", "all"),
        ("pip", "==2.32.0", "<2.32", "none"),
        ("pip", ">=2", "<2.32", "some"),
        ("pip", "", "<2.32", "some"),
        ("pip", "", "", "all"),
        ("pip", "<2", "<2.32", "all"),
        ("pip", ">=2.32", "<2.32", "none"),
        ("pip", "~=2.31.1", "<2.32", "all"),
        ("pip", "==2.31.*", "<2.31.3", "some"),
        ("pip", ">=1,<3", ">=1.5,<2", "some"),
        ("pip", ">=1.6,<1.9", ">=1.5,<2", "all"),
        ("conda", "=1.2", "<1.2.5", "some"),
        ("conda", "=1.2", "<1.3", "all"),
        ("conda", "==1.2", "<1.2", "none"),
        ("conda", ">=1.2,<1.5|>=3", ">=2,<3", "none"),
        ("pip", "===nonsense", "<2", "some"),
    ],
)
def test_how_much_of_what_is_asked_for_is_meant(manager, asked, meant, how):
    assert overlap(manager, asked, meant).value == how
