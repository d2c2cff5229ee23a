import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import definition
from environments.formats import azure, reading

DOCUMENT = {
    "name": "myenv",
    "version": "3",
    "environmentVariables": {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"},
    "python": {
        "userManagedDependencies": False,
        "interpreterPath": "python",
        "condaDependenciesFile": None,
        "baseCondaEnvironment": None,
        "condaDependencies": {
            "name": "project_environment",
            "dependencies": ["python=3.11", "pip=24.0", {"pip": ["azureml-defaults==1.60.0"]}],
            "channels": ["conda-forge"],
        },
    },
    "docker": {
        "enabled": False,
        "baseImage": "h.org/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1",
        "baseDockerfile": None,
        "buildContext": None,
        "sharedVolumes": True,
        "shmSize": "2g",
        "arguments": [],
        "baseImageRegistry": {"address": None, "username": None, "password": None, "registryIdentity": None},
        "platform": {"os": "Linux", "architecture": "amd64"},
    },
    "spark": {"repositories": [], "packages": [], "precachePackages": True},
    "databricks": {
        "mavenLibraries": [],
        "pypiLibraries": [],
        "rcranLibraries": [],
        "jarLibraries": [],
        "eggLibraries": [],
    },
    "r": None,
    "inferencingStackVersion": None,
    "assetId": None,
}


def read_json(text):
    return reading.read("azureml_environment.json", text if isinstance(text, str) else json.dumps(text, indent=4))


def read_yaml(text):
    return reading.read("environment.yml", text)


def errors(found):
    return [(each.code, each.line) for each in found.findings if each.severity == "error"]


def test_what_azure_writes_by_default_is_read_without_a_finding():
    found = read_json(DOCUMENT)
    assert found.findings == ()
    assert (found.format, found.name) == ("azure-json", "myenv")
    wanted = {key: value for key, value in DOCUMENT.items() if key not in ("name", "version", "assetId")}
    assert found.definition.document == wanted


def test_a_finding_about_json_has_its_line():
    document = DOCUMENT | {"python": {"condaDependencies": {"dependencies": ["python=3.11", "a b c d!"]}}}
    found = read_json(document)
    line = json.dumps(document, indent=4).split("\n").index('                "a b c d!"') + 1
    assert errors(found) == [("conda-invalid", line)]


def test_a_finding_about_a_dockerfile_inside_of_json_says_both_lines():
    text = '{"python": null,\n "docker": {\n  "baseDockerfile": "FROM a:1\\nRUM x"}}'
    assert [(each.code, each.line, each.message) for each in read_json(text).findings] == [
        (
            "dockerfile-unknown",
            3,
            "Line 2 of the Dockerfile: Docker knows no instruction RUM. RUN is probably meant.",
        )
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('{"a": 1,\n "b" 2}', 2, "a colon is missing behind the key"),
        ('{"a": 1\n "b": 2}', 2, "a comma or a closing bracket is missing"),
        ('{"a": [1,\n 2', 2, "a comma or a closing bracket is missing"),
        ('{"a":\n}', 2, "a value is missing here"),
        ('{"a": "x\n"}', 1, "a text goes on over the end of its line, or holds a tab"),
        ('{"a": "x', 1, "the quotation mark that opens here is not closed on its line"),
        ('{"a": "C:\\x"}', 1, "a backslash in a text is written twice: \\\\"),
        ('{"a": 1}\n{"b": 2}', 2, "something stands behind its end"),
        ("{'a': 1}", 1, "texts stand in double quotation marks"),
        ('{"a": NaN}', 1, "NaN is no number of JSON"),
        ('{"a": 1, "a": 2}', 1, "the key a stands twice in one object"),
        ('{"a": ' + "[" * 100_000, 1, "it is nested too deep"),
        ('{"a": ' + "1" * 5000 + "}", 1, "a number has too many digits"),
        ('{"a": 1,\n}', 1, "no comma stands behind the last one"),
        ('{"a": [1,\n\n]}', 1, "no comma stands behind the last one"),
    ],
)
def test_what_is_no_json_is_said_in_words(text, line, reason):
    assert [(each.code, each.line, each.message) for each in read_json(text).findings] == [
        ("json-invalid", line, f"This is no JSON: {reason}.")
    ]


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "null"])
def test_json_that_is_no_object_is_no_definition(text):
    assert [each.code for each in read_json(text).findings] == ["not-a-definition"]


# The environment of `az ml` 2

