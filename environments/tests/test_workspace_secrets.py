import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from environments.faults import UserFault
from environments.models import Rule, Secret, Workspace

PAGE = reverse("secrets", args=["team"])
API = reverse("api-secret", args=["team", "TOKEN"])


def test_a_value_is_sealed_in_the_database_and_opens_again(secret):
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM environments_secret")
        assert "hunter22" not in str(cursor.fetchall())
    assert Secret.objects.get().value == "hunter22"
    assert "hunter22" not in repr(secret) + str(vars(secret))


def test_the_same_value_is_sealed_otherwise_each_time(secret, workspace, owner):
    other, _ = workspace.set_secret("OTHER", "hunter22", [], owner)
    assert other.sealed != secret.sealed


def test_setting_it_again_replaces_it_and_says_who(secret, workspace, editor):
    Secret.objects.open(["TOKEN"])
    again, is_new = workspace.set_secret("TOKEN", "another-one\n", [], editor)
    assert (again.pk, is_new, again.value, again.changed_by, again.hosts) == (
        secret.pk,
        False,
        "another-one",
        editor,
        [],
    )
    assert again.changed > secret.changed
    assert again.used is None


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("token", "hunter22", "name"),
        ("1TOKEN", "hunter22", "name"),
        ("TO-KEN", "hunter22", "name"),
        ("", "hunter22", "name"),
        ("T" * 64, "hunter22", "name"),
        ("TOKEN", "four", "value"),
        ("TOKEN", "", "value"),
        ("TOKEN", " hunter22", "value"),
        ("TOKEN", "hunter\n22", "value"),
        ("TOKEN", "hunter\x0022", "value"),
        ("TOKEN", "x" * 4001, "value"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_a_sentence_that_does_not_repeat_it(workspace, owner, name, value, field):
    with pytest.raises(UserFault) as refused:
        workspace.set_secret(name, value, [], owner)
    assert refused.value.field == field
    assert len(value) < 2 or value not in refused.value.message
    assert not Secret.objects.exists()


# Keys


def test_a_new_key_in_front_seals_and_the_old_ones_still_open(secret, settings):
    settings.SECRETS_KEYS = ["a new key of thirty-two characters"]
    assert Secret.objects.get().value == "hunter22"
    call_command("resealsecrets", stdout=StringIO())
    settings.SECRET_KEY = "gone"
    assert Secret.objects.get().value == "hunter22"
    settings.SECRETS_KEYS = []
    with pytest.raises(UserFault, match="The secret TOKEN was sealed with a key that this portal does not have"):
        _ = Secret.objects.get().value


def test_what_no_key_opens_is_named_when_all_are_sealed_again(secret, workspace, owner, settings):
    settings.SECRET_KEY = "gone"
    workspace.set_secret("NEWER", "hunter22", [], owner)
    with pytest.raises(CommandError, match="No key opens TOKEN of team"):
        call_command("resealsecrets", stdout=StringIO())


# Pages


def test_the_page_sets_replaces_and_deletes_and_never_shows_a_value(client, owner, workspace):
    client.force_login(owner)
    said = client.post(
        PAGE, {"name": "TOKEN", "value": "hunter22", "hosts": "A.example.org, b.example.org"}, follow=True
    )
    assert "TOKEN is set." in said.content.decode()
    assert Secret.objects.get().hosts == ["a.example.org", "b.example.org"]
    said = client.post(PAGE, {"name": "TOKEN", "value": "hunter33", "hosts": ""}, follow=True).content.decode()
    assert "TOKEN has its new value" in said
    assert Secret.objects.get().value == "hunter33"
    for url in (PAGE, f"{PAGE}?name=TOKEN", f"{PAGE}TOKEN/delete/", API, reverse("api-secrets", args=["team"])):
        said += client.get(url).content.decode()
    assert "TOKEN" in said
    assert not re.search("hunter|gAAAA", said)
    client.post(f"{PAGE}TOKEN/delete/")
    assert not Secret.objects.exists()


def test_what_was_typed_stays_but_the_value(client, owner, workspace):
    client.force_login(owner)
    answer = client.post(PAGE, {"name": "token", "value": "hunter22", "hosts": "https://x"})
    said = answer.content.decode()
    assert answer.status_code == 422
    assert "is no name of a host" in said
    assert 'value="token"' in said
    assert "hunter22" not in said


def test_a_viewer_sees_names_and_no_form(client, viewer, secret):
    client.force_login(viewer)
    said = client.get(PAGE).content.decode()
    assert "TOKEN" in said
    assert "index.example.org" in said
    assert 'name="value"' not in said
    assert "/delete/" not in said


def test_a_version_says_which_secrets_the_workspace_has(client, editor, secret, environment, wanted):
    line = "--index-url https://me:${TOKEN}@h.org/${MISSING}/simple"
    version, _ = environment.register(wanted(line, "six==1"), editor)
    assert version.secrets == {"MISSING": False, "TOKEN": True}
    assert not [each for each in version.findings if each["code"].startswith("secret-")]
    client.force_login(editor)
    said = client.get(version.get_absolute_url()).content.decode()
    assert "<code>MISSING</code> <svg" in said
    assert f'{PAGE}?name=MISSING#set">not set here' in said
    assert '<code>TOKEN</code> <span class="muted">set here' in said


def test_the_editor_says_which_secret_is_missing(client, editor, secret):
    client.force_login(editor)
    text = "dependencies:\n- python=3.11\n- pip:\n  - --index-url https://me:${TOKEN}@h.org/${MISSING}/s\n  - six==1\n"
    said = client.post(reverse("new-environment", args=["team"]), {"conda": text, "view": "text", "edit": "check"})
    found = re.findall(r'data-code="(secret-\w+)"', said.content.decode())
    assert sorted(found) == ["secret-missing", "secret-named"]


def test_secrets_of_another_workspace_are_none_of_this_one(secret):
    elsewhere = Workspace.objects.create(name="elsewhere")
    assert Rule.objects.policy(elsewhere).secrets == frozenset()
    assert Rule.objects.policy(secret.workspace).secrets == {"TOKEN"}
    assert Rule.objects.policy().secrets is None


# API


def test_the_api_takes_a_value_and_gives_none(api, owner, workspace):
    caller = api(owner)
    said = caller.put(API, {"value": "hunter22", "hosts": ["index.example.org"]}, content_type="application/json")
    assert said.status_code == 201
    assert set(said.json()) == {"name", "hosts", "changed_by", "created", "changed", "used"}
    assert (said.json()["name"], said.json()["changed_by"], said.json()["used"]) == ("TOKEN", "olga", None)
    assert caller.get(API).json() == said.json()
    assert caller.put(API, {"value": "hunter33"}, content_type="application/json").status_code == 200
    assert Secret.objects.get().value == "hunter33"
    assert caller.delete(API).status_code == 204
    assert caller.get(API).status_code == 404


@pytest.mark.parametrize(
    ("name", "data", "field"),
    [
        ("TOKEN", {"value": "four"}, "value"),
        ("TOKEN", {}, "value"),
        ("TOKEN", {"value": "hunter22", "hosts": ["https://h.org"]}, "hosts"),
        ("token", {"value": "hunter22"}, "name"),
    ],
)
def test_the_api_names_the_field_that_is_wrong(api, owner, workspace, name, data, field):
    url = reverse("api-secret", args=["team", name])
    answer = api(owner).put(url, data, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert "hunter22" not in answer.content.decode()
