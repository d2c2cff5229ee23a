"""Tokens: made and shown once, never stronger than their owner now, noted when used, revoked at once."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from environments.faults import UserFault
from environments.models import Role, Token, Workspace
from events.models import Event

TOKENS, API = reverse("tokens"), reverse("api-tokens")
WORKSPACES = reverse("api-workspaces")


def using(client, text):
    client.logout()
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    return client


def names(client):
    return [each["name"] for each in client.get(WORKSPACES).json()["results"]]


def test_the_page_shows_a_token_once_and_what_it_may(client, owner):
    client.force_login(owner)
    answer = client.post(TOKENS, {"name": "nightly", "scopes": ["build", "read"], "workspace": "team", "expires": ""})
    said = answer.content.decode()
    text = said.split("envp_")[1].split("<")[0]
    token = Token.objects.get()
    assert (token.scopes, token.workspace.name, token.expires) == (["read", "build"], "team", None)
    assert token.digest == Token.digest_of(f"envp_{text}")
    assert text not in client.get(TOKENS).content.decode()
    assert text not in str(list(Event.objects.values()))
    assert names(using(client, f"envp_{text}")) == ["team"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"scopes": []}, "This field is required."),
        ({"scopes": ["admin"]}, "Select a valid choice"),
        ({"expires": "2020-01-01"}, "This moment is over."),
        ({"workspace": "elsewhere"}, "Select a valid choice"),  # which the owner is not in
        ({"name": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_stays(client, owner, stranger, asked, sentence):
    client.force_login(owner)
    answer = client.post(TOKENS, {"name": "nightly", "scopes": ["read"], "expires": ""} | asked)
    said = answer.content.decode()
    assert (answer.status_code, sentence in said) == (422, True)
    assert "name" in asked or 'value="nightly"' in said
    assert not Token.objects.exists()


def test_it_ends_when_its_last_day_is_over(client, owner):
    client.force_login(owner)
    client.post(TOKENS, {"name": "n", "scopes": ["read"], "expires": timezone.localdate().isoformat()})
    assert timedelta(0) < Token.objects.get().expires - timezone.now() < timedelta(days=1)


def test_a_revoked_one_opens_nothing_from_then_on(client, owner, workspace):
    text = Token.issue(owner, "nightly")
    assert names(using(client, text)) == ["team"]
    del client.defaults["HTTP_AUTHORIZATION"]
    client.force_login(owner)
    client.post(reverse("token-revoke", args=[Token.objects.get().pk]))
    assert using(client, text).get(WORKSPACES).status_code == 401


def test_it_is_never_stronger_than_its_owner_is_now(client, workspace, owner, editor):
    caller, url = using(client, Token.issue(editor)), reverse("api-environments", args=["team"])
    assert caller.post(url, {"name": "a"}, "application/json").status_code == 201
    workspace.set_member(editor, Role.VIEWER)
    assert caller.post(url, {"name": "b"}, "application/json").status_code == 403
    workspace.remove_member(editor)
    assert caller.get(url).status_code == 404
    assert names(caller) == []
    editor.is_active = False
    editor.save()
    assert caller.get(WORKSPACES).status_code == 401


def test_a_token_of_a_workspace_that_its_owner_left_opens_nothing_there(client, workspace, owner, viewer):
    caller = using(client, Token.issue(viewer, workspace=workspace))
    assert names(caller) == ["team"]
    workspace.remove_member(viewer)
    assert names(caller) == []


def test_an_administrator_through_a_token_of_a_workspace_is_its_owner_and_no_more(
    client, administrator, workspace, stranger
):
    caller = using(client, Token.issue(administrator, workspace=workspace))
    assert names(caller) == ["team"]
    url = reverse("api-environments", args=["team"])
    assert caller.post(url, {"name": "a"}, "application/json").status_code == 201
    assert caller.get(reverse("api-environments", args=["elsewhere"])).status_code == 404
    assert caller.get(reverse("api-storage")).status_code == 403
    assert caller.post(WORKSPACES, {"name": "crew"}, "application/json").status_code == 403
    assert caller.get(reverse("api-me")).json()["roles"] == []
    events = caller.get(reverse("api-events")).json()["results"]
    assert {event["workspace"] for event in events} == {"team"}
    administrator.refresh_from_db()
    assert administrator.is_superuser


def test_an_auditor_through_a_token_of_a_workspace_sees_that_one(client, auditor, workspace, stranger, version):
    caller = using(client, Token.issue(auditor, workspace=Workspace.objects.get(name="elsewhere")))
    assert names(caller) == ["elsewhere"]
    assert caller.get(reverse("api-usage"), {"package": "idna", "how": "declared"}).json()["counts"]["versions"] == 0
    assert names(using(client, Token.issue(auditor))) == ["elsewhere", "team"]


def test_who_a_token_shows_is_never_saved(owner, workspace):
    from environments import tokens

    token = tokens.find(Token.issue(owner, workspace=workspace))
    with pytest.raises(TypeError, match="is not saved"):
        token.user.save()


def test_no_token_makes_another(client, owner):
    caller = using(client, Token.issue(owner))
    answer = caller.post(API, {"name": "child", "scopes": ["read"]}, "application/json")
    assert (answer.status_code, answer.json()["detail"]) == (403, "No token makes another one. Sign in for that.")
    assert caller.get(reverse("api-me")).json() == {
        "person": "olga",
        "roles": [],
        "scopes": ["read", "write", "build"],
    }


def test_a_use_is_written_at_most_once_a_minute(client, owner, django_assert_num_queries):
    caller = using(client, Token.issue(owner))
    caller.get(reverse("api-me"))
    used = Token.objects.get().used
    assert timezone.now() - used < timedelta(seconds=10)
    caller.get(reverse("api-me"))
    assert Token.objects.get().used == used
    Token.objects.update(used=timezone.now() - timedelta(seconds=61))
    caller.get(reverse("api-me"))
    assert timezone.now() - Token.objects.get().used < timedelta(seconds=10)
    with django_assert_num_queries(1):  # the token, its person, and their roles
        caller.get(reverse("api-me"))


def test_a_token_that_may_not_read_fetches_no_wheel(client, owner, wheel):
    url = reverse("wheel-file", args=["team", wheel.sha256, wheel.filename])
    assert using(client, Token.issue(owner, scopes=["build"])).get(url).status_code == 403
    assert using(client, Token.issue(owner, scopes=["read"])).get(url).status_code == 200


def test_there_are_not_any_number_of_them(owner, monkeypatch):
    monkeypatch.setattr("environments.token_models.MOST", 1)
    Token.issue(owner)
    with pytest.raises(UserFault, match="Revoke one first"):
        Token.issue(owner)


def test_the_same_through_the_api(client, owner, workspace, stranger):
    client.force_login(owner)
    asked = {"name": "ci", "scopes": ["build"], "workspace": "team", "expires": "2999-01-01T00:00:00Z"}
    made = client.post(API, asked, "application/json").json()
    assert made["token"].startswith("envp_")
    listed = client.get(API).json()["results"]
    assert [{name: each[name] for name in asked} for each in listed] == [asked]
    assert "token" not in listed[0]
    assert client.post(API, asked | {"workspace": "elsewhere"}, "application/json").status_code == 400
    assert client.post(API, asked | {"expires": "2020-01-01T00:00:00Z"}, "application/json").status_code == 400
    assert client.delete(reverse("api-token", args=[made["id"]])).status_code == 204
    assert not Token.objects.exists()


def test_the_command_makes_one_as_it_is_told(owner, workspace):
    said = StringIO()
    call_command(
        "createtoken", "olga", "--name", "ci", "--scopes", "read", "--workspace", "team", "--days", "3", stdout=said
    )
    token = Token.objects.get(digest=Token.digest_of(said.getvalue().strip()))
    assert (token.name, token.scopes, token.workspace) == ("ci", ["read"], workspace)
    assert timedelta(days=2) < token.expires - timezone.now() < timedelta(days=3)
    call_command("createtoken", "olga", stdout=StringIO())
    assert Token.objects.latest("pk").scopes == ["read", "write", "build"]
    for wrong in (("--workspace", "lost"), ("--days", "0")):
        with pytest.raises(CommandError):
            call_command("createtoken", "olga", *wrong, stdout=StringIO())


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer envp_nonsense", "Bearer ü"])
def test_a_token_that_is_none_is_refused(client, db, header):
    assert client.get(reverse("api-workspaces"), HTTP_AUTHORIZATION=header).status_code == 401
