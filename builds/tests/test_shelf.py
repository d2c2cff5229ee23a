"""Curated environments are built before anybody asks, and looked at once a day."""

from datetime import timedelta

import pytest
from django.utils import timezone

from builds import shelf
from builds.lock import Package
from builds.models import Build, Lock, Outlook
from builds.preview import Preview
from builds.refresh import Refresh
from builds.tests.in_process import HERE, run
from builds.tests.test_models import succeed
from environments.models import Interpreter, Workspace
from environments.shelf_loader import portal_person

SIZE = 10**6


@pytest.fixture
def told(db):
    """Say what a look at a version has shown: its size, or why not."""

    def told(version, size=SIZE, failure=""):
        facts = {"version": version, "at": timezone.now(), "size": size, "failure": failure}
        return Outlook.objects.update_or_create(environment=version.environment, defaults=facts)[0]

    return told


# Built ahead


def test_what_is_curated_is_built_once(curated, told):
    told(curated)
    build = shelf.build_next(shelf.kept_up())
    assert (build.version, build.asked_by) == (curated, portal_person())
    assert shelf.build_next(shelf.kept_up()) is None, "one is under way"
    succeed(build)
    assert shelf.build_next(shelf.kept_up()) is None, "it is built"


def test_a_new_version_is_built_too(curated, curate, told):
    told(curated)
    succeed(shelf.build_next(shelf.kept_up()))
    newer = curate("AzureML-Minimal", "idna==3.11")
    told(newer)
    assert shelf.build_next(shelf.kept_up()).version == newer


@pytest.mark.parametrize("facts", [{"size": 0}, {"size": 1_000_000_001}, {"failure": "no"}])
def test_what_is_large_or_of_unknown_size_is_not(curated, told, facts, settings):
    settings.AHEAD_MB = 1000
    told(curated, **facts)
    assert shelf.build_next(shelf.kept_up()) is None
    told(curated, size=1_000_000_000)
    assert shelf.build_next(shelf.kept_up())


def test_what_is_archived_is_not(curated, told):
    told(curated)
    curated.environment.curation.change(stage="archived")
    assert shelf.kept_up() == []


def test_what_failed_is_tried_again_the_next_day(curated, told):
    told(curated)
    build = shelf.build_next(shelf.kept_up())
    build.fail("ours", "because")
    assert shelf.build_next(shelf.kept_up()) is None
    Build.objects.update(finished=timezone.now() - timedelta(hours=25))
    assert shelf.build_next(shelf.kept_up())


def test_current_ones_come_first(curated, curate):
    curate("AzureML-Aaa", "certifi", stage="preview")
    assert [version.environment.name for version in shelf.kept_up()] == ["AzureML-Minimal", "AzureML-Aaa"]


def test_the_first_use_is_instant(curated, told, workspace, editor, wanted):
    told(curated)
    built = shelf.build_next(shelf.kept_up())
    succeed(built)
    mine = workspace.add_environment("mine", editor).register(wanted("idna==3.10"), editor)[0]
    answer = mine.builds.request(mine, editor)
    assert (answer.status, answer.reused_from, answer.lock) == ("succeeded", built, built.lock)


def test_a_build_of_the_shelf_is_made_by_the_engine_and_serves_a_workspace_that_is_new(
    curate, told, person, pythons, settings, wanted
):
    settings.DEFAULT_PYTHON = HERE
    version = curate("AzureML-Minimal", "idna==3.10")
    told(version)
    built = run(shelf.build_next(shelf.kept_up()))
    assert (built.status, built.reason) == ("succeeded", "")
    somebody = person("nina")
    fresh = Workspace.objects.make("fresh", somebody)
    mine = fresh.add_environment("mine", somebody).register(wanted("idna==3.10"), somebody)[0]
    answer = mine.builds.request(mine, somebody)
    assert (answer.status, answer.reused_from) == ("succeeded", built)


# Looked at


def test_one_look_a_day(curated):
    first = Outlook.objects.claim(curated)
    assert first.version == curated
    assert Outlook.objects.claim(curated) is None
    Outlook.objects.update(at=timezone.now() - timedelta(hours=25))
    assert Outlook.objects.claim(curated) == first