MAPPING = """\
$schema: https://h.org/schema.json
name: science
version: 4
image: h.org/base:1
conda_file:
  name: inner
  channels:
    - conda-forge
  dependencies:
    - python=3.11   # the language
    - pip=24.0
    - pip:
        - six==1.16.0
        - scikit learn
"""


def test_a_conda_file_inline_is_read_with_its_lines_and_comments():
    found = read_yaml(MAPPING)
    assert (found.format, found.name) == ("azure-yaml", "science")
    assert errors(found) == [("pip-invalid", 14)]
    assert found.document == {
        "docker": {"baseImage": "h.org/base:1"},
        "python": {
            "condaDependencies": {
                "name": "inner",
                "channels": ["conda-forge"],
                "dependencies": ["python=3.11", "pip=24.0", {"pip": ["six==1.16.0", "scikit learn"]}],
            }
        },
    }
    assert "- python=3.11   # the language\n" in found.conda
    assert read_yaml(MAPPING.replace("scikit learn", "idna==3.10")).findings == ()


def test_a_conda_file_inline_as_text_is_read_with_its_lines():
    text = "image: h.org/base:1\nconda_file: |\n  dependencies:\n    - python=3.11\n    - a b c d!\n"
    assert errors(read_yaml(text)) == [("conda-invalid", 5)]
    assert errors(read_yaml("image: h.org/base:1\nconda_file: |\n  dependencies:\n    -numpy\n    - x\n")) == [
        ("yaml-invalid", 4)
    ]


def test_selectors_and_swallowed_lines_inline_are_found_too():
    text = MAPPING.replace("scikit learn", "idna==3.10  # [osx]")
    assert [(each.code, each.line) for each in read_yaml(text).findings] == [("conda-selector", 14)]
    assert errors(read_yaml(MAPPING.replace("    - pip=24.0", "     - pip=24.0"))) == [("yaml-invalid", 11)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("image: h.org/base:1\nconda_file: ./conda.yml\n", [("pip-file", 2)]),
        ("image: [a]\n", [("wrong-type", 1)]),
        ("image: h.org/base:1\nbuild: here\n", [("wrong-type", 2)]),
        ("build:\n  path: .\nimage: h.org/base:1\n", [("docker-base-twice", 2)]),
        ("image: h.org/base:1\nconda_file: [a]\n", [("yaml-invalid", 2)]),
        ("image: NO\n", [("image-invalid", 1)]),
    ],
)
def test_what_an_environment_of_az_ml_cannot_be_is_refused_with_its_line(text, found):
    assert errors(read_yaml(text)) == found


def test_an_image_a_context_and_the_rest_are_taken_over():
    image = read_yaml("name: x\nimage: h.org/base:1\nos_type: linux\ninference_config:\n  port: 80\nstage: dev\n")
    assert image.definition.document == {
        "docker": {"baseImage": "h.org/base:1", "platform": {"os": "Linux", "architecture": "amd64"}},
        "python": {"userManagedDependencies": True},
        "inferenceConfig": {"port": 80},
    }
    assert [(each.code, each.line) for each in image.findings if each.code != "key-unknown"] == []
    assert ("key-unknown", 6) in [(each.code, each.line) for each in image.findings]
    context = read_yaml("build:\n  path: https://h.org/a\n  dockerfile_path: docker/Dockerfile\ntags:\n  a: b\n")
    assert context.definition.document["docker"] == {
        "buildContext": {
            "locationType": "storageAccount",
            "location": "https://h.org/a",
            "dockerfilePath": "docker/Dockerfile",
        }
    }


# The folder


def folder(document, **files):
    return {azure.DEFINITION: json.dumps(document).encode()} | {
        {"conda": azure.CONDA, "dockerfile": azure.DOCKERFILE}[name]: text.encode() for name, text in files.items()
    }


def test_a_folder_is_one_definition():
    files = folder(
        {"name": "x", "python": {"interpreterPath": "python"}, "docker": {"shmSize": "2g"}},
        conda="dependencies:\n  - python=3.11\n",
        dockerfile="FROM h.org/base:1\n",
    )
    found = reading.read_folder(files)
    assert found.definition.document == {
        "python": {"interpreterPath": "python", "condaDependencies": {"dependencies": ["python=3.11"]}},
        "docker": {"shmSize": "2g", "baseDockerfile": "FROM h.org/base:1\n"},
    }
    assert (found.name, found.conda) == ("x", "dependencies:\n  - python=3.11\n")


