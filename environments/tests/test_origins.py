"""Copies of curated environments: what they are offered, and what moving there registers."""

from datetime import date

import pytest

from environments import origins
from environments.faults import UserFault
from environments.models import Environment, Version
from environments.origins import Offer

ENDS = {"stage": "deprecated", "ends": date(2999, 1, 31), "reason": "Old."}


@pytest.fixture
def newer(curated, curate):
    return curate("AzureML-Minimal", "idna==3.11")


@pytest.fixture
def successor(curated, curate):
    found = curate("AzureML-Next", "idna==3.12", "certifi")
    curated.environment.curation.change(**ENDS, successor=found.environment)
    return found


def lines(version):
    return [line.canonical for line in version.definition.pip]


def test_a_copy_of_the_newest_is_offered_nothing(copy):
    assert origins.offered_to(copy) is None


def test_what_is_no_copy_is_offered_nothing(version):
    assert origins.offered_to(version) is None
    assert origins.offered_to(None) is None


def test_a_copy_is_offered_the_newer_version(copy, newer):
    assert origins.offered_to(copy) == newer


def test_a_copy_of_what_ends_is_offered_its_successor_and_what_succeeds_that(copy, newer, successor, curate):
    assert origins.offered_to(copy) == successor
    last = curate("AzureML-Last", "idna")
    successor.environment.curation.change(**ENDS, successor=last.environment)
    assert origins.offered_to(copy) == last


def test_an_end_without_successor_offers_the_newest(copy, newer, curated):
    curated.environment.curation.change(**ENDS)
    assert origins.offered_to(copy) == newer


def test_moving_keeps_what_the_copy_has_of_its_own(copy, newer, editor, workspace):
    offer = Offer.of(copy, newer, workspace)
    version, is_new = offer.register(copy.environment, editor)
    assert (version.number, is_new, version.origin) == (2, True, newer)
    assert lines(version) == ["idna==3.11", "rich==13.0"]
    assert version.message == "Moved from AzureML-Minimal 1 to AzureML-Minimal 2"
    assert origins.offered_to(version) is None


def test_the_next_version_in_the_editor_keeps_its_origin(client, copy, editor):
    client.force_login(editor)
    url = f"{copy.environment.get_absolute_url()}new-version/"
    assert b'name="origin" value="AzureML-Minimal/1"' in client.get(url).content
    data = {"conda": copy.conda, "view": "text", "origin": "AzureML-Minimal/1", "message": ""}
    data["conda"] = data["conda"].replace("rich==13.0", "rich==14.0")
    assert client.post(url, data | {"register": "1"}).status_code == 302
    assert copy.environment.versions.get(number=2).origin == copy.origin


def test_the_editor_opens_on_the_newer_one(client, copy, newer, editor):
    client.force_login(editor)
    url = f"{copy.environment.get_absolute_url()}new-version/?from={copy.reference}&onto=AzureML-Minimal/2"
    page = client.get(url).content.decode()
    assert 'name="origin" value="AzureML-Minimal/2"' in page
    assert "idna==3.11" in page
    assert "rich==13.0" in page


def test_an_environment_started_from_a_curated_one_remembers_it(client, curated, editor, workspace):
    client.force_login(editor)
    url = f"/workspaces/team/new/?from={curated.reference}"
    page = client.get(url).content.decode()
    assert 'name="origin" value="AzureML-Minimal/1"' in page
    data = {"name": "mine", "conda": curated.conda, "view": "text", "origin": "AzureML-Minimal/1", "register": "1"}
    assert client.post("/workspaces/team/new/", data).status_code == 302
    assert Environment.objects.get(name="mine").latest.origin == curated


def test_an_origin_that_is_none_is_said_and_nothing_typed_is_lost(client, curated, editor, workspace):
    client.force_login(editor)
    data = {"name": "mine", "conda": curated.conda, "view": "text", "origin": "AzureML-Minimal/9", "register": "1"}
    answer = client.post("/workspaces/team/new/", data)
    assert answer.status_code == 422
    assert "There is no curated environment AzureML-Minimal/9" in answer.content.decode()
    assert "idna==3.10" in answer.content.decode()


# The page


def test_the_page_shows_the_difference_first_and_one_click_registers(client, copy, successor, editor):
    client.force_login(editor)
    front = client.get(copy.environment.get_absolute_url()).content.decode()
    assert "It is archived after 31 January 2999. Old." in front
    assert "See what AzureML-Next 1 would change" in front
    url = f"{copy.environment.get_absolute_url()}origin/"
    page = client.get(url).content.decode()
    assert "mine on AzureML-Next 1" in page
    assert "certifi" in page
    assert Version.objects.filter(environment=copy.environment).count() == 1
    answer = client.post(url, {"to": "AzureML-Next/1"})
    assert answer.headers["Location"].endswith("/workspaces/team/environments/mine/diff/?from=1&to=2")
    assert client.get(answer.headers["Location"]).status_code == 200
    assert lines(copy.environment.latest) == ["idna==3.12", "certifi", "rich==13.0"]
    assert client.post(url, {"to": "AzureML-Next/1", "build": "1"}).headers["Location"].startswith("/builds/")


@pytest.mark.parametrize("who", ["viewer", "stranger"])
def test_only_editors_move_it(request, client, copy, newer, who):
    client.force_login(request.getfixturevalue(who))
    answer = client.post(f"{copy.environment.get_absolute_url()}origin/", {"to": "AzureML-Minimal/2"})
    assert answer.status_code == {"viewer": 403, "stranger": 404}[who]
    assert copy.environment.versions.count() == 1


def test_what_both_changed_is_said(client, copy, newer, editor, wanted):
    copy.environment.register(wanted("idna==3.9"), editor, origin=copy.origin)
    client.force_login(editor)
    page = client.get(f"{copy.environment.get_absolute_url()}origin/").content.decode()
    assert "idna: it is idna==3.11 there; idna==3.9 stays, as you changed it." in page


def test_a_target_that_is_none_or_archived(client, copy, newer, editor, workspace):
    client.force_login(editor)
    url = f"{copy.environment.get_absolute_url()}origin/"
    assert client.get(f"{url}?to=AzureML-No/1").status_code == 404
    newer.environment.curation.change(stage="archived")
    with pytest.raises(UserFault, match="AzureML-Minimal is archived"):
        Offer.of(copy, newer, workspace)
    assert client.get(f"{url}?to=AzureML-Minimal/2").status_code == 422


# In the API

URL = "/api/v1/workspaces/team/environments/mine/origin/"


def test_the_same_by_the_api(api, copy, newer, editor):
    caller = api(editor)
    told = caller.get(URL).json()
    assert (told["origin"], told["target"]) == ("AzureML-Minimal/1", "AzureML-Minimal/2")
    assert [(change["name"], change["kind"]) for change in told["own"]] == [("rich", "added")]
    assert [(change["name"], change["before"], change["after"]) for change in told["changes"]] == [
        ("idna", "==3.10", "==3.11")
    ]
    answer = caller.post(URL, {}, content_type="application/json")
    assert (answer.status_code, answer.json()["number"], answer.json()["origin"]) == (201, 2, "AzureML-Minimal/2")
    assert caller.get(URL).status_code == 204
    assert caller.post(URL, {"to": "AzureML-Minimal/2"}, content_type="application/json").status_code == 200
    answer = caller.post(URL, {"to": "AzureML-No/2"}, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, ["origin"])
