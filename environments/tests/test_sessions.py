"""Sessions: whose they are, from where, when last seen; ended by their person, or with the password."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from environments.models import Session, Token
from environments.sessions import SessionStore
from environments.tasks import tidy_people
from events.models import Event

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0"
SESSIONS = reverse("sessions")


@pytest.fixture
def sign_in(editor):
    def sign_in(agent=FIREFOX, address="203.0.113.9"):
        browser = Client(headers={"user-agent": agent}, REMOTE_ADDR=address)
        browser.post("/sign-in/", {"username": "edgar", "password": "open sesame"})
        return browser

    return sign_in


def is_in(browser):
    return browser.get("/").status_code == 200


def test_the_page_shows_where_one_is_signed_in(sign_in):
    here, there = sign_in(), sign_in(EDGE, "192.0.2.7")
    said = here.get(SESSIONS).content.decode()
    for text in ("Firefox on Linux", "Edge on Windows", "203.0.113.9", "192.0.2.7", "this one", "in 2 places"):
        assert text in said
    assert not any(key in said for key in Session.objects.values_list("session_key", flat=True))
    assert is_in(there)


def test_one_ends_another_and_the_others_and_itself(sign_in):
    here, there, third = sign_in(), sign_in(EDGE), sign_in()
    other = Session.objects.get(agent=EDGE)
    here.post(reverse("session-end", args=[other.handle]))
    assert (is_in(here), is_in(there), is_in(third)) == (True, False, True)
    event = Event.objects.latest("pk")
    assert (event.verb, event.person, event.about) == ("ended", "edgar", "edgar")
    assert "1 ended. You stay signed in here." in here.post(SESSIONS, follow=True).content.decode()
    assert (is_in(here), is_in(third)) == (True, False)
    mine = Session.objects.get(user__username="edgar")
    assert here.post(reverse("session-end", args=[mine.handle])).headers["Location"] == reverse("sign-in")
    assert not is_in(here)


def test_nobody_ends_a_session_of_somebody_else(sign_in, client, viewer):
    sign_in()
    client.force_login(viewer)
    handle = Session.objects.get(user__username="edgar").handle
    assert client.post(reverse("session-end", args=[handle])).status_code == 404
    assert client.delete(reverse("api-session", args=[handle])).status_code == 404
    client.post(SESSIONS)
    client.delete(reverse("api-sessions"))
    assert Session.objects.filter(user__username="edgar").count() == 1


def test_the_same_through_the_api(sign_in, editor):
    here, there = sign_in(), sign_in(EDGE)
    listed = here.get(reverse("api-sessions")).json()["results"]
    assert {(each["device"], each["is_this_one"]) for each in listed} == {
        ("Firefox on Linux", True),
        ("Edge on Windows", False),
    }
    other = next(each["id"] for each in listed if not each["is_this_one"])
    assert here.delete(reverse("api-session", args=[other])).status_code == 204
    assert (is_in(here), is_in(there)) == (True, False)
    there = sign_in(EDGE)
    here.delete(reverse("api-sessions"))
    assert (is_in(here), is_in(there)) == (True, False)
    # A token is in none of them, and ends all.
    here.delete(reverse("api-sessions"), headers={"authorization": f"Bearer {Token.issue(editor)}"})
    assert not is_in(here)


def test_being_there_is_written_once_a_minute_and_costs_nothing_else(sign_in, django_assert_num_queries):
    here = sign_in()
    before = Session.objects.get(user__username="edgar")
    here.get("/")
    assert Session.objects.get(pk=before.pk).last_seen == before.last_seen
    Session.objects.update(last_seen=timezone.now() - timedelta(seconds=61))
    here.get("/")
    after = Session.objects.get(pk=before.pk)
    assert timezone.now() - after.last_seen < timedelta(seconds=10)
    assert (after.handle, after.address, after.created) == (before.handle, before.address, before.created)
    with django_assert_num_queries(2):  # the session, and the person with their roles
        here.get(reverse("api-me"))


def test_another_password_ends_the_other_sessions(sign_in, editor):
    here, there = sign_in(), sign_in(EDGE)
    asked = {"old_password": "open sesame", "new_password1": "another sesame", "new_password2": "another sesame"}
    assert here.post(reverse("password"), asked).status_code == 302
    assert (is_in(here), is_in(there)) == (True, False)
    assert Event.objects.filter(about="edgar", after={"password": "another one"}).count() == 1
    assert Session.objects.filter(user__username="edgar").count() == 1  # the list says so, too


def test_a_session_that_somebody_found_open_tries_no_passwords(sign_in):
    here, wrong = sign_in(), {"old_password": "wrong", "new_password1": "another sesame"}
    assert [here.post(reverse("password"), wrong).status_code for _ in range(6)] == [422] * 5 + [429]
    right = {"old_password": "open sesame", "new_password1": "another sesame", "new_password2": "another sesame"}
    answer = here.post(reverse("password"), right)
    assert (answer.status_code, "Too many attempts. Try again in" in answer.content.decode()) == (429, True)
    assert 0 < int(answer.headers["Retry-After"]) <= 300


def test_the_right_password_with_a_new_one_that_will_not_do_is_no_attempt(sign_in):
    here = sign_in()
    asked = {"old_password": "open sesame", "new_password1": "short", "new_password2": "short"}
    assert [here.post(reverse("password"), asked).status_code for _ in range(7)] == [422] * 7


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"old_password": "wrong"}, "Your old password was entered incorrectly"),
        ({"new_password1": "short", "new_password2": "short"}, "at least 10 characters"),
        ({"new_password1": "9182736450", "new_password2": "9182736450"}, "entirely numeric"),
        ({"new_password1": "edgarallan", "new_password2": "edgarallan"}, "too similar to the email address"),
        ({"new_password1": "1q2w3e4r5t", "new_password2": "1q2w3e4r5t"}, "too common"),
        ({"new_password2": "another"}, "match"),
    ],
)
def test_passwords_obey_rules(sign_in, editor, asked, sentence):
    editor.email = "edgarallan@example.org"
    editor.save(update_fields=["email"])
    fine = {"old_password": "open sesame", "new_password1": "another sesame", "new_password2": "another sesame"}
    answer = sign_in().post(reverse("password"), fine | asked)
    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)


def test_who_signs_in_elsewhere_has_no_password_here(client, editor):
    editor.set_unusable_password()
    editor.save()
    client.force_login(editor)
    assert client.get(reverse("password")).status_code == 404
    assert reverse("password") not in client.get(SESSIONS).content.decode()


def test_an_asynchronous_view_keeps_what_is_known_of_a_session(sign_in, client):
    sign_in()
    row = Session.objects.get(user__username="edgar")

    async def change():
        store = SessionStore(row.pk)
        await store.aset("seen", "yes")
        await store.asave()

    async_to_sync(change)()
    after = Session.objects.get(pk=row.pk)
    assert (after.user, after.handle, after.address, after.agent) == (row.user, row.handle, row.address, FIREFOX)
    assert after.get_decoded()["seen"] == "yes"


def test_old_ones_go_and_addresses_before_them(sign_in, settings):
    sign_in()
    sign_in(EDGE)
    settings.EVENTS_PERSONAL_DAYS = 3
    Session.objects.filter(agent=EDGE).update(expire_date=timezone.now())
    Session.objects.filter(agent=FIREFOX).update(created=timezone.now() - timedelta(days=4))
    tidy_people()
    assert list(Session.objects.values_list("agent", "address")) == [(FIREFOX, "")]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (EDGE, "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("curl/8.5.0", "curl"),
        ("something of its own/1.0", "something of its own/1.0"),
        ("", "Not known"),
    ],
)
def test_a_device_in_words(agent, words):
    assert Session(agent=agent).device == words
