"""What is refused is an event, and however often somebody asks, there are few of them and each is counted."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from events import refusals
from events.models import Event, Tally, Verb
from events.tasks import forget_persons, tell_refusals

BAD = {"HTTP_AUTHORIZATION": "Bearer envp_nonsense"}
URL = "/api/v1/workspaces/"


def a_minute_later():
    Tally.objects.update(start=timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=2))


def test_five_are_told_one_by_one_and_the_rest_together(client, db):
    for _ in range(12):
        client.get(URL, **BAD)
    told = Event.objects.filter(verb=Verb.TOKEN_REFUSED)
    assert told.count() == 5
    tell_refusals()  # the minute is not over
    assert told.count() == 5
    a_minute_later()
    tell_refusals()
    tell_refusals()  # told once
    assert told.count() == 6
    last = told.latest("pk")
    assert (last.object, last.after["times"], last.address, last.actor_kind) == (
        "more of the same", 7, "127.0.0.1", "nobody",
    )  # fmt: skip
    assert not Tally.objects.exists()


def test_each_address_is_counted_alone_and_a_network_of_ipv6_is_one(client, db):
    for address in ("203.0.113.9", "192.0.2.7"):
        for _ in range(6):
            client.get(URL, REMOTE_ADDR=address, **BAD)
    for host in range(1, 8):
        client.get(URL, REMOTE_ADDR=f"2001:db8::{host}", **BAD)
    assert Event.objects.filter(verb=Verb.TOKEN_REFUSED).count() == 15
    a_minute_later()
    refusals.tell()
    more = Event.objects.filter(object="more of the same")
    assert {(event.address, event.after["times"]) for event in more} == {
        ("203.0.113.9", 1), ("192.0.2.7", 1), ("2001:db8::", 2),
    }  # fmt: skip


def test_a_person_is_counted_as_a_person(client, viewer, workspace):
    client.force_login(viewer)
    for _ in range(7):
        client.get("/workspaces/team/new/")
    a_minute_later()
    refusals.tell()
    event = Event.objects.get(object="more of the same")
    assert (event.verb, event.person, event.address, event.after["times"]) == ("denied", "vera", "", 2)


def test_what_somebody_does_not_find_is_told_whether_or_not_it_is_there(client, stranger, workspace):
    client.get("/workspaces/team/")  # nobody is sent to sign in
    client.force_login(stranger)
    for url in ("/workspaces/team/", "/workspaces/nowhere/", "/no/such/address/"):
        assert client.get(url).status_code == 404
    told = Event.objects.filter(verb=Verb.DENIED).order_by("pk")
    assert [(event.person, event.object, event.after, event.workspace) for event in told] == [
        ("stefan", "/workspaces/team/", {"method": "GET", "found": False}, ""),
        ("stefan", "/workspaces/nowhere/", {"method": "GET", "found": False}, ""),
    ]


def test_a_secret_in_an_address_is_not_told(viewer):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(viewer)
    assert browser.post("/invitations/a-secret-of-a-link/").status_code == 403
    assert Event.objects.get(verb=Verb.DENIED).object == "/invitations/…/"


def test_old_counts_go(db):
    Tally.objects.create(what="sign-in", who="x", start=timezone.now() - timedelta(hours=25), count=1)
    Tally.objects.create(what="sign-in", who="y", start=timezone.now() - timedelta(hours=1), count=1)
    forget_persons()
    assert [tally.who for tally in Tally.objects.all()] == ["y"]


def test_few_leave_nothing_more_to_tell(client, db):
    client.get(URL, **BAD)
    a_minute_later()
    assert refusals.tell() == 0
    assert not Tally.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_counted_exactly():
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    def add(_):
        try:
            return Tally.objects.add("test", "who", 3600)[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(add, range(40))) == list(range(1, 41))
