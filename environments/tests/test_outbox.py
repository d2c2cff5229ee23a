"""Sending: real receivers that fail, are late, redirect and break off; tries, and that nothing is sent twice."""

import json
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from environments import hook_call, outbox
from environments.models import Delivery, Hook, Notice, Workspace
from environments.notice_models import Choice, Kind, State
from environments.notices import Telling, send_test, tell, tell_all
from environments.tests.receivers import drip, hang_up, mail_server, receiving

LOOPBACK = ["127.0.0.0/8"]


@pytest.fixture
def receiver(settings):
    settings.WEBHOOK_NETWORKS = LOOPBACK
    with receiving() as (address, calls):
        calls.address = address
        yield calls


@pytest.fixture
def hook(workspace, owner, receiver):
    hook, receiver.secret = Hook.make(workspace, receiver.address, Kind.values, owner)
    return hook


@pytest.fixture
def mails(settings):
    with mail_server(settings) as mails:
        yield mails


@pytest.fixture
def mail(editor, mails):
    """One that waits."""
    editor.email = "edgar@example.org"
    editor.save(update_fields=["email"])
    say(editor)
    return Delivery.objects.get(user=editor)


def say(*people, key="k", workspace=None, kind=Kind.CURATED):
    about = people[0] if people else workspace
    tell(kind, people, "It ends on 1 May", about, "/there/", key, workspace=workspace, text="Take the next one.")


def now_due():
    Delivery.objects.filter(state=State.WAITING).update(next_at=timezone.now() - timedelta(seconds=1))


def only():
    return Delivery.objects.get()


def test_a_call_says_what_happened_and_is_signed(settings, workspace, hook, receiver):
    settings.PUBLIC_URL = "https://env.example.org"
    say(workspace=workspace)
    outbox.send_due()
    [(headers, body, is_signed)] = receiver.taken
    delivery = only()
    assert is_signed
    assert headers["webhook-id"] == str(delivery.pk)
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "type": "curated",
        "timestamp": delivery.created.isoformat(),
        "data": {
            "workspace": "team", "subject": "It ends on 1 May", "text": "Take the next one.",
            "link": "https://env.example.org/there/",
            "about": {"kind": "workspace", "id": str(workspace.pk), "name": "team"},
        },
    }  # fmt: skip
    assert (delivery.state, delivery.tries, delivery.error) == (State.SENT, 1, "")


def test_what_was_sent_is_not_sent_again(workspace, hook, receiver):
    for _ in range(3):
        say(workspace=workspace)
        now_due()
        outbox.send_due()
    assert receiver.asked == 1


def test_a_receiver_that_fails_is_tried_later_and_later_under_one_id(workspace, hook, receiver):
    receiver.answers = [500, 503]
    say(workspace=workspace)
    waits = []
    for _ in range(2):
        outbox.send_due()
        waits.append(round((only().next_at - timezone.now()).total_seconds(), -1))
        outbox.send_due()  # it is not due
        now_due()
    assert (receiver.asked, waits, only().error) == (2, [30, 120], "It answered 503: no place for it")
    outbox.send_due()
    [(headers, _, is_signed)] = receiver.taken
    assert (is_signed, headers["webhook-id"]) == (True, str(only().pk))
    assert (only().state, only().tries, only().error) == (State.SENT, 3, "")


def test_after_the_last_try_it_is_given_up_and_can_be_sent_again(workspace, hook, receiver, owner):
    receiver.answers = [500] * 7
    say(workspace=workspace)
    for _ in range(9):
        now_due()
        outbox.send_due()
    assert (receiver.asked, only().state, only().tries) == (7, State.GIVEN_UP, 7)
    assert only().send_again(owner)
    assert not only().send_again(owner)  # it is on its way
    outbox.send_due()
    assert (only().state, len(receiver.taken)) == (State.SENT, 1)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (302, "Redirects are not followed"),
        (404, "It answered 404"),
        (hang_up, "It was not reached"),
        (drip, "No answer within 2 seconds"),
    ],
)
def test_what_a_receiver_does_wrong_is_said(monkeypatch, workspace, hook, receiver, answer, says):
    monkeypatch.setattr(hook_call, "SECONDS", 2)
    receiver.answers = [answer]
    say(workspace=workspace)
    began = time.monotonic()
    outbox.send_due()
    assert says in only().error
    assert (only().state, receiver.asked) == (State.WAITING, 1)
    assert time.monotonic() - began < 8


