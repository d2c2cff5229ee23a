"""One answer to each action in each state: in code, in docs, by the API and on the page."""

import re

import pytest
from django.conf import settings as django_settings
from django.urls import reverse

from builds import keeping
from builds.actions import TABLE, Action, State, state_of, why_not
from builds.failures import Failure
from builds.models import Build
from builds.tests.test_models import succeed


@pytest.fixture
def in_state(version, editor):
    """Bring a build of `version` into a state, which nothing else holds there."""

    def in_state(state):
        build = version.builds.request(version, editor)
        if state == State.RUNNING:
            build.move_to("running")
        elif state == State.FAILED:
            build.fail(Failure.NETWORK, "no index")
        elif state == State.CANCELLED:
            build.cancel(editor)
        elif state in (State.SUCCEEDED, State.REUSED, State.FREED):
            succeed(build)
            again = version.builds.request(version, editor)
            if state == State.REUSED:
                return again
            again.delete()
            if state == State.FREED:
                keeping.free(build, editor)
        return Build.objects.get(pk=build.pk)

    return in_state


CALLS = {
    Action.CANCEL: ("api-build-cancel", "post", 200),
    Action.REBUILD: ("api-build-rebuild", "post", 201),
    Action.FREE: ("api-build-free", "post", 200),
    Action.DELETE: ("api-build", "delete", 204),
}
CASES = [(action, state) for action in Action for state in State]


def test_the_table_has_an_answer_to_everything():
    assert {(action, state) for action, row in TABLE.items() for state in row} == set(CASES)


@pytest.mark.parametrize("state", State)
def test_a_build_knows_its_state(in_state, state):
    assert state_of(in_state(state)) == state


@pytest.mark.parametrize(("action", "state"), CASES)
def test_the_api_answers_as_the_table_says(in_state, api, owner, action, state):
    build = in_state(state)
    reason = why_not(action, build)
    if action == Action.DELETE and not reason:
        reason = keeping.why_it_stays(build)
    name, method, status = CALLS[action]
    answer = getattr(api(owner), method)(reverse(name, args=[build.pk]))
    assert answer.status_code == (409 if reason else status)
    if reason and action != Action.CANCEL:
        assert answer.json() == {"detail": reason}


BUTTONS = {Action.REBUILD: "build-rebuild", Action.FREE: "build-free", Action.DELETE: "build-delete"}


@pytest.mark.parametrize(("action", "state"), [case for case in CASES if case[0] in BUTTONS])
def test_the_page_has_a_button_where_the_table_says_yes_and_the_page_behind_agrees(
    in_state, client, owner, action, state
):
    build = in_state(state)
    reason = why_not(action, build) or (keeping.why_it_stays(build) if action == Action.DELETE else "")
    client.force_login(owner)
    address = reverse(BUTTONS[action], args=[build.pk])
    assert (f'href="{address}"' in client.get(build.get_absolute_url()).content.decode()) == (not reason)
    assert (reason in client.get(address).content.decode()) is True
    assert client.post(address).status_code == (409 if reason else 302)


def test_a_viewer_sees_no_such_button(in_state, client, viewer):
    client.force_login(viewer)
    page = client.get(in_state(State.SUCCEEDED).get_absolute_url()).content.decode()
    assert not re.search("/(rebuild|free|delete)/", page)


def test_an_editor_may_not_delete(in_state, client, editor):
    client.force_login(editor)
    page = client.get(in_state(State.FAILED).get_absolute_url()).content.decode()
    assert set(re.findall("/(rebuild|free|delete)/", page)) == {"rebuild"}


def test_the_docs_show_the_same_table():
    text = (django_settings.BASE_DIR / "docs" / "builds.md").read_text()
    notes = dict(re.findall(r"^(\d)\. (.+)$", text.partition("## What may be done")[2], re.MULTILINE))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    states = [State(name) for name in rows[0][1:]]
    shown = {
        Action(name): {
            state: "" if cell.startswith("yes") else notes[cell[4]] for state, cell in zip(states, cells, strict=True)
        }
        for name, *cells in rows[2:]
    }
    assert shown == TABLE
