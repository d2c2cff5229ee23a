"""Archiving, restoring and deleting, with the table of docs/environments.md; description and tags."""

import pytest
from django.db import connection
from django.urls import reverse

from builds.models import VersionLock
from builds.tests.test_models import succeed
from environments import lifecycle
from environments.models import Environment, Shown
from events.models import Event, Verb
from runs.models import Run, Use

JSON = {"content_type": "application/json"}
E = ["team", "science"]
API = "/api/v1/workspaces/team/environments/"


@pytest.fixture
def versions(environment, editor, wanted):
    return {n: environment.register(wanted(f"idna==3.{n}"), editor)[0] for n in (1, 2, 3)}


def fresh(thing):
    return type(thing)._default_manager.get(pk=thing.pk)


# What may be done in which state: (environment archived, version archived by itself) -> act -> what the refusal says.
TABLE = {
    (False, False): {"archive": "", "restore": "is not archived"},
    (False, True): {"archive": "is archived already", "restore": ""},
    (True, False): {"archive": "archived as a whole", "restore": "archived as a whole"},
    (True, True): {"archive": "archived as a whole", "restore": "archived as a whole"},
}


@pytest.mark.parametrize("act", ["archive", "restore"])
@pytest.mark.parametrize("state", TABLE)
def test_what_may_be_done_with_a_version_in_every_state(environment, versions, owner, state, act):
    whole, alone = state
    if alone:
        lifecycle.archive(fresh(versions[2]), owner)
    if whole:
        lifecycle.archive(fresh(environment), owner)
    says = TABLE[state][act]
    if says:
        with pytest.raises(lifecycle.Refused, match=says):
            getattr(lifecycle, act)(fresh(versions[2]), owner)
    else:
        getattr(lifecycle, act)(fresh(versions[2]), owner)
        assert fresh(versions[2]).is_archived is (act == "archive")


def test_an_environment_is_archived_and_restored_once(environment, owner):
    with pytest.raises(lifecycle.Refused, match="is not archived"):
        lifecycle.restore(environment, owner)
    lifecycle.archive(environment, owner)
    with pytest.raises(lifecycle.Refused, match="archived already"):
        lifecycle.archive(fresh(environment), owner)
    lifecycle.restore(fresh(environment), owner)
    told = Event.objects.filter(verb__in=(Verb.ARCHIVED, Verb.RESTORED)).order_by("pk")
    assert [(event.verb, event.subject) for event in told] == [
        (Verb.ARCHIVED, "environment science"), (Verb.RESTORED, "environment science"),
    ]  # fmt: skip


def test_a_new_version_under_an_archived_environment_is_archived(environment, versions, editor, wanted):
    lifecycle.archive(environment, editor)
    new, _ = fresh(environment).register(wanted("idna==3.9"), editor)
    assert fresh(new).is_archived


def test_restoring_the_environment_restores_every_version(environment, versions, editor):
    lifecycle.archive(versions[3], editor)
    lifecycle.archive(fresh(environment), editor)
    lifecycle.restore(fresh(environment), editor)
    assert not any(fresh(version).is_archived for version in versions.values())
    assert fresh(environment).latest_number == 3


def test_latest_passes_over_what_is_archived(environment, versions, editor):
    def after(act, number):
        act(fresh(versions[number]), editor)
        return fresh(environment).latest.number

    assert after(lifecycle.archive, 3) == 2
    assert after(lifecycle.archive, 1) == 2
    assert after(lifecycle.archive, 2) == 3  # all are archived, and archived things can be used
    assert after(lifecycle.restore, 1) == 1
    assert after(lifecycle.restore, 3) == 3


def test_a_number_is_not_given_out_again(environment, versions, owner, editor, wanted):
    lifecycle.delete(versions[3], owner)
    assert fresh(environment).latest_number == 2
    assert fresh(environment).register(wanted("idna==3.3"), editor)[0].number == 4


@pytest.fixture
def archived(environment, build, editor):
    """An archived environment with a good build."""
    succeed(build)
    lifecycle.archive(environment, editor)
    return fresh(environment)


def test_what_is_archived_can_be_used(client, api, editor, archived, build):
    client.force_login(editor)
    for name, args in (
        ("environment", E),
        ("version", [*E, 1]),
        ("version-file", [*E, 1, "environment.yml"]),
        ("environment-diff", E),
        ("new-version", E),
        ("api-versions", E),
        ("api-version", [*E, "latest"]),
    ):
        assert client.get(reverse(name, args=args)).status_code == 200, name
    assert b'data-status="archived"' in client.get(reverse("version", args=[*E, 1])).content
    again = api(editor).post(reverse("api-version-builds", args=[*E, 1]), {}, **JSON)
    assert (again.status_code, again.json()["reused_from"]) == (200, str(build.pk))
    run = api(editor).post(
        "/api/v1/workspaces/team/runs/", {"environment": "science", "started": "2026-01-02T03:04:05Z"}, **JSON
    )
    assert run.status_code == 201


