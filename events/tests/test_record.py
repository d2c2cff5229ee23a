"""What an event says, and about whom."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import RequestFactory

from environments.faults import UserFault
from environments.models import Membership, Role, Rule, Token, Workspace
from envportal.tests.wheel_maker import make_wheel
from events import actor
from events.models import Event, Verb
from events.record import record


def last(**asked):
    return Event.objects.filter(**asked).latest("pk")


def test_an_event_says_who_what_and_from_where(workspace, editor, environment, settings):
    settings.PROXIES = 1
    request = RequestFactory().get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.9, 192.0.2.7")
    request.user, request.auth = editor, Token.objects.create(user=editor, name="nightly", digest="d")
    with actor.answering(request):
        event = record(Verb.CHANGED, environment, workspace, {"a": 1}, {"a": 2})
    said = Event.objects.get(pk=event.pk).as_dict()
    assert said | {"id": 0, "created": 0} == {
        "id": 0, "created": 0, "actor_kind": "person", "person": "edgar", "token": f"{request.auth.pk} nightly",
        "address": "192.0.2.7", "verb": "changed", "kind": "environment", "object_id": str(environment.pk),
        "object": "science", "about": "", "workspace": "team", "before": {"a": 1}, "after": {"a": 2}, "position": None,
        "digest": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "proxies", "found"),
    [
        ("203.0.113.9", 0, "10.0.0.1"),  # nobody's word is taken
        ("203.0.113.9, 192.0.2.7", 1, "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7", 2, "203.0.113.9"),
        ("192.0.2.7", 2, "10.0.0.1"),  # it did not come through both
        ("", 1, "10.0.0.1"),
        ("<script>", 1, "10.0.0.1"),
        ("2001:db8::1", 1, "2001:db8::1"),
    ],
)
def test_proxies_are_believed_as_far_as_a_setting_says(told, proxies, found):
    assert actor.address_of({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": told}, proxies) == found


def test_who_acts_without_a_request(editor, monkeypatch):
    assert actor.current(editor) == actor.Actor("person", "edgar")
    monkeypatch.setattr(actor, "_process", "worker w1")
    assert actor.current() == actor.Actor("portal", "worker w1")
    monkeypatch.setattr(actor, "_process", "")
    monkeypatch.setattr("sys.argv", ["manage.py", "clean", "--do"])
    assert actor.current() == actor.Actor("portal", "command clean")


def test_nobody_is_somebody_with_an_address(db):
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    with actor.answering(request):
        assert actor.current() == actor.Actor("nobody", address="127.0.0.1")


def test_whatever_text_it_is_it_can_be_kept(db):
    event = record(Verb.DENIED, "a\0b\ud800" + "x" * 300, after={"k": ["\0", "y" * 9000, 1.5, True, None]})
    kept = Event.objects.get(pk=event.pk)
    assert kept.object.startswith("a␀b?x")
    assert len(kept.object) == 255
    assert kept.after["k"][0] == "␀"
    assert (len(kept.after["k"][1]), kept.after["k"][2:]) == (2000, [1.5, True, None])


def test_what_fails_leaves_no_event(workspace, editor, environment):
    count = Event.objects.count()
    with pytest.raises(UserFault):
        workspace.add_environment("science", editor)
    with transaction.atomic():
        workspace.add_environment("other", editor)
        transaction.set_rollback(True)
    assert Event.objects.count() == count


def test_an_act_costs_one_insert(workspace, editor, django_assert_num_queries):
    with django_assert_num_queries(1):
        record(Verb.MADE, editor, workspace)


def test_members_and_their_roles(workspace, editor):
    member = Membership.objects.get(user=editor)
    made = last(kind="membership", about="edgar")
    assert (made.verb, made.workspace, made.after) == ("made", "team", {"role": "editor"})
    member.role = Role.OWNER
    member.save()
    assert last().changes == [("role", "editor", "owner")]
    member.delete()
    assert (last().verb, last().before, last().about) == ("deleted", {"role": "owner"}, "edgar")


def test_people_without_their_passwords(editor):
    editor.set_password("another sesame")
    editor.is_active = False
    editor.save()
    event = last()
    assert (event.kind, event.about, event.object) == ("user", "edgar", "")
    assert event.before == {"is_active": True}
    assert event.after == {"is_active": False, "password": "another one"}


def test_what_stays_as_it_is_is_no_event(workspace, editor):
    count = Event.objects.count()
    workspace.save()
    editor.save()
    assert Event.objects.count() == count


def test_tokens_rules_and_workspaces(editor):
    Token.issue(editor, "nightly")
    assert (last().verb, last().kind, last().about, last().after) == (
        "made",
        "token",
        "edgar",
        {"name": "nightly", "scopes": ["read", "write", "build"], "expires": None},
    )
    rule = Rule.objects.create(kind="package-blocked", subject="left-pad")
    assert last().after["subject"] == "left-pad"
    rule.delete()
    assert (last().verb, last().kind) == ("deleted", "rule")
    Workspace.objects.create(name="new")
    assert (last().verb, last().workspace) == ("made", "new")


def test_a_change_in_the_administration_is_of_the_administrator(client, person, workspace):
    client.force_login(person("root", is_superuser=True, is_staff=True))
    count = Event.objects.count()
    assert client.post(f"/admin/environments/workspace/{workspace.pk}/change/", {"name": "crew"}).status_code == 302
    assert Event.objects.count() == count + 1
    event = last()
    assert (event.person, event.address, event.changes) == ("root", "127.0.0.1", [("name", "team", "crew")])


def test_a_secret_without_its_value(workspace, owner):
    workspace.set_secret("TOKEN", "hunter22", ["a.example.org"], owner)
    workspace.set_secret("TOKEN", "hunter23", [], owner)
    assert (last().verb, last().object, last().changes) == ("replaced", "TOKEN", [("hosts", ["a.example.org"], [])])
    workspace.secrets.get().delete()
    assert (last().verb, last().before) == ("deleted", {"hosts": []})
    assert "hunter" not in str(list(Event.objects.values()))


def test_wheels_come_and_go(workspace, editor, upload):
    wheel, _ = workspace.add_wheel(upload(make_wheel()), editor)
    assert (last().verb, last().object, last().after["sha256"]) == ("uploaded", wheel.filename, wheel.sha256)
    workspace.add_wheel(upload(make_wheel()), editor)
    wheel.delete_unused()
    assert [event.verb for event in Event.objects.filter(kind="private wheel")] == ["uploaded", "deleted"]


def test_signing_in_and_failing_to(client, editor):
    client.post("/sign-in/", {"username": "edgar", "password": "wrong"})
    assert (last().verb, last().actor_kind, last().about, last().person) == ("sign-in-failed", "nobody", "edgar", "")
    client.post("/sign-in/", {"username": "edgar", "password": "open sesame"})
    assert (last().verb, last().person, last().address) == ("signed-in", "edgar", "127.0.0.1")
    client.post("/sign-out/")
    assert (last().verb, last().person) == ("signed-out", "edgar")


def test_a_token_that_opens_nothing(client, db):
    client.get("/api/v1/workspaces/", HTTP_AUTHORIZATION="Bearer envp_nonsense")
    assert (last().verb, last().object, last().actor_kind) == ("token-refused", "/api/v1/workspaces/", "nobody")


def test_through_which_token(api, editor, workspace):
    api(editor).post("/api/v1/workspaces/team/environments/", {"name": "n"}, content_type="application/json")
    assert (last().verb, last().person, last().token) == ("made", "edgar", str(Token.objects.get().pk))


def test_a_build_from_its_beginning_to_its_end(build, editor, version):
    def verbs():
        return list(Event.objects.filter(kind="build").values_list("verb", "person", "after__status"))

    assert verbs() == [("requested", "edgar", "queued")]
    build.fail("ours", "It broke. Much more.")
    assert last().after == {"status": "failed", "failure": "ours", "reason": "It broke"}
    again = version.builds.request(version, editor, anew=True)
    again.cancel(editor)
    assert not again.cancel(editor)
    assert verbs()[2:] == [("rebuilt", "edgar", "queued"), ("cancelled", "edgar", "cancelled")]
