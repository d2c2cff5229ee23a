import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import definition
from environments.faults import DefinitionFault


def read(*dependencies, channels=("conda-forge",), **sections):
    python = {"condaDependencies": {"channels": list(channels), "dependencies": list(dependencies)}}
    return definition.read({"python": python, **sections})


def key(*dependencies, **sections):
    return read("python=3.11", *dependencies, **sections).image_key


def pip(*lines):
    return {"pip": list(lines)}


def faults(document):
    with pytest.raises(DefinitionFault) as raised:
        definition.read(document)
    return [(finding.code, finding.where) for finding in raised.value.findings]


def test_an_image_key_has_the_form_that_azure_shows():
    prefix, digits = key(pip("numpy")).split("_")
    assert prefix == "azureml/azureml"
    assert len(digits) == 32
    assert set(digits) <= set("0123456789abcdef")


def test_the_order_of_dependencies_does_not_change_the_image_key():
    assert key("pip", pip("numpy", "pandas")) == key(pip("pandas", "numpy"), "pip")


def test_the_order_of_channels_changes_the_image_key():
    assert key(channels=["a", "b"]) != key(channels=["b", "a"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Foo_Bar==1.0", "foo-bar ==1.0"),
        ("foo.bar>=1,<2", "foo_bar <2, >=1"),
        ("foo[b,A]", "foo[a, b]"),
        ("foo  # why", "foo"),
        ("foo; python_version<'3.12'", 'foo ; python_version < "3.12"'),
    ],
)
def test_the_spelling_of_a_pip_requirement_does_not_change_the_image_key(one, other):
    assert key(pip(one)) == key(pip(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("NumPy=1.26", "numpy=1.26"), ("numpy >=1.2, <3", "numpy>=1.2,<3"), ("conda-forge::numpy", "conda-forge::NumPy")],
)
def test_the_spelling_of_a_conda_package_does_not_change_the_image_key(one, other):
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("numpy=1.26", "numpy==1.26"), ("numpy=1.2", "numpy=1.20"), ("a::numpy", "b::numpy"), ("numpy", "numpy=1")],
)
def test_another_constraint_makes_another_image_key(one, other):
    assert key(one) != key(other)


def test_what_changes_nothing_that_is_installed_is_not_in_the_image_key():
    bare = key(pip("numpy"))
    assert bare == key(pip("numpy"), environmentVariables={"A": "1"}, name="x", version="3", tags={"a": "b"})
    assert bare == key(pip("numpy"), docker={"enabled": True, "shmSize": "8g", "arguments": ["--x"]})


@pytest.mark.parametrize(
    "docker",
    [
        {"baseImage": "python:3.11"},
        {"baseDockerfile": "FROM x"},
        {"platform": {"os": "Linux", "architecture": "arm64"}},
        {"baseImage": "python:3.11", "baseImageRegistry": {"address": "r.example.org"}},
    ],
)
def test_the_docker_base_is_in_the_image_key(docker):
    assert key(docker=docker) != key()
    assert key(docker=docker) != key(docker={"baseImage": "other"})


def test_identity_ignores_spelled_out_defaults_and_minds_everything_else():
    bare = read("python=3.11").identity
    spelled = read(
        "python=3.11",
        docker={"enabled": False, "shmSize": "2g", "platform": {"os": "Linux", "architecture": "amd64"}},
        spark={"packages": [], "precachePackages": True},
        r=None,
    )
    assert spelled.identity == bare
    assert read("python=3.11", environmentVariables={"A": "1"}).identity != bare
    assert read("python=3.11", somethingNew={"a": 1}).identity != bare
    assert read("a", "b").identity != read("b", "a").identity


def test_unknown_fields_are_kept():
    document = {"python": {"condaDependencies": {"dependencies": ["python=3.11"]}, "new": 1}, "newer": [1]}
    assert definition.read(document).document == document


def test_the_name_belongs_to_the_environment_and_is_not_kept():
    assert "name" not in definition.read({"name": "x", "version": "1", "python": {}}).document