def test_lists_hide_what_is_archived_until_it_is_asked_for(client, api, editor, workspace, archived):
    workspace.add_environment("other", editor)
    client.force_login(editor)

    def names(address, query):
        return [each["name"] for each in client.get(address, query).json()["results"]]

    for query, expected in (
        ({}, ["other"]),
        ({"archived": "only"}, ["science"]),
        ({"archived": "all"}, ["other", "science"]),
        ({"list_view_type": "ActiveOnly"}, ["other"]),
        ({"list_view_type": "ArchivedOnly"}, ["science"]),
        ({"list_view_type": "All"}, ["other", "science"]),
        ({"archived": "nonsense"}, ["other"]),
    ):
        assert names(API, query) == expected, query
        page = client.get(reverse("environments", args=["team"]), query)
        assert sorted(each.name for each in page.context["page"]) == expected, query
    assert b"1 archived" in client.get(reverse("environments", args=["team"])).content
    starts = client.get(reverse("starts", args=["team"])).context["page"]
    assert not list(starts)


def test_a_workspace_in_which_all_is_archived_says_so(client, editor, archived):
    client.force_login(editor)
    page = client.get(reverse("environments", args=["team"])).content
    assert b"Every environment of team is archived" in page


def test_lists_of_versions_hide_archived_ones(client, environment, versions, editor):
    lifecycle.archive(versions[2], editor)
    client.force_login(editor)

    def numbers(query):
        page = client.get(reverse("environment", args=E), query).context["page"]
        answer = client.get(f"{API}science/versions/", query).json()["results"]
        found = [version["number"] for version in answer]
        assert [version.number for version in page] == found
        return found

    assert numbers({}) == [3, 1]
    assert numbers({"archived": "only"}) == [2]
    assert numbers({"archived": "all"}) == [3, 2, 1]
    lifecycle.archive(fresh(environment), editor)
    assert numbers({}) == [3, 2, 1]  # all are archived, and one asked for this environment
    assert numbers({"archived": "only"}) == [2]


@pytest.fixture
def used(environment, versions, workspace, editor, owner):
    """Version 1 has a build, 2 a run, 3 a label."""
    build = versions[1].builds.request(versions[1], editor)
    Run.objects.record(workspace, editor, version=versions[2], person="p", started=build.created)
    environment.labels.point(environment, "prod", versions[3], editor)


def test_what_was_used_is_not_deleted_and_it_is_counted_why(environment, versions, used, owner):
    for thing, says in (
        (versions[1], "Version 1 of science stays: 1 build names it."),
        (versions[2], "Version 2 of science stays: 1 run names it."),
        (versions[3], "Version 3 of science stays: 1 label names it."),
        (environment, "science stays: 1 build and 1 run name it."),
    ):
        with pytest.raises(lifecycle.Refused) as raised:
            lifecycle.delete(fresh(thing), owner)
        assert raised.value.message.startswith(says)
    assert environment.versions.count() == 3


def test_a_lock_that_builds_take_holds_its_version(version, build, owner):
    succeed(build)
    VersionLock.objects.keep_by_hand(version, build.lock, owner)
    Use.objects.all().delete()
    build.lock = None
    build.delete()
    with pytest.raises(lifecycle.Refused, match="1 kept lock names it"):
        lifecycle.delete(fresh(version), owner)


def test_what_was_used_once_stays_after_its_build_was_deleted(version, build, owner):
    succeed(build)
    VersionLock.objects.all().delete()
    build.delete()
    with pytest.raises(lifecycle.Refused, match="1 earlier use names it"):
        lifecycle.delete(fresh(version), owner)


def test_what_nothing_used_goes_with_what_is_its_own(environment, versions, editor, owner):
    environment.labels.point(environment, "prod", versions[3], editor)
    environment.describe(editor, tags={"team": "risk"})
    lifecycle.archive(versions[1], editor)
    lifecycle.delete(fresh(versions[2]), owner)
    lifecycle.delete(fresh(environment), owner)
    assert not Environment.objects.exists()
    told = Event.objects.filter(verb=Verb.DELETED).order_by("pk")
    assert [(event.subject, event.before) for event in told] == [
        ("version science 2", {
            "number": 2, "image_key": versions[2].image_key, "identity": versions[2].identity, "message": "",
        }),
        ("environment science", {"description": "For the paper", "versions": 2}),
    ]  # fmt: skip
    with pytest.raises(lifecycle.Refused, match="was deleted meanwhile"):
        lifecycle.archive(environment, owner)


def test_the_page_that_deletes_says_what_uses_it_and_leads_there(client, owner, environment, versions, used):
    client.force_login(owner)
    url = reverse("environment-delete", args=E)
    page = client.get(url)
    assert (page.status_code, b"1 build and 1 run name it" in page.content) == (200, True)
    assert reverse("builds", args=E).encode() in page.content
    assert b"/workspaces/team/runs/?environment=science" in page.content
    assert client.post(url).status_code == 409
    assert client.delete(f"{API}science/").json() == {"detail": page.context["reason"]}


