import datetime
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.findings import ERROR, HINT, WARNING
from environments.formats import conda_file, reading
from environments.policy import Policy

FILES = Path(__file__).parent / "files"
ACCEPTED, REFUSED = True, False
POLICY = Policy(today=datetime.date(2026, 1, 15))
# What stands in real files, and what is said of it: format, whether it gives a definition, (code, line).
EXPECTED = {
    "Dockerfile": ("dockerfile", ACCEPTED, [("dockerfile-files", 6), ("dockerfile-secret", 9), ("image-untagged", 19)]),
    "anchors.yml": ("conda", ACCEPTED, [("key-unknown", 1), ("key-unknown", 4)]),
    "az_build.yml": ("azure-yaml", ACCEPTED, []),
    "az_inline.yml": ("azure-yaml", ACCEPTED, []),
    "az_path.yml": ("azure-yaml", REFUSED, [("pip-file", 3)]),
    "az_text.yml": ("azure-yaml", ACCEPTED, []),
    "azureml": (
        "azure-folder",
        ACCEPTED,
        [("docker-attribute-deprecated", 14), ("docker-attribute-deprecated", 16), ("pip-not-listed", 7)],
    ),
    "brackets.yml": (
        "conda",
        ACCEPTED,
        [
            ("no-channels", 1),
            ("name-unusable", 1),
            ("unpinned", 5),
            ("unpinned", 8),
            ("unpinned", 9),
            ("unpinned", 10),
            ("unpinned", 11),
        ],
    ),
    "broken_bracket.yml": ("conda", REFUSED, [("yaml-invalid", 2)]),
    "broken_dash.yml": ("conda", REFUSED, [("yaml-invalid", 6)]),
    "broken_indentation.yml": ("conda", REFUSED, [("yaml-invalid", 4)]),
    "broken_quotation.yml": ("conda", REFUSED, [("yaml-invalid", 3)]),
    "channels.yml": (
        "conda",
        REFUSED,
        [
            ("credentials", 5),
            ("credentials", 6),
            ("credentials", 11),
            ("secret-named", 4),
            ("secret-named", 4),
            ("channel-twice", 8),
        ],
    ),
    "channels_text.yml": ("conda", REFUSED, [("not-a-list", 1)]),
    "explicit.txt": ("explicit", ACCEPTED, []),
    "exported.txt": ("conda-export", ACCEPTED, [("no-channels", None)]),
    "exported.yml": ("conda", ACCEPTED, [("channel-licence", 3), ("prefix-ignored", 20)]),
    "misspelt.yml": ("conda", REFUSED, [("key-misspelt", 2), ("key-misspelt", 4)]),
    "no_dependencies.yml": ("conda", ACCEPTED, [("python-unstated", 4), ("no-dependencies", 4)]),
    "no_dependencies_at_all.yml": ("conda", ACCEPTED, [("python-unstated", 1), ("no-dependencies", 1)]),
    "no_newline_at_the_end.yml": ("conda", ACCEPTED, [("pip-unpinned", 3)]),
    "objects.yml": ("conda", REFUSED, [("yaml-tag", 3)]),
    "odd_dependencies.yml": (
        "conda",
        REFUSED,
        [
            ("conda-mapping", 3),
            ("conda-mapping", 4),
            ("conda-invalid", 5),
            ("not-a-list", 7),
            ("dependency-invalid", 8),
            ("dependency-invalid", 9),
            ("conda-mapping", 10),
            ("conda-invalid", 11),
            ("python-unstated", 2),
        ],
    ),
    "often.yml": (
        "conda",
        ACCEPTED,
        [
            ("unpinned", 11),
            ("unpinned", 12),
            ("unpinned", 13),
            ("unpinned", 14),
            ("unpinned", 17),
            ("unpinned", 18),
            ("unpinned", 19),
            ("pip-not-listed", 16),
        ],
    ),
    "other_tools.yml": (
        "conda",
        REFUSED,
        [
            ("conda-mapping", 13),
            ("key-unknown", 7),
            ("conda-selector", 14),
            ("conda-selector", 15),
            ("conda-selector", 16),
            ("key-ignored", 3),
            ("key-ignored", 4),
            ("key-ignored", 5),
            ("key-ignored", 6),
        ],
    ),
    "pip_lines.yml": (
        "conda",
        REFUSED,
        [
            ("conda-pip-only", 5),
            ("pip-file", 7),
            ("pip-file", 8),
            ("pip-file", 9),
            ("pip-path", 10),
            ("pip-option", 18),
            ("pip-invalid", 21),
            ("dependency-invalid", 22),
            ("pip-editable", 11),
            ("pip-vcs", 11),
            ("unpinned", 11),
            ("pip-vcs", 12),
            ("unpinned", 12),
            ("pip-source", 14),
            ("pip-unpinned", 4),
            ("pip-url", 13),
            ("index-own", 15),
            ("index-own", 16),
            ("index-own", 17),
        ],
    ),
    "pylock.toml": ("pylock", ACCEPTED, [("pip-unpinned", None), ("pip-url", 5)]),
    "requirements-dev.txt": (
        "requirements",
        REFUSED,
        [
            ("pip-file", 1),
            ("pip-file", 2),
            ("pip-path", 3),
            ("credentials", 4),
            ("pip-option", 5),
            ("pip-path", 6),
            ("pip-invalid", 7),
            ("pip-invalid", 8),
            ("pip-invalid", 9),
            ("pip-invalid", 10),
            ("python-unstated", None),
        ],
    ),
    "requirements-hashes.txt": (
        "requirements",
        REFUSED,
        [("pip-option", 9), ("python-unstated", None), ("pip-unpinned", None), ("pip-option-dropped", 4)],
    ),
    "requirements.txt": (
        "requirements",
        ACCEPTED,
        [
            ("python-unstated", None),
            ("unpinned", 3),
            ("unpinned", 4),
            ("unpinned", 5),
            ("unpinned", 6),
            ("unpinned", 7),
            ("unpinned", 9),
            ("pip-unpinned", None),
            ("index-own", 2),
        ],
    ),
    "tabs.yml": ("conda", REFUSED, [("yaml-tab", 3)]),
    "template.yml": ("conda", REFUSED, [("template-value", 1)]),
    "template_values.yml": ("conda", REFUSED, [("template-value", 3), ("template-value", 5)]),
    "twice.yml": ("conda", ACCEPTED, [("twice", 6), ("both", 9), ("twice", 10), ("pip-twice", 11)]),
    "two_documents.yml": ("conda", REFUSED, [("yaml-documents", 3)]),
}


