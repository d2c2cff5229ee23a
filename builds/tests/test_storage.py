"""What builds take and what a clean-up frees: read from the database, shown, done; as page, command and API."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from builds import keeping, log_files, storage
from builds.log import LogWriter
from builds.models import Build, Cleanup, DiskUse, Lock, Machine, Status, Step
from builds.tasks import clean_storage
from builds.tests.test_models import PACKAGE


@pytest.fixture
def root(person):
    return person("root", is_superuser=True, is_staff=True)


@pytest.fixture
def make(environment, editor, wanted):
    """Make a good build of another definition: of so many bytes, finished and last used so many days ago."""

    def make(name, days=0, size=1_000_000, where=environment, used=None):
        version, _ = where.register(wanted(f"{name}==1"), editor)
        build = version.builds.request(version, editor)
        build.move_to(Status.RUNNING)
        build.steps.filter(name="install").update(bytes=size)
        build.finish(Status.SUCCEEDED, lock=Lock.objects.store("3.11.7", "linux-64", [PACKAGE]), prefix=str(build.pk))
        then = timezone.now() - timedelta(days=days)
        last_used = None if used is None else timezone.now() - timedelta(days=used)
        Build.objects.filter(pk=build.pk).update(finished=then, started=then, worker="celery@one", last_used=last_used)
        return Build.objects.with_subject().get(pk=build.pk)

    return make


@pytest.fixture
def five(make):
    """Four that are old, of which the policy keeps the newest three, and one that is new."""
    return [make(f"package-{n}", days=40 - n) for n in range(4)] + [make("package-5", days=1)]


def plan_of(*builds):
    """{build: (is freed, why)}, of these builds."""
    told = {decision.build: (decision.is_freed, decision.why) for decision in storage.make_plan().decisions}
    return [told.get(build.pk) for build in builds]


def test_the_newest_three_stay_and_what_is_old_goes(five):
    assert plan_of(*five) == [
        (True, "not used for 40 days"),
        (True, "not used for 39 days"),
        (False, "among the newest 3 of team/science"),
        (False, "among the newest 3 of team/science"),
        (False, "among the newest 3 of team/science"),
    ]


def test_what_supplied_a_build_or_was_downloaded_lately_stays(make, settings, workspace, editor, wanted):
    settings.KEEP_LAST = 0
    reused, used, neither = make("one", 50), make("two", 50, used=3), make("three", 50)
    other = workspace.add_environment("other", editor)
    version, _ = other.register(wanted("one==1"), editor)
    assert version.builds.request(version, editor).reused_from == reused
    Build.objects.filter(pk=reused.pk).update(last_used=None)  # the record of the reuse itself is enough
    assert plan_of(reused, used, neither) == [
        (False, "used today"),
        (False, "used 3 days ago"),
        (True, "not used for 50 days"),
    ]


def test_a_build_that_supplies_the_newest_of_another_environment_stays(five, workspace, editor, wanted):
    other = workspace.add_environment("other", editor)
    version, _ = other.register(wanted("package-0==1"), editor)
    version.builds.request(version, editor)
    Build.objects.update(last_used=None)
    assert plan_of(five[0]) == [(False, "among the newest 3 of team/other")]


def test_what_is_just_being_built_again_stays(five, editor):
    keeping.rebuild(five[0], editor)
    assert plan_of(five[0]) == [(False, keeping.IN_USE)]


def test_the_budget_frees_what_was_used_least_recently(make, settings):
    settings.KEEP_LAST, settings.STORAGE_MB = 1, 2
    first, second, third, newest = make("a", 9), make("b", 8), make("c", 7), make("d", 1)
    assert [is_freed for is_freed, _ in plan_of(first, second, third, newest)] == [True, True, False, False]
    settings.KEEP_LAST = 4
    assert storage.make_plan().overdraft == 2_000_000


def test_any_model_that_points_to_builds_may_keep_them(make, settings, monkeypatch):
    settings.KEEP_LAST = 0
    build = make("one", 50)
    told = [(build.pk, timezone.now())]
    monkeypatch.setattr(Step._default_manager, "uses_of_builds", lambda: told, raising=False)
    assert plan_of(build) == [(False, "used today")]


def test_any_model_that_points_to_builds_may_hold_them(make, settings, editor, monkeypatch):
    settings.KEEP_LAST = 0
    build = make("one", 50)
    held = Build.objects.filter(pk=build.pk).values("pk")
    monkeypatch.setattr(Step._default_manager, "builds_in_use", lambda: held, raising=False)
    assert plan_of(build) == [(False, keeping.IN_USE)]
    with pytest.raises(keeping.Refused, match="they are in use"):
        keeping.free(build, editor)


def test_what_other_models_have_of_a_build_is_counted_and_goes_with_it(make, settings, editor, monkeypatch):
    settings.KEEP_LAST = 0
    build, other = make("one", 50), make("two", 50)
    archives = {build.pk: 5_000, other.pk: 7_000}

    def sizes(builds):
        return [(pk, archives[pk]) for pk in builds.values_list("pk", flat=True) if pk in archives]

    monkeypatch.setattr(Step._default_manager, "sizes_of_files", sizes, raising=False)
    monkeypatch.setattr(Step._default_manager, "free_files", lambda freed: archives.pop(freed.pk), raising=False)
    assert storage.make_plan().size == 2_012_000
    assert storage.size_of(build) == 1_005_000
    keeping.free(build, editor)
    assert archives == {other.pk: 7_000}
    storage.clean()
    assert archives == {}


def test_a_plan_costs_the_same_however_many_builds(five, make, django_assert_num_queries):
    with django_assert_num_queries(6):
        storage.make_plan()
    make("six")
    with django_assert_num_queries(6):
        storage.make_plan()


def test_a_clean_up_does_what_the_plan_says(five, root):
    plan = storage.make_plan()
    cleanup = storage.clean(root, plan.token)
    assert (cleanup.builds, cleanup.size, cleanup.by) == (2, 2_000_000, root)
    freed = Build.objects.exclude(freed_at=None).order_by("finished")
    assert [(build.pk, build.freed_by, build.freed_why) for build in freed] == [
        (five[0].pk, None, "not used for 40 days"),
        (five[1].pk, None, "not used for 39 days"),
    ]
    assert set(Build.objects.good()) == set(five[2:])
    assert storage.clean().builds == 0


def test_another_plan_than_the_one_that_was_shown_is_not_done(five, make, root):
    token = storage.make_plan().token
    make("newer")
    with pytest.raises(storage.Changed):
        storage.clean(root, token)
    assert Build.objects.good().count() == 6
    assert not Cleanup.objects.exists()


def test_the_schedule_does_it_too_and_twice_is_once(five):
    clean_storage()
    clean_storage()
    assert list(Cleanup.objects.values_list("builds", "by")) == [(0, None), (2, None)]


# Logs


def test_the_file_of_a_log_that_no_row_names_goes_when_it_is_old(build, editor, monkeypatch):
    LogWriter(build).say("kept")
    build.cancel(editor)
    log_files.move(build)
    logs = log_files.storage()
    name = logs.save("ab/stray.log", ContentFile(b"x"))
    storage.drop_stray_logs()
    assert logs.exists(name)  # its row may be on its way
    monkeypatch.setattr(storage, "STRAY", timedelta(0))
    storage.drop_stray_logs()
    assert not logs.exists(name)
    assert logs.exists(build.stored_log.name)


def test_a_portal_without_a_log_is_cleaned_as_well(db):
    storage.drop_stray_logs()


# Page


@pytest.fixture
def page(client, root):
    client.force_login(root)
    return lambda **query: client.get(reverse("storage"), query).content.decode()


def token_in(page):
    return re.search('name="plan" value="([0-9a-f]+)"', page)[1]


def test_the_page_says_what_would_go_and_why_and_what_stays(page, five):
    shown = page()
    assert "Free 2.0 MB and clean caches" in shown
    assert shown.count("Not used for") == 2
    assert five[0].get_absolute_url() in shown
    assert five[4].get_absolute_url() not in shown
    kept = page(show="kept")
    assert kept.count("Among the newest 3 of team/science") == 3
    assert "celery@one" in kept
    assert "5.0 MB" in page(show="workspaces")


def test_the_button_does_what_was_shown_and_nothing_else(page, client, five, make):
    shown = page()
    make("newer")
    answer = client.post(reverse("storage"), {"plan": token_in(shown)})
    assert answer.status_code == 409
    assert "has changed since you looked" in answer.content.decode()
    assert Build.objects.good().count() == 6
    answer = client.post(reverse("storage"), {"plan": token_in(page())}, follow=True)
    assert "The files of 3 builds are given up: 3.0 MB." in answer.content.decode()
    assert Build.objects.good().count() == 3
    assert client.post(reverse("storage"), {}).status_code == 409


def test_the_page_says_what_machines_counted(page):
    machine = Machine.objects.create(name="gpu-1", counted_at=timezone.now(), free=7_000_000_000)
    DiskUse.objects.create(machine=machine, kind="conda", size=1_230_000_000, files=5)
    Machine.objects.create(name="gone", counted_at=timezone.now() - timedelta(days=8))
    shown = page()
    for text in ("gpu-1", "Package cache, conda", "1.23 GB", "7.00 GB"):
        assert text in shown
    assert "gone" not in re.findall("<h2[^>]*>([^<]*)</h2>", shown)


@pytest.mark.parametrize("query", [{"show": "x"}, {"page": "-1"}, {"page": "9"}, {"show": "kept", "page": "x"}])
def test_nonsense_in_the_address_is_the_first_page(page, five, query):
    assert "Storage" in page(**query)


def test_the_menu_leads_administrators_there_and_nobody_else(client, root, owner):
    for person, is_there in ((root, True), (owner, False)):
        client.force_login(person)
        assert (f'href="{reverse("storage")}"' in client.get(reverse("home")).content.decode()) == is_there


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("show", "queries"), [("freed", 18), ("kept", 18), ("workspaces", 17)])
def test_the_page_costs_the_same_however_much_there_is(
    page, make, settings, person, django_assert_num_queries, rows, show, queries
):
    settings.KEEP_LAST = rows
    for n in range(rows):
        make(f"old-{n}", days=50 + n)
        make(f"new-{n}")
        Machine.objects.create(name=f"m{n}", counted_at=timezone.now()).uses.create(kind="uv", size=1, files=1)
        Cleanup.objects.create(by=person(f"p{n}"))
    page(show=show)
    with django_assert_num_queries(queries):
        assert "</html>" in page(show=show)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("name", "queries"), [("api-storage", 9), ("api-storage-builds", 8), ("api-storage-workspaces", 10)]
)
def test_the_api_costs_the_same_however_much_there_is(api, root, make, django_assert_num_queries, rows, name, queries):
    for n in range(rows):
        make(f"new-{n}")
        Machine.objects.create(name=f"m{n}", counted_at=timezone.now()).uses.create(kind="uv", size=1, files=1)
    caller = api(root)
    caller.get(reverse("api-me"))  # that the token was used is written once a minute
    with django_assert_num_queries(queries):
        assert caller.get(reverse(name)).status_code == 200


def test_lists_are_paged(page, five, monkeypatch):
    monkeypatch.setattr("builds.storage_views.PAGE", 2)
    assert page(show="kept").count("Among the newest") == 2
    assert page(show="kept", page=2).count("Among the newest") == 1


# API


def test_the_api_shows_the_same_plan_and_does_it(api, root, five):
    caller = api(root)
    told = caller.get(reverse("api-storage")).json()
    assert {name: told[name] for name in ("size", "builds", "would_free", "builds_to_free", "overdraft")} == {
        "size": 5_000_000, "builds": 5, "would_free": 2_000_000, "builds_to_free": 2, "overdraft": 0,
    }  # fmt: skip
    (first, *_) = caller.get(reverse("api-storage-builds"), {"limit": 2}).json()["results"]
    assert (first["id"], first["is_freed"], first["why"]) == (str(five[0].pk), True, "not used for 40 days")
    (row,) = caller.get(reverse("api-storage-workspaces")).json()["results"]
    assert (row["name"], row["prefixes"], row["can_go"]) == ("team", 5_000_000, 2_000_000)

    def clean(**data):
        return caller.post(reverse("api-storage-clean"), data, content_type="application/json")

    assert clean().status_code == 400
    assert clean(plan="another").status_code == 409
    done = clean(plan=told["plan"])
    assert (done.status_code, done.json()["builds"], done.json()["size"]) == (200, 2, 2_000_000)
    freed = caller.get(reverse("api-build", args=[five[0].pk])).json()
    assert (freed["status"], freed["freed_why"]) == ("succeeded", "not used for 40 days")


# Command


def test_the_command_says_what_it_would_do_and_does_it_when_told(five, settings):
    folder = settings.PREFIXES / five[0].prefix
    folder.mkdir()
    said = StringIO()
    call_command("clean", stdout=said)
    assert "not used for 40 days" in said.getvalue()
    assert "2 of 5 builds would be freed: 2.0 MB of 5.0 MB." in said.getvalue()
    assert folder.exists()
    assert Build.objects.good().count() == 5
    call_command("clean", "--do", stdout=said)
    assert not folder.exists()
    assert "The files of 2 builds are given up: 2.0 MB." in said.getvalue()
