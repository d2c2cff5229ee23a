import shutil
from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from environments import shelf_loader
from environments.models import Curation, Environment, Version, Workspace
from events.models import Event

ABOUT = "description: For tests\ntags: {hardware: CPU}\nlifecycle: current\n"
DEPRECATED = "description: For tests\nlifecycle: deprecated\nends: 2999-01-31\nreason: Old\nsuccessor: AzureML-B\n"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shelf"


@pytest.fixture
def put(db, folder):
    """Write the files of a curated environment."""

    def put(name="AzureML-A", *pip, about=ABOUT):
        lines = "".join(f"      - {line}\n" for line in pip or ["idna==3.10"])
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "environment.yml").write_text(f"dependencies:\n  - python=3.11\n  - pip:\n{lines}")
        (folder / name / "about.yml").write_text(about)

    return put


@pytest.fixture
def load(folder):
    return lambda *overwrite: {each.name: each.words for each in shelf_loader.load(folder, overwrite)}


def life(name="AzureML-A"):
    return Curation.objects.with_subject().get(environment__name=name)


def test_files_become_a_version_with_its_life(put, load):
    put()
    assert load() == {"AzureML-A": "version 1"}
    one = life()
    assert (one.stage, one.environment.tags, one.environment.description) == (
        "current",
        {"hardware": "CPU"},
        "For tests",
    )
    assert one.environment.latest.document["python"]["condaDependencies"]["dependencies"][1] == {"pip": ["idna==3.10"]}
    assert one.environment.latest.author.is_active is False


def test_loading_again_changes_nothing_and_writes_no_event(put, load):
    put()
    load()
    before = list(Event.objects.values_list("pk", flat=True)), Curation.objects.values().get()
    assert load() == {"AzureML-A": "version 1 as before"}
    assert (list(Event.objects.values_list("pk", flat=True)), Curation.objects.values().get()) == before


def test_a_changed_file_makes_the_next_version(put, load):
    put()
    load()
    put("AzureML-A", "idna==3.11")
    assert load() == {"AzureML-A": "version 2"}


def test_a_changed_life_is_taken_and_makes_no_version(put, load):
    put()
    put("AzureML-B")
    load()
    put(about=DEPRECATED)
    assert load()["AzureML-A"] == "deprecated, as its file says"
    one = life()
    assert (one.stage, one.ends, one.reason, one.successor.name) == (
        "deprecated",
        date(2999, 1, 31),
        "Old",
        "AzureML-B",
    )
    assert Version.objects.filter(environment=one.environment).count() == 1


def test_a_version_of_a_curator_stays_the_latest(put, load, curator, wanted):
    put()
    load()
    life().environment.register(wanted("idna==3.9"), curator)
    assert load() == {"AzureML-A": "version 1 as before"}
    put("AzureML-A", "idna==3.11")
    assert "version 2 stays the latest" in load()["AzureML-A"]
    assert life().environment.latest_number == 2
    assert load("AzureML-A")["AzureML-A"] == "current, as its file says"
    assert life().environment.latest.definition.pip[0].canonical == "idna==3.11"


def test_what_a_curator_says_of_its_life_stays(put, load, curator):
    put()
    load()
    life().edit(curator, stage="preview", description="Ours")
    put(about=ABOUT.replace("For tests", "Theirs"))
    assert "curators' own stays" in load()["AzureML-A"]
    assert (life().stage, life().environment.description) == ("preview", "Ours")
    load("AzureML-A")
    assert (life().stage, life().environment.description, life().is_edited) == ("current", "Theirs", False)


def test_a_curators_life_stays_where_the_file_did_not_change(put, load, curator):
    put()
    load()
    life().edit(curator, stage="preview")
    assert load() == {"AzureML-A": "version 1 as before"}
    assert life().stage == "preview"


GONE = "its folder is gone, and it stays as it is: curators archive it or keep it as their own"


