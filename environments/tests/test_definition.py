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


def test_what_variables_say_of_the_machine_is_in_the_image_key_where_conda_solves_for_it():
    cuda = {"CONDA_OVERRIDE_CUDA": "12.4"}
    assert key("gdal", environmentVariables=cuda) != key("gdal")
    assert key("gdal", environmentVariables={"A": "1"}) == key("gdal")
    assert key(pip("six"), environmentVariables=cuda) == key(pip("six"))


def test_the_order_of_channels_changes_the_key():
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
        ([], "not-a-definition", ""),
        ({}, "python-missing", "python"),
        ({"python": []}, "not-an-object", "python"),
        ({"python": {"condaDependencies": "x"}}, "not-an-object", "python.condaDependencies"),
        ({"python": {"condaDependencies": {"channels": "x"}}}, "not-a-list", "python.condaDependencies.channels"),
        ({"python": {}, "environmentVariables": {"A": 1}}, "variable-not-text", "environmentVariables.A"),
        ({"python": {}, "docker": {"baseImage": "a", "baseDockerfile": "b"}}, "docker-base-twice", "docker"),
        ({"python": {}, "docker": {"baseImageRegistry": "x"}}, "not-an-object", "docker.baseImageRegistry"),
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
        ("pip-file", f"{where}[3].pip[0]"),
        ("pip-invalid", f"{where}[3].pip[1]"),
        ("dependency-invalid", f"{where}[3].pip[2]"),
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
    context = {"locationType": "git", "location": "https://example.org/x", "dockerfilePath": "Dockerfile"}
    read = definition.read({"python": None, "docker": {"buildContext": context}})
    assert read.findings == ()
    assert read.needs_a_dockerfile_builder


def test_a_pip_of_a_stated_version_is_asked_of_the_index():
    def wanted(*dependencies):
        return [line.canonical for line in read("python=3.11", *dependencies, pip("six==1.16.0")).pip_requirements]

    assert wanted("pip=19") == ["pip==19.*", "six==1.16.0"]
    assert wanted("pip") == ["six==1.16.0"]
    assert wanted("pip=19", "gdal") == ["six==1.16.0"]  # conda provides it, too


def test_the_packages_of_a_definition_keep_their_places():
    found = read("python=3.11", "pip", pip("six", "--pre", "# why", "numpy==2.1")).placed
    assert [(each.where.removeprefix("python.condaDependencies."), each.item.canonical) for each in found] == [
        ("dependencies[0]", "python =3.11"),
        ("dependencies[1]", "pip"),
        ("dependencies[2].pip[0]", "six"),
        ("dependencies[2].pip[1]", "--pre"),
        ("dependencies[2].pip[3]", "numpy==2.1"),
    ]


def test_a_python_that_is_no_version_is_refused():
    where = "python.condaDependencies.dependencies"
    assert faults({"python": {"condaDependencies": {"dependencies": ["python=abc"]}}}) == [
        ("python-invalid", f"{where}[0]")
    ]
    assert faults({"python": {"condaDependencies": {"dependencies": ["python=3.9", "python=3.10"]}}}) == [
        ("python-twice", f"{where}[1]")
    ]


def test_what_is_unwise_is_kept_as_a_warning():
    found = read("python=3.11", "numpy", "pip=24", pip("numpy==2.1", "pandas", "Pandas")).findings
    assert [(finding.code, finding.where.rpartition(".")[2]) for finding in found] == [
        ("unpinned", "dependencies[1]"),
        ("both", "pip[0]"),
        ("unpinned", "pip[1]"),
        ("unpinned", "pip[2]"),
        ("twice", "pip[2]"),
    ]


def test_two_pip_lists_both_count():
    found = read("python=3.11", pip("a==1"), pip("b==1"))
    assert [line.canonical for line in found.pip] == ["a==1", "b==1"]
    assert [finding.where for finding in found.findings if finding.code == "pip-twice"] == [
        "python.condaDependencies.dependencies[2]"
    ]


def test_the_content_of_a_private_wheel_is_in_the_image_key_and_its_host_is_not():
    def at(host, digit):
        return key(pip(f"https://{host}/workspaces/team/wheels/{digit * 64}/x-1.0-py3-none-any.whl"))

    assert at("one.example.org", "a") == at("two.example.org:8000", "a")
    assert at("one.example.org", "a") != at("one.example.org", "b")


def test_what_is_built_from_source_is_in_the_image_key_however_it_is_said():
    key = lambda *lines: read("python=3.11", {"pip": [*lines, "numpy", "six"]}).image_key  # noqa: E731
    assert len({key(), key("--no-binary numpy"), key("--no-binary numpy,six")}) == 3
    assert key("--no-binary six", "--no-binary numpy") == key("--no-binary numpy, SIX") == key("--no-binary numpy,six")


def test_the_order_of_indexes_and_the_base_environment_are_in_the_image_key():
    one, other = "--index-url https://a.example.org/simple", "--extra-index-url https://b.example.org/simple"
    assert key(pip(one, other, "six")) != key(pip(other, one, "six"))
    assert key(pip("six")) != key(pip(one, "six"))


def test_with_a_python_of_its_own_the_packages_count_for_nothing():
    def own(*dependencies, **python):
        section = {"userManagedDependencies": True, "condaDependencies": {"dependencies": list(dependencies)}}
        return definition.read({"python": section | python}).image_key

    assert own("numpy") == own()
    assert own() != own(interpreterPath="/opt/python")


def test_a_stored_document_stays_what_it_is():
    document = {"python": {"condaDependencies": {"dependencies": ["python=3.11", "a b c d!", {"pip": ["six==1"]}]}}}
    stored = definition.read_stored(document)
    assert stored.document is document
    assert [line.canonical for line in stored.pip] == ["six==1"]
    assert [finding.code for finding in stored.findings] == ["conda-invalid"]


def test_a_refused_document_says_everything_in_one_sentence_each():
    with pytest.raises(DefinitionFault) as raised:
        definition.read({"python": {"condaDependencies": {"dependencies": ["=1", {"pip": ["="]}]}}})
    assert raised.value.field == "definition"
    assert raised.value.message == " ".join(finding.sentence for finding in raised.value.findings)
    assert len(raised.value.findings) == 2


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