def test_one_that_failed_after_an_hour(curated):
    Outlook.objects.claim(curated)
    Outlook.objects.update(failure="no", at=timezone.now() - timedelta(minutes=59))
    assert Outlook.objects.claim(curated) is None
    Outlook.objects.update(at=timezone.now() - timedelta(minutes=61))
    assert Outlook.objects.claim(curated)


def test_a_new_version_at_once(curated, curate):
    Outlook.objects.claim(curated)
    newer = curate("AzureML-Minimal", "idna==3.11")
    assert Outlook.objects.claim(newer).version == newer


@pytest.fixture
def old_lock(curate, pythons, index, settings):
    """A curated environment that is built with demo 1.0, where the index has 1.1 by now."""
    settings.DEFAULT_PYTHON = HERE
    index.put_wheels("demo-pkg", "1.0")
    version = curate("AzureML-Minimal", "demo-pkg")
    built = run(Build.objects.request(version, version.author))
    assert (built.status, built.reason) == ("succeeded", "")
    index.put_wheels("demo-pkg", "1.0", "1.1")
    return built


def test_a_look_says_what_newer_packages_would_change_and_changes_nothing(old_lock, settings):
    settings.PREVIEW_SECONDS = 100
    outlook = shelf.look_at_next(shelf.kept_up())
    assert (outlook.failure, outlook.moved, outlook.kept) == ("", 1, old_lock.lock)
    assert [(package.name, package.version) for package in outlook.lock.values()] == [("demo-pkg", "1.1")]
    assert outlook.size > 0
    assert Lock.objects.kept(old_lock.reuse_key) == old_lock.lock
    assert shelf.look_at_next(shelf.kept_up()) is None


def test_a_look_that_fails_says_why(curate, pythons, index, settings):
    settings.PREVIEW_SECONDS = 100
    curate("AzureML-Minimal", "demo-pkg")
    outlook = shelf.look_at_next(shelf.kept_up())
    assert "demo-pkg" in outlook.failure
    assert (outlook.lock, outlook.moved) == (None, 0)


def test_nothing_is_asked_where_that_is_switched_off_or_no_worker_is(curated, settings, pythons):
    settings.AHEAD_MB = 0
    shelf.tend()
    assert not Outlook.objects.exists()
    settings.AHEAD_MB = 1000
    Interpreter.objects.all().delete()
    shelf.tend()
    assert not Outlook.objects.exists()


def test_advisories_of_what_is_kept_and_what_newer_packages_fix(curated, advisories):
    def jinja(version):
        return Package("pip", "jinja2", version, f"https://files.example.org/{version}.whl", "a" * 64, 1, True)

    kept = Lock.objects.store("3.11.7", "linux-64", [jinja("3.1.2")])
    newer = Lock.objects.store("3.11.7", "linux-64", [jinja("3.1.6")])
    found = shelf._advisories(Refresh(Preview("3.11.7", "linux-64", (jinja("3.1.6"),)), kept, newer), curated.workspace)
    assert found["is_assessed"]
    assert found["known"] == found["fixed"] != []
    assert found["introduced"] == []


# What curators see


def test_curators_see_what_waits_and_build_it(client, curator, old_lock, settings):
    settings.PREVIEW_SECONDS = 100
    outlook = shelf.look_at_next(shelf.kept_up())
    client.force_login(curator)
    page = client.get("/curated/waiting/").content.decode()
    assert outlook.lock.digest in page
    assert "not assessed" in page
    url = f"{old_lock.version.get_absolute_url()}build/"
    assert client.post(url, {"lock": outlook.lock.digest}).status_code == 302
    asked = Build.objects.get(asked_lock=outlook.lock)
    assert run(asked).status == "succeeded"
    assert Lock.objects.kept(asked.reuse_key) == outlook.lock


def test_the_same_in_the_api(api, curator, curated, told):
    told(curated, size=5, failure="no index")
    [line] = api(curator).get("/api/v1/curated-waiting/").json()["results"]
    assert (line["environment"], line["version"], line["failure"]) == ("AzureML-Minimal", 1, "no index")


def test_an_empty_list_says_why(client, curator):
    client.force_login(curator)
    assert "No look yet" in client.get("/curated/waiting/").content.decode()
