from datetime import date

import pytest

from environments import shelf_files
from environments.policy import PackageRule, Policy

CONDA = "# why\ndependencies:\n  - python=3.11\n  - pip:\n      - idna==3.10\n"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shelf"


@pytest.fixture
def put(folder):
    """Write the files of one curated environment, and read the whole shelf."""

    def put(name="AzureML-A", about="description: For tests\n", **files):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file, text in ({"environment.yml": CONDA} if not files else files["files"]).items():
            (folder / name / file).write_text(text)
        (folder / name / "about.yml").write_text(about)
        return shelf_files.read(folder)

    return put


def test_what_files_say(put):
    about = (
        "description: |\n  Two\n  lines\ntags: {hardware: CPU, cores: 4}\nlifecycle: deprecated\nends: 2027-03-31\n"
        "reason: Old\nsuccessor: AzureML-B\nmessage: First\n"
    )
    found, faults = put(about=about)
    one = found["AzureML-A"]
    assert faults == []
    assert (one.name, one.conda, one.description) == ("AzureML-A", CONDA, "Two lines")
    assert (one.tags, one.stage, one.ends) == ({"hardware": "CPU", "cores": "4"}, "deprecated", date(2027, 3, 31))
    assert (one.reason, one.successor, one.message) == ("Old", "AzureML-B", "First")
    assert [line.canonical for line in one.definition.pip] == ["idna==3.10"]


def test_a_folder_of_azures_clients_is_read_too(put):
    files = {
        "azureml_environment.json": '{"name": "x", "environmentVariables": {"A": "1"}}',
        "conda_dependencies.yml": CONDA,
    }
    found, faults = put(files=files)
    assert faults == []
    assert found["AzureML-A"].definition.document["environmentVariables"] == {"A": "1"}


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (
            "lifecycle: retired",
            "AzureML-A/about.yml: lifecycle is one of preview, current, deprecated, archived, not retired.",
        ),
        ("descripton: x", "AzureML-A/about.yml: There is no key descripton. Known: "),
        ("ends: soon", "AzureML-A/about.yml: ends is a day, such as 2027-03-31."),
        ("ends: [1]", "AzureML-A/about.yml: ends is a day, such as 2027-03-31."),
        ("tags: CPU", "AzureML-A/about.yml: Names and values are wanted"),
        ("- a list", "AzureML-A/about.yml: Names and values are wanted"),
        ("", "AzureML-A/about.yml: Names and values are wanted"),
        ("description: [", "AzureML-A/about.yml, line 1: "),
    ],
)
def test_a_file_that_is_wrong_is_named(put, about, words):
    found, [fault] = put(about=about)
    assert found == {}
    assert fault.message.startswith(words)


def test_one_that_is_wrong_keeps_no_other_away(put):
    put("AzureML-Wrong", about="lifecycle: x")
    found, faults = put("AzureML-Good")
    assert (list(found), len(faults)) == (["AzureML-Good"], 1)


def test_a_definition_that_is_refused_is_a_fault(put):
    _, [fault] = put(files={"environment.yml": "dependencies:\n  - python=3.11\n  - pip:\n      - idna==\n"})
    assert fault.message.startswith("AzureML-A: Line 4")


def test_a_package_that_is_blocked_here_is_a_fault(put, folder):
    put()
    _, [fault] = shelf_files.read(folder, Policy(blocked=(PackageRule("idna", "", ""),)))
    assert "idna is blocked here" in fault.message


def test_a_folder_that_is_not_there(folder):
    with pytest.raises(shelf_files.ShelfFault, match="is no folder"):
        shelf_files.read(folder)


def test_digests_tell_what_changed(put):
    first = put()[0]["AzureML-A"]
    other_words = put(about="description: Other\n")[0]["AzureML-A"]
    assert first.definition_digest == other_words.definition_digest
    assert first.about_digest != other_words.about_digest
    other_comment = put(files={"environment.yml": CONDA.replace("why", "because")})[0]["AzureML-A"]
    assert first.definition_digest != other_comment.definition_digest


def test_what_is_shipped_can_be_read_and_is_pinned():
    found, faults = shelf_files.read(shelf_files.SHIPPED)
    assert faults == []
    assert {"AzureML-Minimal", "AzureML-Tutorial", "AzureML-inference"} <= set(found)
    for one in found.values():
        assert not one.definition.conda_packages, "conda has to be asked for it, which not every portal reaches"
        assert [line.text for line in one.definition.pip if not set("=<~") & set(line.text)] == []
        assert one.description
        assert one.tags["hardware"]
        assert one.successor in ("", *found)