def test_an_environment_whose_folder_went_waits_for_curators(put, load, folder):
    put()
    put("AzureML-B")
    load()
    shutil.rmtree(folder / "AzureML-B")
    assert [load(), load()] == [{"AzureML-A": "version 1 as before", "AzureML-B": GONE}] * 2
    assert (life("AzureML-B").stage, life("AzureML-B").file_gone) == ("current", timezone.localdate())
    put("AzureML-B")
    assert load()["AzureML-B"] == "version 1 as before"
    assert life("AzureML-B").file_gone is None


def test_a_folder_that_cannot_be_read_is_not_gone(put, load, folder):
    put()
    load()
    put(about="lifecycle: x\n")
    load()
    assert life().file_gone is None


def test_another_folder_takes_nothing_away(put, load, folder, tmp_path):
    put()
    load()
    (tmp_path / "other").mkdir()
    assert list(shelf_loader.load(tmp_path / "other")) == []
    assert life().file_gone is None


@pytest.mark.parametrize("stage", ["archived", "current"])
def test_curators_decide_about_it_once(put, load, folder, curator, stage):
    put()
    load()
    shutil.rmtree(folder / "AzureML-A")
    load()
    life().edit(curator, stage=stage)
    assert load() == {}
    put("AzureML-A", "idna==3.11")
    assert "curators" in load()["AzureML-A"]
    assert (life().stage, life().environment.latest_number) == (stage, 1)


def test_what_a_curator_made_before_its_file_came_stays(put, folder, curator, wanted):
    made = Workspace.objects.shelf().add_environment("AzureML-A", curator, "Ours")
    made.register(wanted("idna==3.9"), curator)
    put()
    told = [(each.name, each.words) for each in shelf_loader.load(folder)]
    assert told == [
        ("AzureML-A", "its file changed, and so did curators: version 1 stays the latest"),
        ("AzureML-A", "its description or lifecycle changed in the file, and curators' own stays"),
    ]
    assert (life().environment.description, life().stage) == ("Ours", "preview")


def test_a_file_that_goes_back_to_what_it_said_before_says_so_and_goes_on(put, load):
    put()
    load()
    put("AzureML-A", "idna==3.11")
    load()
    put()
    assert load()["AzureML-A"] == "its file says what version 1 says; version 2 stays the latest"
    put("AzureML-A", "idna==3.12")
    assert load()["AzureML-A"] == "version 3"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("team-Minimal", "begins with AzureML or Microsoft"),
        ("azureml-a", "AzureML-A is there already, and differs by its capitals alone."),
    ],
)
def test_names_are_checked_as_everywhere(put, load, name, words):
    put()
    load()
    put(name)
    assert words in load()[name]
    assert Environment.objects.count() == 1


def test_a_successor_that_is_nowhere_is_said(put, load):
    put(about=DEPRECATED)
    assert load()["AzureML-A"] == "There is no AzureML-B to succeed it."


def test_the_command_says_what_is_not_taken(put, folder, capsys):
    put()
    put("AzureML-Wrong", about="lifecycle: x\n")
    call_command("loadshelf", folder)
    told = capsys.readouterr()
    assert told.out == "AzureML-A: version 1\n"
    assert told.err.startswith("Not loaded: AzureML-Wrong/about.yml: lifecycle is one of")
    call_command("loadshelf", folder, quiet=True)
    assert capsys.readouterr().out == ""
    with pytest.raises(CommandError, match="is no folder"):
        call_command("loadshelf", folder / "none")


@pytest.mark.django_db
def test_a_portal_that_is_set_up_has_what_is_shipped():
    call_command("loadshelf", quiet=True)
    assert Environment.objects.on_shelf().filter(latest_number=1).count() == 10
    assert Workspace.objects.get(is_shelf=True).name == "curated"


def test_a_team_that_had_the_name_first_keeps_it(put, load):
    Workspace.objects.create(name="curated")
    put()
    load()
    assert life().environment.workspace.name == "curated-2"