@pytest.mark.parametrize(
    ("document", "code", "where"),
    [
        ([], "not-an-object", ""),
        ({}, "python-missing", "python"),
        ({"python": []}, "not-an-object", "python"),
        ({"python": {"condaDependencies": "x"}}, "not-an-object", "python.condaDependencies"),
        ({"python": {"condaDependencies": {"channels": "x"}}}, "not-a-list", "python.condaDependencies.channels"),
        ({"python": {}, "environmentVariables": {"A": 1}}, "variable-not-text", "environmentVariables.A"),
        ({"python": {}, "docker": {"baseImage": "a", "baseDockerfile": "b"}}, "docker-base-twice", "docker"),
        ({"python": {}, "docker": {"baseImageRegistry": "x"}}, "wrong-type", "docker.baseImageRegistry"),
        ({"python": {}, "x": "\0"}, "not-text", "x"),
        ({"python": {}, "x": {"y": ["\ud800"]}}, "not-text", "x.y[0]"),
        ({"python": {}, "x": {"\0": 1}}, "not-text", "x"),
        ({"python": {}, "x": float("nan")}, "not-finite", "x"),
        ({"python": None, "docker": {}}, "python-missing", "python"),
        ({"python": {}, "x": "y" * 1_000_001}, "too-long", ""),
    ],
)
def test_a_malformed_document_is_refused_at_the_place(document, code, where):
    assert faults(document) == [(code, where)]


def test_every_bad_dependency_is_named_at_once():
    bad = ["python=3.11", 3, "a b c d!", {"pip": ["-r x", "numpy==", 7, "ok==1"]}, {"conda": []}]
    where = "python.condaDependencies.dependencies"
    assert faults({"python": {"condaDependencies": {"dependencies": bad}}}) == [
        ("dependency-invalid", f"{where}[1]"),
        ("conda-invalid", f"{where}[2]"),
        ("pip-option", f"{where}[3].pip[0]"),
        ("pip-invalid", f"{where}[3].pip[1]"),
        ("pip-invalid", f"{where}[3].pip[2]"),
        ("dependency-invalid", f"{where}[4]"),
    ]


def test_a_document_that_is_nested_deep_is_refused():
    deep = []
    for _ in range(500):
        deep = [deep]
    assert [code for code, _ in faults({"python": {}, "x": deep})] == ["too-deep"]


def test_a_backslash_and_digits_are_no_nul():
    assert read("python=3.11", environmentVariables={"PATTERN": "\\u0000"})


def test_a_context_without_a_python_section_is_read():
    assert definition.read({"python": None, "docker": {"buildContext": {"a": 1}}}).image_key


def test_a_pip_of_a_stated_version_is_asked_of_the_index():
    assert read("python=3.11", "pip=19", pip("six==1.16.0")).pip_requirements == ["pip==19.*", "six==1.16.0"]
    assert read("python=3.11", "pip", pip("six==1.16.0")).pip_requirements == ["six==1.16.0"]


def test_a_python_that_is_no_version_is_refused():
    assert faults({"python": {"condaDependencies": {"dependencies": ["python=abc"]}}}) == [("python-invalid", "python")]
    assert faults({"python": {"condaDependencies": {"dependencies": ["python=3.9", "python=3.10"]}}}) == [
        ("python-twice", "python")
    ]


def test_what_is_unwise_is_kept_as_a_warning():
    found = read("python=3.11", "numpy", pip("numpy==2.1", "pandas", "Pandas")).findings
    assert [finding.code for finding in found] == ["unpinned", "unpinned", "twice", "both"]


def test_blanks_and_comments_among_pip_lines_are_no_packages():
    assert [line.name for line in read(pip("# why", "", "numpy  # because")).pip] == ["numpy"]


def test_what_a_form_composes_reads_back_as_the_same_packages():
    document = definition.compose("3.11", ["a"], ["gdal>=3"], ["numpy==2.1"], {"docker": {"baseImage": "x"}})
    assert document == {
        "docker": {"baseImage": "x"},
        "python": {
            "condaDependencies": {
                "channels": ["a"],
                "dependencies": ["python=3.11", "gdal>=3", "pip", {"pip": ["numpy==2.1"]}],
            }
        },
    }
    assert definition.read(document).python == "=3.11"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "python": json_values
        | st.fixed_dictionaries(
            {
                "condaDependencies": st.fixed_dictionaries(
                    {}, optional={"channels": json_values, "dependencies": json_values}
                )
            }
        ),
        "docker": json_values
        | st.dictionaries(st.sampled_from(["baseImage", "platform", "buildContext"]), json_values),
        "environmentVariables": json_values,
        "spark": json_values,
    },
)


@given(documents)
def test_no_document_causes_anything_but_the_fault_of_a_person(document):
    with contextlib.suppress(DefinitionFault):
        read = definition.read(document)
        assert definition.read(json.loads(json.dumps(read.document))).image_key == read.image_key
        assert read.identity


names = st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True)


@given(st.lists(names, min_size=1, max_size=6, unique=True), st.randoms())
def test_shuffling_never_changes_the_image_key(found, random):
    shuffled = random.sample(found, len(found))
    assert key(pip(*found)) == key(pip(*shuffled))
    assert key(*found) == key(*shuffled)
