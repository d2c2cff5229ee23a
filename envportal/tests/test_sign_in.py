"""Attempts to sign in are counted, and where too many came nobody is let in, also with the right password."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from events.models import Event, Tally, Verb

WRONG, RIGHT = {"username": "edgar", "password": "wrong"}, {"username": "edgar", "password": "open sesame"}


def attempts(client, count, data=WRONG, **extra):
    return [client.post("/sign-in/", data, **extra).status_code for _ in range(count)]


def test_after_five_wrong_ones_the_right_one_opens_nothing_for_a_while(client, editor):
    assert attempts(client, 5) == [200] * 5
    answer = client.post("/sign-in/", RIGHT)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 300
    said = answer.content.decode()
    assert "Too many attempts. Try again in" in said
    assert 'value="edgar"' in said
    assert "sesame" not in said
    assert "_auth_user_id" not in client.session
    assert attempts(client, 1, WRONG | {"username": "EDGAR"}) == [429]  # the same to whoever tries


def test_another_name_and_another_place_go_on(client, editor, viewer):
    attempts(client, 6)
    assert attempts(client, 1, RIGHT, REMOTE_ADDR="192.0.2.7") == [302]
    assert attempts(Client(), 1, RIGHT | {"username": "vera"}) == [302]


def test_the_right_one_is_not_counted(client, editor):
    for _ in range(7):
        assert attempts(Client(), 1, RIGHT) == [302]
    assert set(Tally.objects.filter(what="sign-in").values_list("count", flat=True)) == {0}


def test_many_names_from_one_place_and_one_name_from_many_places(client, editor, settings):
    settings.SIGN_IN_ATTEMPTS = 1
    assert [attempts(client, 1, {"username": f"n{n}", "password": "x"})[0] for n in range(11)] == [200] * 10 + [429]
    Tally.objects.all().delete()
    found = [attempts(client, 1, REMOTE_ADDR=f"192.0.2.{n}")[0] for n in range(1, 22)]
    assert found == [200] * 20 + [429]


def test_made_up_names_leave_no_rows_for_ever(client, db, settings):
    settings.SIGN_IN_ATTEMPTS = 1
    for n in range(30):
        attempts(client, 1, {"username": f"n{n}", "password": "x"})
    assert Tally.objects.count() == 1 + 2 * 10


def test_too_many_are_told_once(client, editor):
    attempts(client, 9)
    failed = Event.objects.filter(verb=Verb.SIGN_IN_FAILED)
    assert failed.count() == 6
    assert failed.latest("pk").after["too_many"] is True


def test_no_name_that_was_typed_is_kept_with_the_counts(client, editor):
    attempts(client, 1, {"username": "hunter22", "password": "x"})
    assert "hunter22" not in str(list(Tally.objects.values()))


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_no_more_tries(editor):
    def attempt(_):
        try:
            return Client().post("/sign-in/", WRONG).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(attempt, range(18)))
    assert statuses.count(200) == 5


def test_the_administration_has_no_way_around(client, administrator):
    assert client.get("/admin/login/?next=/admin/auth/").headers["Location"] == "/sign-in/?next=/admin/auth/"
    assert client.post("/admin/login/", {"username": "root", "password": "open sesame"}).status_code == 302
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("there", ["https://example.org/", "//example.org/", "javascript:alert(1)", "/\\example.org"])
def test_nothing_leads_to_another_host(client, editor, there):
    for answer in (
        client.post("/sign-in/", RIGHT | {"next": there}),
        client.get("/sign-in/", {"next": there}),  # who is signed in already
    ):
        assert answer.headers["Location"] == "/"
    assert client.get("/admin/login/", {"next": there}).status_code == 403


def test_signing_in_never_leads_to_the_sign_in_page_again(client, editor):
    client.force_login(editor)
    assert client.get("/sign-in/", {"next": "/sign-in/"}).headers["Location"] == "/"