def read(name):
    path = FILES / name
    if path.is_dir():
        return reading.read_folder({each.name: each.read_bytes() for each in path.iterdir()}, POLICY)
    return reading.read(name, path.read_bytes(), POLICY)


def test_every_file_has_an_expectation():
    assert sorted(path.name for path in FILES.iterdir()) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_file_gives_a_definition_or_says_at_which_lines_it_does_not(name):
    found = read(name)
    said = [(each.code, each.line) for each in found.findings]
    assert (found.format, found.definition is not None, said) == EXPECTED[name]


@pytest.mark.parametrize("name", [name for name, (_, accepted, _) in EXPECTED.items() if accepted])
def test_a_definition_means_the_same_as_a_conda_file(name):
    first = read(name).definition
    if first.brings_its_own_python or first.docker:
        again = reading.read("x.json", json.dumps(first.document)).definition
    else:
        again = reading.read("x.yml", conda_file.write(first.conda_section)).definition
    assert (again.identity, again.image_key) == (first.identity, first.image_key)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_conda_file_that_an_editor_opens_says_the_same(name):
    found = read(name)
    if found.conda and found.document:
        assert conda_file.read(found.conda).section == found.document["python"]["condaDependencies"]


@pytest.mark.parametrize("name", EXPECTED)
def test_no_finding_shows_a_secret(name):
    found = read(name)
    assert "geheim" not in " ".join(each.message for each in found.findings)
    assert "0123456789" not in " ".join(each.message for each in found.findings)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_gravest_findings_come_first_and_each_has_a_sentence(name):
    found = read(name).findings
    order = [(ERROR, WARNING, HINT).index(each.severity) for each in found]
    assert order == sorted(order)
    assert all("{" not in each.message or "{{" in each.message or "${" in each.message for each in found)


def test_an_export_of_a_living_environment_is_taken_over_whole():
    section = read("exported.yml").definition.conda_section
    assert section["dependencies"][5] == "gstreamer=1!1.22.9=h98fc4e7_0"
    assert section["dependencies"][-1] == {
        "pip": ["certifi==2024.2.2", "charset-normalizer==3.3.2", "torch==2.2.1+cu121"]
    }
    assert (section["name"], section["prefix"]) == ("science", "/home/anna/miniconda3/envs/science")


def test_the_answer_for_a_file_is_plain_data():
    answer = read("broken_dash.yml").as_dict("broken_dash.yml")
    assert answer == {
        "file": "broken_dash.yml",
        "format": "conda",
        "definition": None,
        "image_key": None,
        "findings": [
            {
                "code": "yaml-invalid",
                "severity": "error",
                "message": "This is no YAML: a space is missing behind the dash.",
                "where": "",
                "line": 6,
                "fix": {
                    "title": "Write - numpy=1.26",
                    "verb": "lines",
                    "where": "",
                    "path": [6, 6],
                    "value": "  - numpy=1.26",
                },
            }
        ],
    }


# Encodings

