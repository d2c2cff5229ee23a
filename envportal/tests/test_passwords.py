"""Links by which somebody sets a password: from an administrator, and by mail to whoever asks."""

import threading
import time
from email import message_from_bytes

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from environments import password_links, portal_people
from environments.models import Session, Token
from environments.tests.receivers import mail_server
from events.models import Event, Verb

NEW = {"new_password1": "another sesame", "new_password2": "another sesame"}
ASK = reverse("ask-password")


@pytest.fixture
def root(client, administrator):
    client.force_login(administrator)
    return client


def open_link(path, client=None):
    """Go there as a browser does. Return (the page, the browser)."""
    browser = client or Client()
    return browser.get(path, follow=True), browser


def set_password(path, **changed):
    page, browser = open_link(path)
    return browser.post(page.request["PATH_INFO"], NEW | changed)


def test_an_administrator_makes_a_link_that_is_shown_once(root, editor):
    url = reverse("portal-person-link", args=[editor.pk])
    said = root.post(url).content.decode()
    link = said.split('<code class="clip">')[1].split("<")[0]
    assert link.startswith("http://testserver/sign-in/password/")
    assert "/sign-in/password/" not in root.get(reverse("portal-person", args=[editor.pk])).content.decode()
    event = Event.objects.latest("pk")
    assert (event.verb, event.person, event.object, event.about) == (
        Verb.MADE, "root", "a link to set a password", "edgar",
    )  # fmt: skip
    assert link.split("/")[-2] not in str(list(Event.objects.values()))
    assert root.get(url).status_code == 405


def test_a_link_sets_a_password_once_and_ends_all_sessions(editor, django_user_model):
    here = Client()
    here.force_login(editor)
    path = password_links.make(editor)
    page, browser = open_link(path)
    assert "You are edgar." in page.content.decode()
    assert path.split("/")[-2] not in page.request["PATH_INFO"]  # which another page could be told
    answer = browser.post(page.request["PATH_INFO"], NEW, follow=True)
    assert "Your password is set. Sign in with it." in answer.content.decode()
    assert here.get(reverse("home")).status_code == 302
    assert not Session.objects.filter(user=editor).exists()
    assert not Client().login(username="edgar", password="open sesame")
    assert open_link(path)[0].status_code == 410
    assert Client().login(username="edgar", password="another sesame")
    changed = Event.objects.filter(verb=Verb.CHANGED, about="edgar").latest("pk")
    assert (changed.after, changed.actor_kind, changed.address) == ({"password": "another one"}, "nobody", "127.0.0.1")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"new_password1": "short", "new_password2": "short"}, "at least 10 characters"),
        ({"new_password2": "another"}, "match"),
        ({"new_password1": "1q2w3e4r5t", "new_password2": "1q2w3e4r5t"}, "too common"),
    ],
)
def test_a_password_by_a_link_obeys_the_same_rules(editor, wrong, sentence):
    answer = set_password(password_links.make(editor), **wrong)
    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    assert Client().login(username="edgar", password="open sesame")


def end(what, editor, settings):
    if what == "sign-in":
        Client().login(username="edgar", password="open sesame")
    elif what == "deactivated":
        portal_people.deactivate(editor)
    elif what == "address":
        editor.email = "new@example.org"
        editor.save()
    else:
        settings.PASSWORD_RESET_TIMEOUT = -1


@pytest.mark.parametrize("what", ["sign-in", "deactivated", "address", "time"])
def test_a_link_ends(editor, settings, what):
    path = password_links.make(editor)
    end(what, editor, settings)
    answer = open_link(path)[0]
    assert (answer.status_code, "This link sets no password" in answer.content.decode()) == (410, True)