def test_pages_and_api_delete_what_nothing_used(client, owner, environment, versions):
    client.force_login(owner)
    assert client.post(reverse("version-delete", args=[*E, 3])).status_code == 302
    assert client.delete(f"{API}science/versions/2/").status_code == 204
    assert [version.number for version in environment.versions.all()] == [1]
    assert client.delete(f"{API}science/").status_code == 204
    assert client.get(f"{API}science/").status_code == 404


def test_pages_and_api_archive_and_restore(client, editor, environment, versions):
    client.force_login(editor)
    for act, is_archived in (("archive", True), ("restore", False)):
        assert (
            client.post(reverse(f"version-{act}", args=[*E, 2])).headers["Location"] == versions[2].get_absolute_url()
        )
        assert fresh(versions[2]).is_archived is is_archived
    for act, is_archived in (("archive", True), ("restore", False)):
        assert client.post(reverse(f"environment-{act}", args=E)).status_code == 302
        assert fresh(environment).is_archived is is_archived
    for act, is_archived in (("archive", True), ("restore", False)):
        answer = client.post(f"{API}science/versions/3/{act}/")
        assert (answer.status_code, answer.json()["number"], answer.json()["archived"]) == (200, 3, is_archived)
        assert client.post(f"{API}science/versions/3/{act}/").status_code == 409
    for act, is_archived in (("archive", True), ("restore", False)):
        answer = client.post(f"{API}science/{act}/").json()
        assert answer["archived"] is is_archived
    refused = client.post(f"{API}science/restore/")
    assert (refused.status_code, refused.json()) == (409, {"detail": "science is not archived."})


def test_the_row_of_a_version_is_not_touched(environment, versions, editor):
    def row():
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM environments_version WHERE id = %s", [versions[2].pk])
            return cursor.fetchall()

    before = row()
    lifecycle.archive(versions[2], editor)
    environment.labels.point(environment, "prod", versions[2], editor)
    environment.describe(editor, "Other words", {"team": "risk"})
    assert row() == before


def test_description_and_tags_change_by_page_and_api_with_an_event_each(client, editor, environment):
    client.force_login(editor)
    page = client.post(reverse("environment-settings", args=E), {"description": "New", "tags": "team=risk\nok"})
    assert page.status_code == 302
    answer = client.patch(f"{API}science/", {"tags": {"stage": "prod"}}, **JSON)
    assert answer.json() | {"created": ""} == {
        "name": "science", "workspace": "team", "description": "New", "tags": {"stage": "prod"}, "labels": {},
        "curated": False, "lifecycle": None,
        "latest_version": None, "archived": False, "created": "", "created_by": "edgar",
    }  # fmt: skip
    client.patch(f"{API}science/", {"tags": {"stage": "prod"}, "description": "New"}, **JSON)  # as it is: no act
    told = Event.objects.filter(verb=Verb.CHANGED, kind="environment").order_by("pk")
    assert [(event.before, event.after) for event in told] == [
        ({"description": "For the paper", "tags": []}, {"description": "New", "tags": ["ok", "team=risk"]}),
        ({"tags": ["ok", "team=risk"]}, {"tags": ["stage=prod"]}),
    ]
    assert client.patch(f"{API}science/", {"tags": {"a=b": ""}}, **JSON).status_code == 400


def test_a_mistake_in_tags_loses_nothing_that_was_typed(client, editor, environment):
    client.force_login(editor)
    page = client.post(reverse("environment-settings", args=E), {"description": "Half", "tags": "team=risk\n=x"})
    assert page.status_code == 422
    assert b"Line 2: A tag needs a key" in page.content
    assert b"team=risk\n=x</textarea>" in page.content
    assert b"Half</textarea>" in page.content


def test_an_environment_can_be_made_with_tags(api, editor, workspace):
    answer = api(editor).post(API, {"name": "n", "tags": {"team": "risk"}}, **JSON)
    assert (answer.status_code, answer.json()["tags"]) == (201, {"team": "risk"})


def test_lists_are_filtered_by_tag(client, editor, workspace, environment):
    workspace.add_environment("other", editor, tags={"team": "core"})
    environment.describe(editor, tags={"team": "risk", "ok": ""})
    client.force_login(editor)
    for tag, expected in (("team", {"other", "science"}), ("team=risk", {"science"}), ("ok", {"science"}), ("ok=", {"science"}),
                          ("team=", set()), ("te", set()), ("a\0b", {"other", "science"})):  # fmt: skip
        page = client.get(reverse("environments", args=["team"]), {"tag": tag})
        assert {each.name for each in page.context["page"]} == expected, tag
        if "\0" not in tag:
            assert {each["name"] for each in client.get(API, {"tag": tag}).json()["results"]} == expected


def test_the_words_of_azure_are_those_of_its_clients():
    assert Shown.labels == ["ActiveOnly", "ArchivedOnly", "All"]
