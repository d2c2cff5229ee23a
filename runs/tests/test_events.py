"""The page of events, its files and its twin in the API."""

import csv
import io
import json

import pytest
from django.urls import reverse

from environments.models import Workspace
from events import chain
from events.models import COLUMNS, Event, Verb
from events.record import record


@pytest.fixture
def root(person):
    return person("root", is_superuser=True, is_staff=True)


@pytest.fixture
def things(workspace, editor, viewer):
    """What happened in two workspaces and in none."""
    elsewhere = Workspace.objects.create(name="far")
    record(Verb.CHANGED, "red thing", workspace, {"n": 1}, {"n": 2}, by=editor)
    record(Verb.DELETED, "=blue thing", workspace, by=viewer)
    record(Verb.CHANGED, "far thing", elsewhere, by=editor)
    record(Verb.SIGNED_IN, by=editor)


def objects(client, **asked):
    answer = client.get(reverse("api-events"), asked)
    assert answer.status_code == 200, answer.content
    return [row["object"] for row in answer.json()["results"] if "thing" in row["object"]]


def test_owners_see_their_workspaces_and_administrators_all(client, things, owner, root):
    client.force_login(owner)
    assert objects(client) == ["=blue thing", "red thing"]
    page = client.get(reverse("events")).content.decode()
    assert "red thing" in page
    assert "far thing" not in page
    client.force_login(root)
    assert objects(client) == ["far thing", "=blue thing", "red thing"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"person": "edgar"}, ["far thing", "red thing"]),
        ({"verb": "deleted"}, ["=blue thing"]),
        ({"object": "RED"}, ["red thing"]),
        ({"workspace": "team"}, ["=blue thing", "red thing"]),
        ({"workspace": "team", "person": "vera"}, ["=blue thing"]),
        ({"until": "2020-01-01"}, []),
        ({"since": "2020-01-01", "verb": "changed"}, ["far thing", "red thing"]),
    ],
)
def test_filters(client, things, root, asked, found):
    client.force_login(root)
    assert objects(client, **asked) == found
    page = client.get(reverse("events"), asked).content.decode()
    assert [name for name in ("far thing", "=blue thing", "red thing") if f">{name}<" in page] == found


@pytest.mark.parametrize("asked", [{"since": "never"}, {"verb": "nonsense"}, {"object": "a\0"}])
def test_a_filter_that_makes_no_sense_is_said(client, things, root, asked):
    client.force_login(root)
    assert client.get(reverse("events"), asked).status_code == 422
    assert client.get(reverse("events-export", args=["csv"]), asked).status_code == 422
    answer = client.get(reverse("api-events"), asked)
    assert (answer.status_code, set(answer.json())) == (400, set(asked))


def test_files_hold_what_the_page_shows(client, things, owner):
    client.force_login(owner)
    asked = {"object": "thing"}
    answer = client.get(reverse("events-export", args=["csv"]), asked)
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert list(rows[0]) == COLUMNS
    assert [row["object"] for row in rows] == ["'=blue thing", "red thing"]
    assert json.loads(rows[1]["after"]) == {"n": 2}
    answer = client.get(reverse("api-events-export", args=["json"]), asked)
    rows = json.loads(b"".join(answer.streaming_content))
    listed = client.get(reverse("api-events"), asked).json()["results"]
    assert [row | {"created": 0} for row in rows] == [row | {"created": 0} for row in listed]
    taken = Event.objects.filter(verb=Verb.EXPORTED, person="olga")
    assert [event.after for event in taken] == [asked, asked]


def test_the_page_says_what_is_sealed(client, things, root):
    client.force_login(root)
    assert "not yet" in client.get(reverse("events")).content.decode()
    chain.seal()
    page = client.get(reverse("events")).content.decode()
    assert "not yet" not in page
    assert f"{chain.head().position} are sealed" in page


def test_audit_leads_there_whom_it_lets_in(client, owner, viewer):
    link = f'href="{reverse("events")}"'
    client.force_login(owner)
    assert link in client.get(reverse("audit")).content.decode()
    client.force_login(viewer)
    assert link not in client.get(reverse("audit")).content.decode()


@pytest.mark.parametrize(("name", "queries"), [("events", 8), ("api-events", 4)])
@pytest.mark.parametrize("rows", [1, 3])
def test_a_list_costs_the_same_however_long(client, workspace, owner, name, queries, rows, django_assert_num_queries):
    for n in range(rows):
        record(Verb.CHANGED, f"thing {n}", workspace, {"n": 1}, {"n": 2}, by=owner)
    client.force_login(owner)
    client.get(reverse(name))
    with django_assert_num_queries(queries):
        assert client.get(reverse(name)).status_code == 200


def test_pages_go_on_where_the_last_one_ended(client, workspace, owner):
    for n in range(7):
        record(Verb.CHANGED, f"thing {n}", workspace, by=owner)
    client.force_login(owner)
    url, found = f"{reverse('api-events')}?limit=3&object=thing", []
    while url:
        page = client.get(url).json()
        found += [row["object"] for row in page["results"]]
        url = page["next"]
    assert found == [f"thing {n}" for n in reversed(range(7))]