@pytest.mark.parametrize("what", ["deactivated", "address", "time"])
def test_a_link_ends_also_for_whoever_has_its_page_open(editor, settings, what):
    page, browser = open_link(password_links.make(editor))
    end(what, editor, settings)
    assert browser.post(page.request["PATH_INFO"], NEW).status_code == 410
    editor.refresh_from_db()
    assert editor.check_password("open sesame")


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_a_link_at_the_same_time_one_sets_the_password(editor):
    path, statuses, ready = password_links.make(editor), [], threading.Barrier(2)
    opened = [open_link(path) for _ in range(2)]

    def use(page, browser, word):
        ready.wait(10)
        answer = browser.post(page.request["PATH_INFO"], {"new_password1": word, "new_password2": word})
        statuses.append(answer.status_code)
        connection.close()

    words = ["first sesame", "second sesame"]
    threads = [threading.Thread(target=use, args=(*each, word)) for each, word in zip(opened, words, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(statuses) == [302, 410]


def test_nobody_who_may_not_sign_in_gets_a_link(root, editor):
    portal_people.deactivate(editor)
    answer = root.post(reverse("portal-person-link", args=[editor.pk]))
    assert (answer.status_code, "Let them in again first" in answer.content.decode()) == (409, True)
    assert root.post(reverse("api-portal-person-link", args=["edgar"])).status_code == 400


def test_no_token_makes_a_link(administrator, editor):
    bearer = {"authorization": f"Bearer {Token.issue(administrator)}"}
    answer = Client().post(reverse("api-portal-person-link", args=["edgar"]), headers=bearer)
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("No token makes a link")


def test_a_new_account_gets_its_password_by_the_api(root):
    root.post(reverse("api-portal-people"), {"person": "nils"}, "application/json")
    made = root.post(reverse("api-portal-person-link", args=["nils"])).json()
    assert made["sent"] is False
    set_password(made["link"].removeprefix("http://testserver"))
    assert Client().login(username="nils", password="another sesame")


def test_a_link_is_never_among_what_was_refused(editor):
    path = password_links.make(editor)
    assert Client(enforce_csrf_checks=True).post(path, NEW).status_code == 403
    denied = Event.objects.get(verb=Verb.DENIED)
    assert denied.object.endswith("/…/")


# By mail


@pytest.fixture
def mails(settings):
    with mail_server(settings) as mails:
        yield mails


@pytest.fixture
def asked(monkeypatch):
    """Wait for the mails that were asked for."""
    threads = []
    send_to = password_links.send_to
    monkeypatch.setattr(password_links, "send_to", lambda address: threads.append(send_to(address)))
    return lambda: [thread.join(20) for thread in threads]


def text_of(envelope):
    return message_from_bytes(envelope.content).get_payload(decode=True).decode()


def known(user):
    user.email = f"{user.username}@example.org"
    user.save(update_fields=["email"])


def ask(address, client=None, **extra):
    return (client or Client()).post(ASK, {"email": address}, **extra)


@pytest.mark.django_db(transaction=True)
def test_who_forgot_it_gets_a_link_by_mail(mails, asked, editor, settings):
    settings.PUBLIC_URL = "https://env.example.org"
    known(editor)
    answer = ask("EDGAR@example.org", HTTP_HOST="localhost")
    assert answer.headers["Location"] == f"{ASK}?asked=yes"
    asked()
    [envelope] = mails.taken
    link = next(line for line in text_of(envelope).splitlines() if line.startswith("https://"))
    assert link.startswith("https://env.example.org/sign-in/password/")  # and no host that whoever asked made up
    assert set_password(link.removeprefix("https://env.example.org")).status_code == 302
    event = Event.objects.get(verb=Verb.REQUESTED)
    assert (event.about, event.after, event.address) == ("EDGAR@example.org", {"accounts": 1}, "127.0.0.1")


@pytest.mark.django_db(transaction=True)
def test_who_is_known_is_not_said(mails, asked, editor, viewer, owner):
    for user in (editor, viewer, owner):
        known(user)
    viewer.set_unusable_password()  # signs in elsewhere
    viewer.save()
    portal_people.deactivate(owner)
    addresses = ("edgar@example.org", "vera@example.org", "olga@example.org", "nobody@example.org")
    answers = [ask(address) for address in addresses]
    assert len({(answer.status_code, answer.headers["Location"], answer.content) for answer in answers}) == 1
    pages = [Client().get(answer.headers["Location"]).content for answer in answers]
    assert len(set(pages)) == 1
    asked()
    assert [envelope.rcpt_tos for envelope in mails.taken] == [["edgar@example.org"]]


@pytest.mark.django_db(transaction=True)
def test_the_answer_does_not_wait_for_the_mail(settings, editor, asked):
    known(editor)
    settings.HAS_EMAIL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "192.0.2.1", 25, 3  # where nobody answers
    began = time.monotonic()
    assert ask("edgar@example.org").status_code == 302
    assert time.monotonic() - began < 2
    asked()


@pytest.mark.django_db(transaction=True)
def test_not_any_number_of_mails_is_asked_for(mails, asked, monkeypatch):
    monkeypatch.setattr("envportal.passwords.PER_ADDRESS", 7)
    assert [ask("a@example.org").status_code for _ in range(6)] == [302] * 5 + [429]
    answer = ask("A@example.org")
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert 'value="A@example.org"' in answer.content.decode()
    assert ask("b@example.org").status_code == 429  # from one place
    assert ask("b@example.org", REMOTE_ADDR="192.0.2.7").status_code == 302
    asked()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", ["", "nonsense", "a\0b@example.org"])
def test_what_is_no_address_is_said(mails, asked, address):
    assert ask(address).status_code == 422


def test_without_mail_it_is_not_offered(client, db, settings):
    assert "Forgot your password" not in client.get("/sign-in/").content.decode()
    assert client.get(ASK).status_code == 404
    settings.HAS_EMAIL = True
    assert "Forgot your password" in client.get("/sign-in/").content.decode()
    assert client.get(ASK).status_code == 200