def test_a_receiver_that_never_answers_is_left(monkeypatch, workspace, hook, receiver):
    monkeypatch.setattr(hook_call, "SECONDS", 1)
    receiver.answers = [lambda handler: time.sleep(3)]
    say(workspace=workspace)
    outbox.send_due()
    assert only().error == "No answer within 1 seconds."


def test_nobody_is_called_in_the_house_unless_that_is_allowed(settings, workspace, hook, receiver):
    settings.WEBHOOK_NETWORKS = []
    say(workspace=workspace)
    outbox.send_due()
    assert receiver.asked == 0
    assert "127.0.0.1, which is no public address" in only().error


def test_a_name_that_leads_into_the_house_is_not_called(settings, workspace, hook, receiver):
    settings.WEBHOOK_NETWORKS = ["10.0.0.0/8"]
    Hook.objects.update(address=receiver.address.replace("127.0.0.1", "localhost"))
    say(workspace=workspace)
    outbox.send_due()
    assert receiver.asked == 0
    assert "no public address" in only().error


def test_one_that_is_off_is_told_nothing(workspace, hook, receiver, owner):
    hook.change(owner, is_on=False)
    say(workspace=workspace)
    assert not Delivery.objects.exists()


def test_a_kind_that_is_not_chosen_is_not_told(workspace, hook, receiver, owner):
    hook.change(owner, kinds=[Kind.ADVISORY])
    say(workspace=workspace)
    assert not Delivery.objects.exists()


def test_a_worker_that_ended_in_the_middle_is_followed_by_another(workspace, hook, receiver):
    say(workspace=workspace)
    long_ago = timezone.now() - outbox.LOST - timedelta(seconds=1)
    Delivery.objects.update(state=State.SENDING, claimed=long_ago, tries=1)
    outbox.send_due()
    [(headers, _, _)] = receiver.taken
    assert (headers["webhook-id"], only().state, only().tries) == (str(only().pk), State.SENT, 2)


def test_one_that_is_being_sent_is_left_to_its_worker(workspace, hook, receiver):
    say(workspace=workspace)
    Delivery.objects.update(state=State.SENDING, claimed=timezone.now(), tries=1)
    outbox.send_due()
    assert receiver.asked == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_each_once(workspace, hook, receiver, mails, editor):
    editor.email = "edgar@example.org"
    editor.save(update_fields=["email"])
    for n in range(12):
        say(editor, key=f"k{n}", workspace=workspace)
    begin = threading.Barrier(4)

    def work():
        begin.wait()
        try:
            while Delivery.objects.due().exists():
                outbox.send_due()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    deadline = time.monotonic() + 20
    while Delivery.objects.filter(state=State.SENDING).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.SENT}
    assert (receiver.asked, len({headers["webhook-id"] for headers, _, _ in receiver.taken})) == (12, 12)
    assert len(mails.taken) == 12


@pytest.mark.django_db(transaction=True)
def test_a_slow_receiver_holds_up_nobody_else(monkeypatch, settings, workspace, hook, receiver, owner):
    monkeypatch.setattr(hook_call, "SECONDS", 3)
    with receiving() as (address, others):
        _, others.secret = Hook.make(workspace, address, Kind.values, owner)
        receiver.answers = [drip]
        for n in range(5):
            say(key=f"k{n}", workspace=workspace)
        outbox.send_due()
        assert len(others.taken) == 5
        assert receiver.asked == 1  # and no further try in this turn


def test_a_mail_says_what_happened_and_where(settings, mail, mails):
    settings.PUBLIC_URL = "https://env.example.org"
    outbox.send_due()
    [envelope] = mails.taken
    text = envelope.content.decode().replace("\r\n", "\n")
    assert envelope.rcpt_tos == ["edgar@example.org"]
    assert "Subject: It ends on 1 May\n" in text
    assert f"Message-ID: <{mail.pk}@localhost>\n" in text
    assert "\n\nIt ends on 1 May\n\nTake the next one.\n\nhttps://env.example.org/there/\n" in text
    assert (only().state, only().tries) == (State.SENT, 1)


@pytest.mark.parametrize(
    ("answer", "state", "says"),
    [
        ("451 later", State.WAITING, "The mail server answered 451: later"),
        ("550 no such box", State.GIVEN_UP, "The mail server answered 550: no such box"),
        ("take and hang up", State.UNKNOWN, "it may have arrived"),
    ],
)
def test_what_a_mail_server_says_decides_whether_it_is_tried_again(mail, mails, answer, state, says):
    mails.answers = [answer]
    outbox.send_due()
    assert (only().state, says in only().error) == (state, True), only().error
    now_due()
    outbox.send_due()
    assert len(mails.taken) == (0 if state == State.GIVEN_UP else 1)