TEXT = "name: größe\ndependencies:\n  - python=3.12\n  - a b c d!\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        "\ufeff" + TEXT,
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
        b"\xff\xfe" + TEXT.encode("utf-16-le"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("\n", "\r\n").encode("utf-16"),
    ],
    ids=["text", "bom", "utf8", "utf8-bom", "utf16", "le-bom", "be-bom", "le", "be", "crlf", "cr", "utf16-crlf"],
)
def test_every_usual_encoding_says_the_same_at_the_same_lines(data):
    found = reading.read("environment.yml", data, POLICY)
    assert found.document["python"]["condaDependencies"]["name"] == "größe"
    assert [(each.code, each.line) for each in found.findings] == [("conda-invalid", 4), ("name-unusable", 1)]


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"", "file-empty", 1),
        (b" \n\n", "file-empty", 1),
        (b"\xef\xbb\xbf", "file-empty", 1),
        ("name: größe\nx: 1\n".encode("latin-1"), "text-encoding", 1),
        ("name: x\ny: größe\n".encode("latin-1"), "text-encoding", 2),
        (b"\xff\xfe\x00\xd8", "text-encoding", 1),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d", "text-encoding", 1),
        (b"name: x\ny: \0\n", "text-character", 2),
        ("name: x\ny: \ud800\n", "text-character", 2),
        ("name: x\ny: \x07\n", "text-character", 2),
        (b"x" * 1_000_001, "text-too-long", None),
        (b"\n" * 20_001, "text-too-many-lines", 20_001),
    ],
)
def test_what_is_no_text_is_refused_by_name(data, code, line):
    found = reading.read("environment.yml", data)
    assert found.definition is None
    assert [(each.code, each.line) for each in found.findings] == [(code, line)]


@pytest.mark.parametrize("name", ["environment.yml", "requirements.txt", "Dockerfile", "x.json", "pylock.toml", "x"])
def test_a_lone_half_character_never_gets_into_a_definition(name):
    for text in ("numpy \ud800", '{"a": "\\ud800"}', "FROM x\ud800\n", "@EXPLICIT\n\ud800"):
        assert reading.read(name, text).definition is None


# Formats


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("environment.yml", "numpy", "conda"),
        ("conda.yaml", "# nothing", "conda"),
        ("paste", "dependencies:\n  - numpy\n", "conda"),
        ("paste", "name: x\n", "conda"),
        ("environment.txt", "channels:\n- a\n", "conda"),
        ("environment.yml", "image: a:1\n", "azure-yaml"),
        ("paste", "@EXPLICIT\nhttps://h.org/c/noarch/a-1-0.conda\n", "explicit"),
        ("environment.yml", "@EXPLICIT\nhttps://h.org/c/noarch/a-1-0.conda\n", "explicit"),
        ("paste", "a=1=0\nb=2=1_x\n", "conda-export"),
        ("paste", "numpy==1.26\nsix\n", "requirements"),
        ("requirements.in", "-r x\n", "requirements"),
        ("paste", "FROM python:3.12\nRUN x\n", "dockerfile"),
        ("paste", "# syntax=x\nARG A=1\nFROM a\n", "dockerfile"),
        ("Dockerfile", "whatever", "dockerfile"),
        ("C:\\x\\BaseDockerfile", "whatever", "dockerfile"),
        ("app.Dockerfile", "whatever", "dockerfile"),
        ("Dockerfile.gpu", "whatever", "dockerfile"),
        ("azureml_environment.json", "whatever", "azure-json"),
        ("paste", ' {"python": {}}', "azure-json"),
        ("paste", "{}", "azure-json"),
        ("pylock.toml", "whatever", "pylock"),
        ("paste", 'lock-version = "1.0"\n', "pylock"),
        ("paste", "from==1.0\n", "requirements"),
    ],
)
def test_the_format_is_told_by_the_text_and_the_name(name, text, format):
    assert reading.read(name, text).format == format


def test_a_conda_file_gives_the_environment_its_name_where_it_can():
    assert reading.read("x.yml", "name: science\ndependencies: [python=3.12]\n").name == "science"
    found = reading.read("x.yml", "\nname: AzureML-x\ndependencies: [python=3.12]\n")
    assert found.name == ""
    assert [(each.code, each.line) for each in found.findings if each.code.startswith("name")] == [("name-unusable", 2)]


alphabets = st.text(alphabet="ab1:-[]{}&*!|>#%@'\"? \n\t,<~=/\\dependencies,FROM@EXPLICIT", max_size=80)
names = st.sampled_from(["environment.yml", "requirements.txt", "Dockerfile", "x.json", "pylock.toml", "paste", ""])


@given(names, st.text(max_size=80) | st.binary(max_size=80) | alphabets)
def test_whatever_is_given_is_read_or_refused_with_an_error(name, data):
    found = reading.read(name, data)
    errors = [each for each in found.findings if each.severity == ERROR]
    assert (found.definition is None) == bool(errors)
    assert found.as_dict(name)["findings"] == [each.as_dict() for each in found.findings]


def test_an_archive_is_named_and_the_way_out_said():
    (finding,) = reading.read("azureml.zip", b"PK\x03\x04" + b"\0" * 50).findings
    assert (finding.code, finding.message) == (
        "file-unknown",
        "This is no file that can be read here: it is a zip archive; unpack it and choose the files that were in it.",
    )