def test_a_finding_about_a_folder_names_the_file():
    files = folder({"python": {}}, conda="dependencies:\n  - a b c d!\n", dockerfile="FROM a:1\nRUM x\n")
    found = reading.read_folder(files)
    assert [(each.code, each.line, each.message.partition(":")[0]) for each in found.findings] == [
        ("conda-invalid", 2, azure.CONDA),
        ("python-unstated", 1, azure.CONDA),
        ("dockerfile-unknown", 2, azure.DOCKERFILE),
    ]


@pytest.mark.parametrize(
    ("files", "code", "line"),
    [
        ({}, "file-missing", None),
        ({azure.CONDA: b"dependencies: []\n"}, "file-missing", None),
        ({azure.DEFINITION: b"{"}, "json-invalid", 1),
        ({azure.DEFINITION: b'{"python": []}', azure.CONDA: b"a: b\n"}, "not-an-object", None),
        ({azure.DEFINITION: b'{"docker": 3}', azure.DOCKERFILE: b"FROM a:1\n"}, "not-an-object", None),
        ({azure.DEFINITION: b'{"python": {}}', azure.CONDA: b"a: [\n"}, "yaml-invalid", 1),
        ({azure.DEFINITION: b'{"python": {}}', azure.CONDA: b"a: \xff\n"}, "text-encoding", 1),
    ],
)
def test_a_folder_that_is_none_is_refused(files, code, line):
    found = reading.read_folder(files)
    assert found.definition is None
    assert [(each.code, each.line) for each in found.findings if each.severity == "error"] == [(code, line)]


def test_a_folder_is_written_as_azure_writes_it():
    document = {"python": {"condaDependencies": {"dependencies": ["python=3.11"]}, "interpreterPath": "python"}}
    document["docker"] = {"baseDockerfile": "FROM a:1\n", "shmSize": "2g"}
    files = azure.write_folder(definition.read(document), "x", 3)
    assert files == {
        azure.CONDA: "dependencies:\n  - python=3.11\n",
        azure.DOCKERFILE: "FROM a:1\n",
        azure.DEFINITION: """\
{
    "name": "x",
    "version": "3",
    "python": {
        "interpreterPath": "python"
    },
    "docker": {
        "shmSize": "2g"
    }
}
""",
    }


def encoded(files):
    return {name: text.encode() for name, text in files.items()}


def test_what_azure_writes_comes_out_as_it_went_in():
    first = read_json(DOCUMENT).definition
    again = reading.read_folder(encoded(azure.write_folder(first, "myenv", 3))).definition
    assert again.identity == first.identity
    assert again.image_key == first.image_key


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)
documents = st.fixed_dictionaries(
    {
        "python": st.fixed_dictionaries(
            {},
            optional={
                "interpreterPath": texts,
                "userManagedDependencies": st.booleans(),
                "condaDependencies": st.fixed_dictionaries(
                    {"dependencies": st.lists(st.sampled_from(["python=3.11", "numpy", {"pip": ["six"]}]), max_size=1)},
                    optional={
                        "channels": st.just(["forge"]),
                        "name": texts,
                        "variables": st.dictionaries(texts, texts),
                    },
                ),
            },
        )
    },
    optional={
        "docker": st.sampled_from([{"baseImage": "a:1"}, {"baseDockerfile": "FROM a:1\nRUN x\n"}, {"shmSize": "1g"}]),
        "environmentVariables": st.dictionaries(st.from_regex(r"[A-Z]{1,5}", fullmatch=True), texts, max_size=2),
        "more": st.recursive(st.none() | st.integers() | texts, st.lists, max_leaves=4),
        "inferencingStackVersion": texts,
    },
)


@given(documents)
def test_a_folder_that_is_written_reads_back_the_same(document):
    first = definition.read(document)
    again = reading.read_folder(encoded(azure.write_folder(first))).definition
    assert again.identity == first.identity
    assert again.image_key == first.image_key
    assert read_json(document).definition.document == first.document


yaml = st.text(alphabet='ab:-[]{}&*!|>#"? \n,', max_size=40)


@given(yaml, yaml, st.text(alphabet='{}[]":,a1\n', max_size=40))
def test_nothing_in_a_folder_raises(conda, dockerfile, text):
    for files in (
        {azure.DEFINITION: text.encode(), azure.CONDA: conda.encode(), azure.DOCKERFILE: dockerfile.encode()},
        folder({"python": {}}, conda=conda, dockerfile=dockerfile),
        folder({"python": None, "docker": None}, conda=conda),
    ):
        assert reading.read_folder(files).format == "azure-folder"
    read_yaml("image: a:1\nconda_file:\n  " + conda.replace("\n", "\n  "))
    read_yaml("conda_file: |\n  " + conda.replace("\n", "\n  "))
    read_yaml("build: " + conda)
