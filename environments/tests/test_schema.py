import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import definition, schema
from environments.schema import FIELDS

PYTHON = {"python": {"condaDependencies": {"dependencies": ["python=3.12", "numpy=1.26"]}}}
# For each type values of the others.
WRONG = {str: [3, True, [], {}], bool: ["true", 0, [], {}], list: ["x", 3, {}], dict: ["x", 3, []]}


def leaves(kind, path=()):
    """Every (path, type) of the fields of a definition, those of items of lists too."""
    if isinstance(kind, dict):
        if path:
            yield path, dict
        for key, inner in kind.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(kind, list):
        yield path, list
        yield from leaves(kind[0], (*path, 0))
    else:
        yield path, kind


def document(path, value):
    """The smallest document in which that value stands at that path."""
    for part in reversed(path):
        value = [value] if part == 0 else {part: value}
    return value if "python" in value else value | PYTHON


def findings(given):
    return [(each.code, each.where) for each in schema.check(given)]


def errors(given):
    return [(each.code, each.where) for each in schema.check(given) if each.severity == "error"]


EVERY = [(path, kind) for path, kind in leaves(FIELDS)]


def ident(value):
    return ".".join(map(str, value)) if isinstance(value, tuple) else None


@pytest.mark.parametrize(("path", "kind"), EVERY, ids=ident)
def test_every_field_is_accepted_with_its_type_and_with_null(path, kind):
    values = {str: ["text"], bool: [True, False], list: [[]], dict: [{}]}[kind]
    for value in values if path[-1] == 0 else [*values, None]:
        said = [code for code, _ in errors(document(path, value))]
        assert not {"wrong-type", "not-a-list", "not-an-object", "key-misspelt"} & set(said)


@pytest.mark.parametrize(("path", "kind"), EVERY, ids=ident)
def test_every_field_is_refused_with_another_type(path, kind):
    code = {list: "not-a-list", dict: "not-an-object"}.get(kind, "wrong-type")
    where = ".".join(str(part) for part in path).replace(".0", "[0]")
    for value in [*WRONG[kind], None] if path[-1] == 0 else WRONG[kind]:
        assert errors(document(path, value)) == [(code, where)]


def test_the_fields_are_all_of_those_that_azure_has():
    assert sorted(FIELDS) == [
        "databricks",
        "docker",
        "environmentVariables",
        "inferencingStackVersion",
        "python",
        "r",
        "spark",
    ]


def test_unknown_fields_are_kept_and_said():
    given = PYTHON | {"somethingNew": 1, "spark": {"precachePackages": True, "colour": 1}}
    assert findings(given) == [("key-unknown", "somethingNew"), ("key-unknown", "spark.colour")]
    assert definition.read(given).document == given


