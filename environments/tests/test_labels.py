"""Labels: where they point, who moves them, and that what is recorded is the number."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from environments import label_names
from environments.faults import UserFault
from environments.models import Environment, Label
from events.models import Event, Verb
from runs.models import Run

JSON = {"content_type": "application/json"}


@pytest.fixture
def versions(environment, editor, wanted):
    """Three of them, by number."""
    return {n: environment.register(wanted(f"idna==3.{n}"), editor)[0] for n in (1, 2, 3)}


@pytest.fixture
def prod(environment, versions, editor):
    return environment.labels.point(environment, "prod", versions[2], editor)[0]


@pytest.mark.parametrize("name", ["prod", "v2", "a", "Staging-2026.01_x", "l" + "o" * 62])
def test_what_a_label_may_be_called(name):
    label_names.check(name)


@pytest.mark.parametrize(
    "name", ["", "2", "2prod", "-x", "two words", "naïve", "l" + "o" * 63, "latest", "LATEST", "a/b"]
)
def test_what_no_label_may_be_called(name):
    with pytest.raises(UserFault) as raised:
        label_names.check(name)
    assert raised.value.field == "label"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("science", ("science", "")),
        ("science@prod", ("science", "prod")),
        ("science@latest", ("science", "latest")),
        ("science:3", ("science", "3")),
    ],
)
def test_the_name_of_an_environment_may_name_a_version(text, parts):
    assert label_names.split(text) == parts


@pytest.mark.parametrize("text", ["science@", "science@a@b", "science:0", "science:03"])
def test_what_names_no_version_is_said(text):
    with pytest.raises(UserFault, match="names no version"):
        label_names.split(text)


def test_moving_a_label_is_an_event_with_before_and_after(environment, versions, prod, editor, workspace):
    moved, is_new = environment.labels.point(environment, "prod", versions[3], editor)
    assert (moved.pk, is_new) == (prod.pk, False)
    environment.labels.point(environment, "prod", versions[3], editor)  # where it is: no act
    moved.remove(environment, editor)
    events = Event.objects.filter(kind="label").order_by("pk")
    assert [(e.verb, e.object, e.before, e.after, e.workspace) for e in events] == [
        (Verb.MADE, "prod of science", None, {"version": 2}, "team"),
        (Verb.CHANGED, "prod of science", {"version": 2}, {"version": 3}, "team"),
        (Verb.DELETED, "prod of science", {"version": 3}, None, "team"),
    ]


def test_the_database_itself_refuses_a_label_twice(environment, versions, prod, editor):
    with pytest.raises(IntegrityError), transaction.atomic():
        Label.objects.create(environment=environment, name="prod", version=versions[1], changed_by=editor)


@pytest.mark.django_db(transaction=True)
def test_many_who_set_a_label_at_once_leave_one(environment, editor, wanted):
    versions = [environment.register(wanted(f"idna==3.{n}"), editor)[0] for n in range(8)]

    def point(version):
        try:
            here = Environment.objects.get(pk=environment.pk)
            here.labels.point(here, "prod", version, editor)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(point, versions))
    assert environment.labels.count() == 1
    told = Event.objects.filter(kind="label").order_by("pk")
    # Each begins where the one before ended, as if they had come one after the other.
    assert [event.before for event in told][1:] == [event.after for event in told][:-1]


PLACES = [
    ("version", {}),
    ("api-version", {}),
    ("version-file", {"file": "environment.yml"}),
    ("api-version-file", {"file": "environment.yml"}),
    ("api-version-builds", {}),
    ("api-version-locks", {}),
    ("refresh", {}),
]


@pytest.mark.parametrize(("name", "more"), PLACES, ids=[name for name, _ in PLACES])
def test_a_label_stands_wherever_a_number_may(client, editor, prod, name, more):
    client.force_login(editor)
    place = {"workspace": "team", "name": "science"} | more

    def ask(number):
        return client.get(reverse(name, kwargs=place | {"number": number}))

    by_label, by_number = ask("prod"), ask(2)
    assert by_label.status_code == by_number.status_code == 200
    if "file" in more:
        assert b"idna==3.2" in by_label.content
    assert ask("staging").status_code == 404
    assert ask("latest").status_code == 200


def test_the_api_answers_with_the_number(api, editor, prod):
    answer = api(editor).get("/api/v1/workspaces/team/environments/science/versions/prod/").json()
    assert (answer["number"], answer["labels"], answer["archived"]) == (2, ["prod"], False)
    assert api(editor).get("/api/v1/workspaces/team/environments/science/").json()["labels"] == {"prod": 2}


def test_a_build_and_a_run_record_the_number_that_a_label_had(api, environment, editor, versions, prod):
    caller = api(editor)
    built = caller.post("/api/v1/workspaces/team/environments/science/versions/prod/builds/", {}, **JSON).json()
    runs = "/api/v1/workspaces/team/runs/"
    told = {"started": "2026-01-02T03:04:05Z"}
    run = caller.post(runs, told | {"environment": "science@prod"}, **JSON).json()
    by_field = caller.post(runs, told | {"environment": "science", "version": "prod"}, **JSON).json()
    by_colon = caller.post(runs, told | {"environment": "science:1"}, **JSON).json()
    environment.labels.point(environment, "prod", versions[3], editor)
    assert (built["version"], run["version"], by_field["version"], by_colon["version"]) == (2, 2, 2, 1)
    assert caller.get(f"/api/v1/builds/{built['id']}/").json()["version"] == 2
    assert caller.get(f"/api/v1/runs/{run['id']}/").json()["version"] == 2


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"environment": "science@"}, 400, ""),
        ({"environment": "science@prod", "version": 1}, 400, "version"),
        ({"environment": "science@staging"}, 400, "version"),
        ({"environment": "science", "version": "two words"}, 400, "version"),
        ({"environment": "science", "version": True}, 400, "version"),
    ],
)
def test_a_run_of_what_is_not_there_is_refused(api, editor, prod, asked, status, field):
    body = {"started": "2026-01-02T03:04:05Z"} | asked
    answer = api(editor).post("/api/v1/workspaces/team/runs/", body, **JSON)
    assert answer.status_code == status, answer.content
    assert not field or field in answer.json()
    assert not Run.objects.exists()


def test_runs_are_filtered_by_where_a_label_points(api, editor, workspace, versions, prod):
    for version in versions.values():
        Run.objects.record(workspace, editor, version=version, person="p", started=version.created)
    found = api(editor).get("/api/v1/workspaces/team/runs/", {"environment": "science", "version": "prod"}).json()
    assert [run["version"] for run in found["results"]] == [2]
    assert api(editor).get("/api/v1/workspaces/team/runs/", {"version": "no no"}).status_code == 400


def test_a_diff_takes_labels_and_its_link_says_numbers(client, api, editor, prod):
    client.force_login(editor)
    place = ["team", "science"]
    page = client.get(reverse("environment-diff", args=place), {"from": "prod", "to": "latest"})
    assert (page.status_code, page.context["page"].comparison.new.version.number) == (200, 3)
    found = client.get(reverse("api-environment-diff", args=place), {"from": "1", "to": "prod"})
    assert found.status_code == 200
    before = client.get(reverse("environment-diff", args=place), {"to": "prod"})
    assert before.context["page"].comparison.old.version.number == 1
    assert client.get(reverse("environment-diff", args=place), {"to": "staging", "from": "1"}).status_code == 422


def test_a_draft_starts_from_where_a_label_points(client, editor, prod):
    client.force_login(editor)
    page = client.get(reverse("new-version", args=["team", "science"]), {"from": "team/science/prod"})
    assert page.context["form"].editing.start.number == 2


def test_the_api_sets_moves_and_removes_a_label(api, editor, versions):
    caller, url = api(editor), "/api/v1/workspaces/team/environments/science/labels/prod/"
    answers = [caller.put(url, {"version": version}, **JSON) for version in (1, "latest", "prod", 2)]
    assert [(a.status_code, a.json()["version"]) for a in answers] == [(201, 1), (200, 3), (200, 3), (200, 2)]
    assert caller.get(url).json() | {"changed": ""} == {
        "label": "prod", "version": 2, "changed_by": "edgar", "changed": "",
    }  # fmt: skip
    assert [row["label"] for row in caller.get(url.removesuffix("prod/")).json()["results"]] == ["prod"]
    assert (caller.delete(url).status_code, caller.get(url).status_code) == (204, 404)
    assert caller.put(url, {"version": 9}, **JSON).status_code == 404
    assert caller.put(url.replace("prod", "latest"), {"version": 1}, **JSON).status_code == 400


def test_the_page_sets_and_removes_a_label_and_loses_nothing_that_was_typed(client, editor, versions):
    client.force_login(editor)
    url = reverse("label-set", args=["team", "science"])
    page = client.post(url, {"label": "two words", "version": "prod"})
    assert page.status_code == 422
    assert b'value="two words"' in page.content
    assert b"science has no version prod" in page.content
    page = client.post(url, {"label": "latest", "version": "2"})
    assert (page.status_code, b"cannot be set" in page.content) == (422, True)
    assert client.post(url, {"label": "prod", "version": "2"}, follow=True).status_code == 200
    assert b'<span class="tag">prod</span>' in client.get(reverse("environment", args=["team", "science"])).content
    client.post(reverse("label-remove", args=["team", "science", "prod"]))
    assert not Label.objects.exists()
