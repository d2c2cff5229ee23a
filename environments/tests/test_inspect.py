import json

import pytest
from django.core.management import CommandError, call_command

from environments.models import Rule

pytestmark = pytest.mark.django_db

GOOD = "dependencies:\n  - python=3.11\n  - pip=24.0\n  - pip:\n      - idna==3.10\n"


@pytest.fixture
def inspect(capsys):
    """Inspect files. Return (exit code, the objects that were printed)."""

    def inspect(*files):
        code = 0
        try:
            call_command("inspect", *map(str, files))
        except SystemExit as ended:
            code = ended.code
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return inspect


@pytest.fixture
def file(tmp_path):
    def file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file


def test_each_file_is_one_line_of_json(inspect, file):
    good, bad = file("environment.yml", GOOD), file("requirements.txt", "idna\n-e .\n")
    code, (first, second) = inspect(good, bad)
    assert code == 1
    assert (first["file"], first["findings"]) == (str(good), [])
    assert first["image_key"].startswith("azureml/azureml_")
    assert first["definition"] == {
        "python": {"condaDependencies": {"dependencies": ["python=3.11", "pip=24.0", {"pip": ["idna==3.10"]}]}}
    }
    assert (second["definition"], second["image_key"]) == (None, None)
    assert second["findings"][0] == {
        "code": "pip-path",
        "severity": "error",
        "message": second["findings"][0]["message"],
        "where": "python.condaDependencies.dependencies[1].pip[1]",
        "line": 2,
        "fix": {
            "title": "Remove this line",
            "verb": "remove",
            "where": "python.condaDependencies.dependencies[1].pip[1]",
            "path": ["python", "condaDependencies", "dependencies", 1, "pip", 1],
            "value": None,
        },
    }


def test_it_ends_with_nought_when_every_file_gave_a_definition(inspect, file):
    assert inspect(file("a.yml", GOOD), file("b.yml", GOOD))[0] == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.yml", b""),
        ("binary", bytes(range(256)) * 10),
        ("half.yml", b"\xff"),
        ("long.yml", b"# x\n" * 300_000),
        ("latin.yml", "name: caf\xe9".encode("latin-1")),
        ("deep.json", b"[" * 100_000),
    ],
)
def test_what_is_no_definition_is_refused_and_never_a_traceback(inspect, file, name, content):
    code, (answer,) = inspect(file(name, content))
    assert (code, answer["definition"]) == (1, None)
    assert answer["findings"][0]["severity"] == "error"


def test_a_file_that_is_not_there_is_said(inspect, tmp_path):
    code, (answer,) = inspect(tmp_path / "nothing.yml")
    assert (code, answer["findings"][0]["code"]) == (1, "file-unknown")
    assert "No such file" in answer["findings"][0]["message"]


def test_a_folder_is_read_as_azure_wrote_it(inspect, tmp_path, file):
    file("azureml_environment.json", '{"name": "x", "docker": {"baseImage": null}}')
    file("conda_dependencies.yml", GOOD)
    file("other.bin", bytes(range(256)))
    code, (answer,) = inspect(tmp_path)
    assert (code, answer["format"]) == (0, "azure-folder")


def test_it_obeys_the_rules_of_administrators(inspect, file):
    Rule.objects.create(kind=Rule.Kind.PACKAGE_BLOCKED, subject="idna", message="Ask Vera.")
    code, (answer,) = inspect(file("environment.yml", GOOD))
    assert (code, answer["findings"][0]["message"]) == (1, "idna is blocked here. Ask Vera.")


def test_without_files_it_says_what_it_wants():
    with pytest.raises(CommandError, match="FILE"):
        call_command("inspect")
