import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import definition, diff
from environments.diff import Change


def read(*dependencies, channels=("forge",), **sections):
    python = {"condaDependencies": {"channels": list(channels), "dependencies": list(dependencies)}}
    return definition.read({"python": python, **sections})


def changes(old, new):
    return diff.compare(old, new)


def test_packages_that_came_went_changed_and_moved():
    old = read("python=3.11", "numpy=1.26", "gdal=3.8", "zlib", {"pip": ["six==1.16.0", "Idna"]})
    new = read("python=3.12", "numpy=1.26", "zlib=1", {"pip": ["six==1.17.0", "gdal==3.8.4", "attrs"]})
    assert changes(old, new) == [
        Change("added", "pip", "attrs", "", "any version"),
        Change("removed", "pip", "idna", "any version", ""),
        Change("moved", "pip", "gdal", "conda =3.8", "pip ==3.8.4"),
        Change("changed", "conda", "python", "=3.11", "=3.12"),
        Change("changed", "pip", "six", "==1.16.0", "==1.17.0"),
        Change("changed", "conda", "zlib", "any version", "=1"),
    ]


def test_everything_else_that_changed_is_named_by_its_place():
    old = read(
        "python=3.11",
        environmentVariables={"A": "1", "B": "2"},
        docker={"baseImage": "a:1", "enabled": False},
        inferencingStackVersion="latest",
    )
    new = read(
        "python=3.11",
        {"pip": ["--pre"]},
        channels=["forge", "other"],
        environmentVariables={"A": "2", "C": "3"},
        docker={"baseImage": "a:2", "platform": {"architecture": "arm64"}},
        spark={"precachePackages": False},
    )
    assert changes(old, new) == [
        Change("changed", "channels", "channels", "forge", "forge, other"),
        Change("changed", "docker", "baseImage", "a:1", "a:2"),
        Change("changed", "variables", "A", "1", "2"),
        Change("removed", "variables", "B", "2", ""),
        Change("removed", "other", "inferencingStackVersion", "latest", ""),
        Change("added", "pip", "options", "", "--pre"),
        Change("added", "docker", "platform.architecture", "", "arm64"),
        Change("added", "variables", "C", "", "3"),
        Change("added", "other", "spark.precachePackages", "", "False"),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (read("NumPy=1.26", "zlib"), read("zlib", "numpy=1.26")),
        (read("a", {"pip": ["Foo_Bar ==1.0"]}), read("a", {"pip": ["foo-bar==1.0  # why"]})),
        (read("a"), read("a", docker={"enabled": False, "shmSize": "2g"}, r=None, spark={"packages": []})),
        (read("a *"), read("a")),
    ],
)
def test_what_says_the_same_does_not_differ(old, new):
    assert changes(old, new) == []


def test_a_package_that_stands_twice_shows_both():
    assert changes(read("a=1"), read("a=1", "a>=0")) == [Change("changed", "conda", "a", "=1", "=1 and >=0")]


def test_a_package_of_both_managers_did_not_move():
    assert changes(read("a=1"), read("a=1", {"pip": ["a==2"]})) == [Change("added", "pip", "a", "", "==2")]


def test_a_package_that_the_managers_write_otherwise_moved_all_the_same():
    assert changes(read("ruamel.yaml=0.18"), read({"pip": ["ruamel.yaml==0.18"]})) == [
        Change("moved", "pip", "ruamel-yaml", "conda =0.18", "pip ==0.18")
    ]


def test_another_order_of_channels_is_called_that():
    assert changes(read("a", channels=["x", "y"]), read("a", channels=["y", "x"])) == [
        Change("changed", "channels", "order of channels", "x, y", "y, x")
    ]


def test_a_lost_key_of_the_conda_file_and_an_emptied_value_are_seen():
    old = definition.read({"python": {"condaDependencies": {"dependencies": ["a"], "name": "x", "prefix": "/x"}}})
    new = definition.read({"python": {"condaDependencies": {"dependencies": ["a"], "name": ""}}})
    assert changes(old, new) == [
        Change("changed", "other", "conda.name", "x", ""),
        Change("removed", "other", "conda.prefix", "/x", ""),
    ]


names = st.sampled_from(["a", "b", "c", "foo-bar"])
constraints = st.sampled_from(["", "=1", ">=2,<3", "=1=h0_1"])
conda = st.builds("{}{}".format, names, constraints)
pip = st.builds("{}{}".format, names, st.sampled_from(["", "==1", ">=2,<3", '[x] ; os_name == "nt"'])) | st.just(
    "--pre"
)
definitions = st.builds(
    lambda conda, pip, channels, more: read(*conda, {"pip": pip}, channels=channels, **more),
    st.lists(conda, max_size=4),
    st.lists(pip, max_size=4),
    st.lists(st.sampled_from(["x", "y"]), max_size=2),
    st.sampled_from(
        [{}, {"docker": {"baseImage": "a:1"}}, {"environmentVariables": {"A": "1"}}, {"r": {"rVersion": "4"}}]
    ),
)
MIRROR = {"added": "removed", "removed": "added", "changed": "changed", "moved": "moved"}


@given(definitions, definitions)
def test_the_way_back_is_the_mirror_of_the_way_there(old, new):
    there = {(each.kind, each.name, each.before, each.after) for each in changes(old, new)}
    back = {(MIRROR[each.kind], each.name, each.after, each.before) for each in changes(new, old)}
    assert there == back


@given(definitions, definitions)
def test_equals_have_no_changes_and_others_have_some(old, new):
    assert changes(old, old) == []
    if old.image_key != new.image_key:
        assert changes(old, new) != []


def test_what_is_built_from_source_is_a_difference():
    old, new = read("python=3.11", {"pip": ["six"]}), read("python=3.11", {"pip": ["--no-binary six", "six"]})
    assert changes(old, new) == [Change("added", "pip", "options", "", "--no-binary six")]