@pytest.mark.parametrize(
    ("given", "where", "wanted"),
    [
        ({"pyton": {}}, "pyton", "python"),
        ({"environmentVariable": {}}, "environmentVariable", "environmentVariables"),
        ({"spark": {"repository": []}}, "spark.repository", "repositories"),
        ({"python": {"condaDependancies": {}}}, "python.condaDependancies", "condaDependencies"),
    ],
)
def test_a_misspelt_field_is_named_with_the_one_that_is_meant(given, where, wanted):
    (finding,) = [each for each in schema.check(PYTHON | given) if each.severity == "error"]
    assert (finding.code, finding.where, finding.fix.verb, finding.fix.value) == (
        "key-misspelt",
        where,
        "rename",
        wanted,
    )
    assert finding.fix.title == f"Rename to {wanted}"


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"name": "x", "channels": ["a"], "dependencies": ["b"], "variables": {"A": "1"}}, []),
        ({"channels": None, "dependencies": None, "variables": None, "name": None}, []),
        ({"name": 3}, [("wrong-type", "name")]),
        ({"channels": "a"}, [("not-a-list", "channels")]),
        ({"channels": {"a": 1}}, [("not-a-list", "channels")]),
        ({"dependencies": "a"}, [("not-a-list", "dependencies")]),
        ({"channels": [3, "", "a b", " a "]}, [("channel-invalid", f"channels[{i}]") for i in range(3)]),
        ({"variables": [1]}, [("not-an-object", "variables")]),
        ({"prefix": "/x"}, [("prefix-ignored", "prefix")]),
        ({"platforms": ["linux-64"]}, [("key-ignored", "platforms")]),
        ({"colour": 1}, [("key-unknown", "colour")]),
        ({"chanels": ["a"]}, [("key-misspelt", "chanels")]),
        ({"requirements": ["a"]}, [("key-misspelt", "requirements")]),
        ({"packages": ["a"], "dependencies": ["b"]}, [("key-unknown", "packages")]),
        ({str(i): i for i in range(1001)}, [("too-many-fields", "")]),
        ({"dependencies": ["a"] * 10_001}, [("too-many-dependencies", "dependencies")]),
        ({"dependencies": ["a", {"pip": ["b"] * 9_999}]}, [("too-many-dependencies", "dependencies")]),
        ({"dependencies": ["a"] * 10_000}, []),
    ],
)
def test_what_a_conda_section_may_hold(section, said):
    here = "python.condaDependencies"
    assert findings({"python": {"condaDependencies": section}}) == [
        (code, f"{here}.{where}".rstrip(".")) for code, where in said
    ]


@pytest.mark.parametrize(
    ("docker", "said"),
    [
        ({}, []),
        ({"baseImage": "a:1"}, []),
        ({"baseImage": "a:1", "baseDockerfile": "", "buildContext": None}, []),
        ({"baseDockerfile": "FROM a:1"}, []),
        ({"baseImage": "a:1", "baseDockerfile": "FROM a:1"}, [("docker-base-twice", "docker")]),
        ({"shmSize": "2g"}, [("docker-base-missing", "docker")]),
        ({"baseImage": "A b"}, [("image-invalid", "docker.baseImage")]),
        ({"baseDockerfile": "x" * 100_001}, [("dockerfile-too-long", "docker.baseDockerfile")]),
        ({"baseDockerfile": "é" * 50_001}, [("dockerfile-too-long", "docker.baseDockerfile")]),
        (
            {"baseImage": "a:1", "enabled": True, "shmSize": "8g", "arguments": ["x"], "gpuSupport": True},
            [
                ("docker-attribute-deprecated", "docker.enabled"),
                ("docker-attribute-deprecated", "docker.shmSize"),
                ("docker-attribute-deprecated", "docker.arguments"),
                ("docker-attribute-deprecated", "docker.gpuSupport"),
            ],
        ),
        (
            {"baseImage": "a:1", "enabled": False, "sharedVolumes": True, "shmSize": "2g", "arguments": []},
            [],
        ),
        ({"baseImage": "a:1", "baseimage": "b"}, [("docker-attribute-unknown", "docker.baseimage")]),
    ],
)
def test_what_a_docker_section_may_hold(docker, said):
    assert findings(PYTHON | {"docker": docker}) == said


CONTEXT = {"locationType": "git", "location": "https://h.org/a", "dockerfilePath": "Dockerfile"}
HERE = "docker.buildContext"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"docker": {"buildContext": CONTEXT}}, []),
        ({"docker": {"buildContext": {"dockerfilePath": "x"}}}, [("context-incomplete", HERE)]),
        (
            {"docker": {"buildContext": CONTEXT | {"dockerfilePath": ""}}},
            [("context-dockerfile", f"{HERE}.dockerfilePath")],
        ),
        ({"docker": {"buildContext": {"locationType": "git", "location": "x"}}}, []),
        ({"docker": {"buildContext": CONTEXT, "baseImage": "a:1"}}, [("docker-base-twice", "docker")]),
        ({"docker": {"buildContext": CONTEXT}, "environmentVariables": {"A": "1"}}, [("context-excludes", HERE)]),
        ({"docker": {"buildContext": CONTEXT}, "r": {"rVersion": "4"}}, [("context-excludes", HERE)]),
        (
            {"docker": {"buildContext": CONTEXT}, "spark": {"packages": [{"group": "a"}]}},
            [("context-excludes", HERE)],
        ),
        ({"docker": {"buildContext": CONTEXT}} | PYTHON, [("context-excludes", HERE)]),
        (
            {"docker": {"buildContext": CONTEXT}, "spark": {"packages": []}, "r": None, "environmentVariables": {}},
            [],
        ),
    ],
)
def test_a_build_context_brings_everything_with_it(given, said):
    assert findings(given) == said