def test_a_mail_server_that_is_not_there_is_tried_later(settings, mail, mails):
    good, settings.EMAIL_PORT = settings.EMAIL_PORT, 9
    outbox.send_due()
    assert only().error.startswith("The mail server was not reached")
    settings.EMAIL_PORT = good
    now_due()
    outbox.send_due()
    assert (only().state, len(mails.taken)) == (State.SENT, 1)


def test_a_mail_whose_worker_ended_is_not_sent_again(mail, mails):
    Delivery.objects.update(state=State.SENDING, claimed=timezone.now() - outbox.LOST - timedelta(seconds=1))
    outbox.send_due()
    assert (only().state, only().error, mails.taken) == (State.UNKNOWN, outbox.LOST_MAIL, [])


def test_without_a_mail_server_no_mail_waits(editor, settings):
    editor.email = "edgar@example.org"
    settings.HAS_EMAIL = False
    say(editor)
    assert (Notice.objects.count(), Delivery.objects.count()) == (1, 0)


def test_each_is_told_as_they_chose(editor, owner, viewer, mails):
    for user in (editor, owner, viewer):
        user.email = f"{user}@example.org"
        user.save(update_fields=["email"])
    Choice.objects.save_for(editor, {(Kind.CURATED, "mail"): False})
    Choice.objects.save_for(owner, {(Kind.CURATED, "portal"): False})
    Choice.objects.save_for(viewer, {(Kind.CURATED, "portal"): False, (Kind.CURATED, "mail"): False})
    say(editor, owner, viewer)
    assert [notice.user for notice in Notice.objects.all()] == [editor]
    assert [mail.user for mail in Delivery.objects.all()] == [owner]


def test_nobody_who_left_is_told(editor):
    editor.is_active = False
    say(editor)
    assert not Notice.objects.exists()


def test_what_did_not_happen_is_not_told(editor):
    with transaction.atomic():
        say(editor)
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


def test_telling_costs_the_same_however_many_are_told(person, workspace, hook, mails, django_assert_num_queries):
    people = [person(f"p{n}", email=f"p{n}@example.org") for n in range(20)]
    for n, some in enumerate((people[:1], people)):
        with django_assert_num_queries(6):  # choices, notices, webhooks, deliveries, in a savepoint
            say(*some, key=f"k{n}", workspace=workspace)
    assert Notice.objects.count() == 21


def test_telling_many_workspaces_at_once_costs_the_same(person, owner, mails, django_assert_num_queries):
    for n, many in enumerate((1, 12)):
        tellings = []
        for k in range(many):
            there = Workspace.objects.create(name=f"w{n}{k}")
            Hook.make(there, "https://hooks.example.org/x", Kind.values, owner)
            who = [person(f"p{n}{k}{m}", email=f"p{n}{k}{m}@example.org") for m in range(2)]
            tellings.append(Telling(who, "It ends", there, "/there/", f"k{n}", workspace=there))
        with django_assert_num_queries(6):
            tell_all(Kind.CURATED, tellings)
    assert (Notice.objects.count(), Delivery.objects.filter(hook=None).count()) == (26, 26)
    calls = Delivery.objects.filter(user=None).select_related("hook")
    assert {(call.hook.workspace_id, call.data["about"]["id"]) for call in calls} == {
        (there.pk, str(there.pk)) for there in Workspace.objects.filter(name__startswith="w")
    }


def test_what_ended_long_ago_is_removed(workspace, hook, receiver, owner):
    send_test(hook, owner)
    outbox.send_due()
    outbox.tidy()
    assert Delivery.objects.count() == 1
    Delivery.objects.update(ended=timezone.now() - outbox.KEPT - timedelta(days=1))
    outbox.tidy()
    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_postman_sends_until_the_worker_ends(monkeypatch, workspace, hook, receiver):
    monkeypatch.setattr(outbox, "TURN", 0.1)
    stopping = threading.Event()
    postman = outbox.Postman(stopping)
    postman.start()
    say(workspace=workspace)
    deadline = time.monotonic() + 20
    while not receiver.taken and time.monotonic() < deadline:
        time.sleep(0.05)
    stopping.set()
    postman.join(20)
    assert (len(receiver.taken), postman.is_alive()) == (1, False)
