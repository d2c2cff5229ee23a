"""Every line of the table of all URLs that does something writes an event, in the transaction of what it does."""

import pytest
from django.db import connection
from django.db.models.signals import pre_save

from envportal.tests.test_access import TABLE, args_of, ask
from events.models import Event, Verb

CHANGING = ("post", "put", "patch", "delete")
# What changes nothing that is kept, and why.
NO_ACT = {
    "policy-new": "without a kind it asks for one",
    "preview": "it resolves what is typed, and keeps nothing",
    "refresh": "it resolves to show what would change; builds go on as before until somebody keeps that",
    "api-refresh": "the same",
    "api-resolve": "the same",
    "api-import": "it reads a file and answers with its definition",
    "sessions": "there is no other session to end",
    "api-sessions": "the same",
    "notices-read": "a mark for the person alone",
    "notice-read": "the same",
    "api-notices": "the same",
    "api-notice-read": "the same",
    "wheels": "the table uploads bytes that are there already",
    "api-wheels": "the same",
}
# What is more than one act: a new environment and its first version.
ACTS = {"new-environment": 2, "curated-use": 2}
# Reading that is an act all the same.
TAKEN = {
    *("wheel-file", "audit-export", "api-usage-export", "events-export", "api-events-export"),
    *("inventory-export", "inventory-bill", "api-inventory-export", "api-inventory-bill"),
}
CASES = [
    pytest.param(name, args, method, data, id=f"{method} {name}")
    for name, args, method, data, expected in TABLE
    if expected and expected.get("owner", 404) < 400 and (method in CHANGING or name in TAKEN)
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "args", "method", "data"), CASES)
def test_an_act_writes_its_event_in_its_transaction(
    client, owner, editor, build, wheel, secret, advisories, curated, name, args, method, data
):
    client.force_login(owner)
    args = args_of(name, args, build, editor)
    before = set(Event.objects.values_list("pk", flat=True))
    was_atomic = []

    def look(sender, **kwargs):
        was_atomic.append(connection.in_atomic_block)

    pre_save.connect(look, sender=Event)
    try:
        answer = ask(client, wheel, name, args, method, data)
    finally:
        pre_save.disconnect(look, sender=Event)
    assert answer.status_code < 400
    written = Event.objects.exclude(pk__in=before)
    if name in NO_ACT:
        assert not written
        return
    # What the preparation of a line does is somebody else's.
    mine = [event for event in written if event.person == owner.username]
    assert len(mine) == ACTS.get(name, 1), f"{name} writes no event; name it in NO_ACT if there is a reason"
    assert {event.address for event in mine} == {"127.0.0.1"}
    # What is only read changes no row beside which the event would have to stand.
    assert name in TAKEN or all(was_atomic)


def test_what_is_refused_is_an_event_that_its_owners_see(client, viewer, workspace, environment):
    client.force_login(viewer)
    client.post(f"/workspaces/team/environments/{environment}/new-version/")
    client.get("/workspaces/team/new/")
    denied = Event.objects.filter(verb=Verb.DENIED)
    assert {(event.person, event.workspace) for event in denied} == {("vera", "team")}