@pytest.mark.parametrize(
    ("registry", "said"),
    [
        ({"address": "h.org", "username": None, "password": None, "registryIdentity": None}, []),
        ({"username": "anna"}, [("registry-incomplete", "")]),
        ({"password": "hunter2"}, [("registry-incomplete", ""), ("secret", ".password")]),
        ({"username": "anna", "password": "hunter2"}, [("secret", ".password")]),
        (
            {"username": "anna", "password": "hunter2", "registryIdentity": {"clientId": "x"}},
            [("registry-credentials-twice", ""), ("secret", ".password")],
        ),
    ],
)
def test_what_a_registry_may_hold(registry, said):
    given = PYTHON | {"docker": {"baseImage": "a:1", "baseImageRegistry": registry}}
    assert findings(given) == [(code, f"docker.baseImageRegistry{where}") for code, where in said]
    assert "hunter2" not in str(schema.check(given))


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"A": "1", "a.b-c d": "", "é": "x"}, []),
        ({"A": 1}, [("variable-not-text", ".A")]),
        ({"A": None, "B": [1]}, [("variable-not-text", ".A"), ("variable-not-text", ".B")]),
        ({"A=B": "1"}, [("variable-name", ".A=B")]),
        ({"": "1"}, [("variable-name", ".")]),
        ({"A\n": "1"}, [("variable-name", ".A\n")]),
    ],
)
def test_variables_are_texts_with_names(variables, said):
    given = PYTHON | {"environmentVariables": variables}
    assert findings(given) == [(code, f"environmentVariables{where}") for code, where in said]


@pytest.mark.parametrize(
    "image",
    [
        "ubuntu",
        "ubuntu:22.04",
        "library/ubuntu:22.04",
        "h.example.org/a/b-c_d.e:1",
        "h.example.org:5000/a",
        "localhost/a:1",
        "localhost:5000/a:1",
        "registry:5000/a",
        "a@sha256:" + "0" * 64,
        "a:1@sha256:" + "0" * 64,
    ],
)
def test_names_of_images(image):
    assert schema.is_image(image)


@pytest.mark.parametrize(
    "image",
    [
        "",
        "A",
        "a b",
        "a:",
        "a@sha256:0",
        "https://h.org/a",
        "a:b c",
        "$A",
        "a//b",
        "-a",
        "a\n",
        "h.org:99999999/a",
        "a" * 501,
    ],
)
def test_what_is_no_name_of_an_image(image):
    assert not schema.is_image(image)


def test_limits_hold_whatever_else_is_wrong():
    deep = []
    for _ in range(60):
        deep = [deep]
    assert errors({"python": {}, "x": deep})[0][0] == "too-deep"
    assert errors({"python": {}, "x": "y" * 1_000_001}) == [("too-long", "")]
    assert errors({"python": {}, "x": float("inf")}) == [("not-finite", "x")]
    assert errors({"python": {}, "environmentVariables": {str(i): "" for i in range(1001)}}) == [
        ("too-many-fields", "environmentVariables")
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.tuples(st.sampled_from(EVERY), json_values), min_size=1, max_size=4))
def test_no_value_in_any_field_raises(changes):
    whole = {}
    for (path, _), value in changes:
        for key, item in document(path, value).items():
            whole[key] = whole[key] | item if isinstance(whole.get(key), dict) and isinstance(item, dict) else item
    examined = definition.examine(whole)
    assert all(each.message for each in examined.findings)
    assert errors(whole) or len(examined.image_key) == 48
