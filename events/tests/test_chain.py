"""What the database refuses, and what the chain shows when somebody got around it."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from events import chain, guard, privacy
from events.chain import Head
from events.models import Event, Verb, sha256_of
from events.record import record


@pytest.fixture
def five(editor):
    for n in range(5):
        record(Verb.MADE, f"thing {n}", before={"é": 1.0}, after={"n": n, "deep": [None, True]}, by=editor)
    chain.seal()
    return list(Event.objects.filter(verb=Verb.MADE, kind="").order_by("pk"))


def refused():
    return pytest.raises(DatabaseError, match="an event never changes")


@pytest.mark.parametrize("name", [*Event.FIXED, *Event.PERSONAL, "position", "digest"])
def test_no_column_of_an_event_can_be_changed(five, name):
    value = {"id": 999, "created": five[0].created + timedelta(1), "workspace_id": 7, "position": 99}.get(name, "x")
    with refused(), transaction.atomic():
        Event.objects.filter(pk=five[1].pk).update(**{name: value})
    chain.seal()
    assert list(chain.faults()) == []


def test_one_that_waits_to_be_sealed_cannot_be_changed_either(editor):
    event = record(Verb.MADE, "thing", by=editor)
    for name in ("object", "person", "salt"):
        with refused(), transaction.atomic():
            Event.objects.filter(pk=event.pk).update(**{name: "x"})
    with refused(), transaction.atomic():
        Event.objects.filter(pk=event.pk).update(position=1, digest="x", person="somebody else")


def test_no_event_can_be_deleted(five):
    with refused(), transaction.atomic():
        Event.objects.filter(pk=five[0].pk).delete()
    with refused(), transaction.atomic():
        five[0].delete()


@pytest.mark.parametrize("key", ["id", "position"])
def test_no_event_can_be_put_in_the_place_of_another(five, key):
    """As REPLACE of SQLite and ON CONFLICT of both would."""
    columns = ", ".join(f'"{field.column}"' for field in Event._meta.fields)
    values = columns.replace('"object"', "'a lie'")
    values = values.replace('"position"', "NULL") if key == "id" else values.replace('"id"', '"id" + 1000')
    source = f"({columns}) SELECT {values} FROM events_event WHERE id = {five[1].pk}"  # noqa: S608, a test's own
    statements = [f"INSERT INTO events_event {source} ON CONFLICT ({key}) DO UPDATE SET object = 'a lie'"]
    if connection.vendor == "sqlite":
        statements.append(f"INSERT OR REPLACE INTO events_event {source}")
    for statement in statements:
        with refused(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert Event.objects.get(pk=five[1].pk).object == five[1].object


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_the_table_cannot_be_emptied(five):
    with refused(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_event")


@pytest.mark.django_db(transaction=True)
def test_flush_empties_it_and_the_guard_stands_again():
    record(Verb.MADE, "thing")
    call_command("flush", interactive=False, verbosity=0)
    assert not Event.objects.exists()
    record(Verb.MADE, "thing")
    with refused():
        Event.objects.all().delete()


def test_the_chain_is_whole_and_without_gaps(five):
    positions = list(Event.objects.sealed().values_list("position", flat=True))
    assert positions == list(range(1, len(positions) + 1))
    assert list(chain.faults()) == []
    assert chain.seal() == 0


def test_a_hash_holds_the_one_before_and_the_content(five):
    first, second = five[0], five[1]
    assert second.digest == second.digest_after(first.digest)
    assert second.digest != second.digest_after(sha256_of("another"))
    second.after = {"n": 2}
    assert second.digest != second.digest_after(first.digest)


@pytest.fixture
def unguarded(five):
    """As for somebody who may do anything with the database."""
    guard.lift(connection)
    yield five
    guard.put_up(connection)


@pytest.mark.parametrize(
    ("name", "value"),
    [("object", "thing 9"), ("verb", "deleted"), ("after", {}), ("workspace", "x"), ("personal", "0"), ("digest", "0")],
)
def test_a_changed_event_shows(unguarded, name, value):
    event = unguarded[2]
    Event.objects.filter(pk=event.pk).update(**{name: value})
    found = list(chain.faults())
    assert found[0].startswith(f"Event {event.position} of ")


@pytest.mark.parametrize("name", ["person", "address", "token", "about"])
def test_a_changed_person_shows(unguarded, name):
    event = unguarded[2]
    Event.objects.filter(pk=event.pk).update(**{name: "somebody"})
    told = f"The person or the address of event {event.position} is not as it was written."
    assert list(chain.faults()) == [told]


def test_a_removed_event_shows(unguarded):
    at = unguarded[2].position
    Event.objects.filter(pk=unguarded[2].pk).delete()
    assert list(chain.faults()) == [f"Events {at} to {at} of the chain are missing."]


def test_two_that_changed_places_show(unguarded):
    a, b = unguarded[1], unguarded[2]
    Event.objects.filter(pk=a.pk).update(position=0, digest="")
    Event.objects.filter(pk=b.pk).update(position=a.position, digest=a.digest)
    Event.objects.filter(pk=a.pk).update(position=b.position, digest=b.digest)
    assert len(list(chain.faults())) == 2


def test_a_removed_end_shows_to_who_kept_the_last_hash(unguarded):
    kept = chain.head()
    Event.objects.filter(pk=unguarded[4].pk).delete()
    assert list(chain.faults()) == []
    assert len(list(chain.faults(kept))) == 1


def test_a_chain_that_was_written_anew_shows_to_who_kept_a_hash(unguarded):
    kept = Head(unguarded[2].position, unguarded[2].digest)
    last = Head()
    for event in Event.objects.sealed():
        event.object = "a lie"
        digest = event.digest_after(last.digest)
        Event.objects.filter(pk=event.pk).update(object="a lie", digest=digest)
        last = Head(event.position, digest)
    assert list(chain.faults()) == []
    assert "written anew" in next(iter(chain.faults(kept)))


def test_what_commits_late_is_sealed_late(editor):
    """As when a transaction took its number before another one and ended after it."""
    late, early = record(Verb.MADE, "late", by=editor), record(Verb.MADE, "early", by=editor)
    chain.seal()
    assert {late.pk, early.pk} <= set(Event.objects.sealed().values_list("pk", flat=True))
    guard.lift(connection)
    Event.objects.create(pk=late.pk - 1_000, verb=Verb.MADE, actor_kind="portal", personal="x")
    guard.put_up(connection)
    assert chain.seal() == 1
    assert list(chain.faults()) == []


def test_more_than_one_transaction_holds_are_sealed(editor, monkeypatch):
    monkeypatch.setattr(chain, "AT_ONCE", 2)
    for n in range(5):
        record(Verb.MADE, f"thing {n}", by=editor)
    assert chain.seal() >= 5
    assert not Event.objects.unsealed().exists()


def test_the_command_proves_it(five):
    said = StringIO()
    call_command("events", "--check", stdout=said, skip_checks=False)
    assert said.getvalue().startswith("The chain is whole.")
    head = chain.head()
    assert f"{head.position}:{head.digest}" in said.getvalue()
    call_command("events", "--head", f"{head.position}:{head.digest}", stdout=said)
    with pytest.raises(CommandError, match="POSITION:HASH"):
        call_command("events", "--head", "nonsense")


def test_the_command_fails_where_it_is_broken(unguarded):
    Event.objects.filter(pk=unguarded[2].pk).update(object="x")
    faults = StringIO()
    with pytest.raises(CommandError, match="broken in 1 place"):
        call_command("events", "--check", stderr=faults)
    assert f"Event {unguarded[2].position} of" in faults.getvalue()


@pytest.fixture
def old(editor, settings):
    """Two events of a year ago, and one of now."""
    settings.EVENTS_PERSONAL_DAYS = 30
    events = [record(Verb.MADE, "old", by=editor, about="olga"), record(Verb.MADE, "older")]
    guard.lift(connection)
    Event.objects.filter(pk__in=[event.pk for event in events]).update(created=timezone.now() - timedelta(days=365))
    guard.put_up(connection)
    record(Verb.MADE, "new", by=editor)
    chain.seal()
    return events


def test_names_of_old_events_become_pseudonyms(old, editor):
    assert privacy.forget() == 2
    first, second = (Event.objects.get(pk=event.pk) for event in old)
    assert (first.person, first.about) == (privacy.pseudonym("edgar"), privacy.pseudonym("olga"))
    assert first.person.startswith("person-")
    assert (first.salt, first.address, first.token) == ("", "", "")
    assert second.person == old[1].person  # a command is no person
    assert Event.objects.get(object="new").person == "edgar"
    assert list(chain.faults()) == []
    assert privacy.forget() == 0


def test_nothing_is_forgotten_where_the_policy_says_never(old, settings):
    settings.EVENTS_PERSONAL_DAYS = 0
    assert privacy.forget() == 0


@pytest.mark.parametrize("fields", [{"person": "edgar", "salt": "x"}, {"person": "person-000000000000"}])
def test_a_forgotten_name_stays_as_it_is(old, fields):
    privacy.forget()
    with refused(), transaction.atomic():
        Event.objects.filter(pk=old[0].pk).update(**fields)


@pytest.mark.parametrize("fields", [{"person": "stefan"}, {"about": "stefan"}, {}])
def test_a_name_is_dropped_for_a_pseudonym_alone(old, fields):
    told = {"person": "person-000000000000", "about": "", "token": "", "address": "", "salt": ""} | fields
    if not fields:
        del told["person"]  # and keeps it
    with refused(), transaction.atomic():
        Event.objects.filter(pk=old[0].pk).update(**told)


def test_a_name_that_was_put_in_place_of_a_dropped_one_shows(old):
    privacy.forget()
    guard.lift(connection)
    Event.objects.filter(pk=old[0].pk).update(person="stefan")
    guard.put_up(connection)
    assert len(list(chain.faults())) == 1
