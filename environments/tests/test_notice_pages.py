"""The bell, the list, what one chooses, and webhooks: by page and by API."""

import re

import pytest
from django.urls import reverse

from environments import hook_words, sealing
from environments.models import Choice, Delivery, Hook, Notice
from environments.notice_models import Kind, State
from environments.notices import tell
from events.models import Event, Verb

JSON = {"content_type": "application/json"}
HOOKS = "/api/v1/workspaces/team/webhooks/"
ADDRESS = "https://hooks.example.org/services/T0/B0/secret"


@pytest.fixture
def say(workspace, environment):
    def say(*people, key="k"):
        tell(
            Kind.ADVISORY,
            people,
            f"Of {key}",
            environment,
            environment.get_absolute_url(),
            key,
            workspace=workspace,
            text="Why",
        )

    return say


@pytest.fixture
def hook(workspace, owner):
    return Hook.make(workspace, ADDRESS, [Kind.BUILD_FAILED], owner)[0]


def test_the_bell_counts_what_was_not_read(client, editor, say):
    client.force_login(editor)

    def bell():
        return re.search(rb'<a class="bell"[^>]*aria-label="([^"]*)"', client.get("/").content)[1].decode()

    assert bell() == "Notices"
    for n in range(3):
        say(editor, key=f"k{n}")
    assert bell() == "Notices, 3 unread"
    Notice.objects.bulk_create(
        Notice(user=editor, kind=Kind.ADVISORY, subject="x", once_key=f"m{n}") for n in range(120)
    )
    assert bell() == "Notices, 99+ unread"
    client.post(reverse("notices-read"))
    assert bell() == "Notices"


def test_a_part_of_a_page_does_not_count(client, editor, workspace, django_assert_num_queries):
    client.force_login(editor)
    url = reverse("environments", args=["team"])
    client.get(url, headers={"HX-Request": "true"})
    with django_assert_num_queries(5) as queries:
        client.get(url, headers={"HX-Request": "true"})
    assert not any("environments_notice" in query["sql"] for query in queries.captured_queries)


def test_whoever_goes_to_what_a_notice_is_about_has_read_it(client, editor, environment, say):
    say(editor)
    client.force_login(editor)
    notice = editor.notices.get()
    answer = client.get(reverse("notice", args=[notice.pk]))
    assert answer.headers["Location"] == environment.get_absolute_url()
    assert not editor.notices.unread().exists()


def test_a_link_that_leads_elsewhere_is_not_followed(client, editor):
    notice = Notice.objects.create(
        user=editor, kind=Kind.CURATED, subject="x", once_key="k", link="//evil.example.org/"
    )
    client.force_login(editor)
    assert client.get(reverse("notice", args=[notice.pk])).headers["Location"] == reverse("notices")


def test_notices_are_of_one_person(client, api, editor, viewer, say):
    say(editor)
    notice = editor.notices.get()
    client.force_login(viewer)
    assert client.get(reverse("notice", args=[notice.pk])).status_code == 404
    client.post(reverse("notice-read", args=[notice.pk]))
    client.post(reverse("notices-read"))
    assert editor.notices.unread().exists()
    assert api(viewer).post(f"/api/v1/notices/{notice.pk}/read/").status_code == 404
    assert api(viewer).get("/api/v1/notices/").json()["results"] == []


def test_the_api_lists_and_marks_as_read(api, editor, environment, say):
    for n in range(3):
        say(editor, key=f"k{n}")
    caller = api(editor)
    found = caller.get("/api/v1/notices/", {"limit": 2}).json()
    assert [each["subject"] for each in found["results"]] == ["Of k2", "Of k1"]
    assert [each["subject"] for each in caller.get(found["next"]).json()["results"]] == ["Of k0"]
    first = found["results"][0]
    assert first | {"created": "", "id": 0} == {
        "id": 0, "kind": "advisory", "workspace": "team", "subject": "Of k2", "text": "Why",
        "link": environment.get_absolute_url(), "created": "", "read": None,
    }  # fmt: skip
    assert caller.post(f"/api/v1/notices/{first['id']}/read/").json()["read"]
    assert len(caller.get("/api/v1/notices/", {"unread": "true"}).json()["results"]) == 2
    assert caller.post("/api/v1/notices/").status_code == 204
    assert not editor.notices.unread().exists()


def test_pages_and_api_keep_what_somebody_chooses_as_an_event(client, api, editor):
    client.force_login(editor)
    boxes = {f"{kind}-portal": "on" for kind in Kind.values}
    assert client.post(reverse("notice-choices"), boxes).status_code == 302
    wanted = Choice.objects.of(editor)
    assert [wanted[kind, "mail"] for kind in Kind.values] == [False] * 4
    event = Event.objects.get(verb=Verb.CHANGED)
    assert (event.after, event.person) == (
        {f"{kind} mail": False for kind in ("build-failed", "advisory", "curated")},
        "edgar",
    )
    caller = api(editor)
    answer = caller.patch("/api/v1/me/notices/", {"advisory": {"mail": True}}, **JSON).json()
    assert answer["advisory"] == {"portal": True, "mail": True}
    assert answer["curated"] == {"portal": True, "mail": False}
    assert caller.get("/api/v1/me/notices/").json() == answer
    assert caller.patch("/api/v1/me/notices/", {"advisory": {"mail": "perhaps"}}, **JSON).status_code == 400


@pytest.mark.parametrize(
    ("has_email", "address", "says"),
    [
        (False, "", "No mail server is set up here"),
        (True, "", "has no e-mail address"),
        (True, "e@example.org", "Mails go to e@example.org"),
    ],
)
def test_the_page_says_whether_mails_can_be_sent(client, settings, editor, has_email, address, says):
    settings.HAS_EMAIL, editor.email = has_email, address
    editor.save(update_fields=["email"])
    client.force_login(editor)
    assert says in client.get(reverse("notice-choices")).content.decode()


def test_the_last_mails_show_why_one_did_not_go(client, settings, editor, say):
    settings.HAS_EMAIL, editor.email = True, "e@example.org"
    editor.save(update_fields=["email"])
    say(editor)
    Delivery.objects.update(state=State.GIVEN_UP, error="The mail server answered 550: no such box")
    client.force_login(editor)
    assert b"The mail server answered 550: no such box" in client.get(reverse("notice-choices")).content


def test_a_webhook_is_made_on_its_page_and_its_secret_is_shown_once(client, owner, workspace):
    client.force_login(owner)
    url = reverse("hooks", args=["team"])
    page = client.post(url, {"address": ADDRESS, "kinds": ["advisory", "build-failed"]})
    hook = Hook.objects.get()
    secret = sealing.unseal(hook.sealed)
    assert secret.encode() in page.content
    assert secret.encode() not in client.get(hook.get_absolute_url()).content
    assert secret not in hook.sealed
    assert hook.kinds == ["advisory", "build-failed"]
    event = Event.objects.get(kind="webhook")
    assert event.after == {
        "address": "https://hooks.example.org/services/T0…",
        "kinds": ["advisory", "build-failed"],
        "is_on": True,
    }


def test_a_mistake_loses_nothing_that_was_typed(client, owner, workspace):
    client.force_login(owner)
    page = client.post(reverse("hooks", args=["team"]), {"address": "https://u:p@x.org/", "kinds": ["advisory"]})
    assert page.status_code == 422
    assert b"holds no user, password or fragment" in page.content
    assert b'value="https://u:p@x.org/"' in page.content
    assert client.post(reverse("hooks", args=["team"]), {"address": ADDRESS}).status_code == 422
    assert not Hook.objects.exists()


def test_a_webhook_is_changed_tested_renewed_and_deleted_by_page(client, owner, hook):
    client.force_login(owner)
    page = hook.get_absolute_url()
    assert client.post(page, {"address": "https://x.org/a", "kinds": ["curated"]}).status_code == 302
    hook.refresh_from_db()
    assert (hook.address, hook.kinds, hook.is_on) == ("https://x.org/a", ["curated"], False)
    assert client.post(page, {"address": "nonsense", "kinds": ["curated"]}).status_code == 422
    assert client.post(reverse("hook-test", args=["team", hook.pk])).status_code == 302
    assert b"A test of the webhook, by olga" in client.get(page).content
    old = hook.sealed
    shown = client.post(reverse("hook-secret", args=["team", hook.pk]))
    hook.refresh_from_db()
    assert hook.sealed != old
    assert sealing.unseal(hook.sealed).encode() in shown.content
    delivery = hook.deliveries.get()
    again = reverse("delivery-again", args=["team", hook.pk, delivery.pk])
    client.post(again)
    assert hook.deliveries.get().state == State.WAITING
    Delivery.objects.update(state=State.GIVEN_UP, tries=7)
    client.post(again)
    assert (hook.deliveries.get().state, hook.deliveries.get().tries) == (State.WAITING, 0)
    client.post(reverse("hook-delete", args=["team", hook.pk]))
    assert not (Hook.objects.exists())
    assert not (Delivery.objects.exists())


def test_the_api_does_all_of_that_too(api, owner):
    caller = api(owner)
    made = caller.post(HOOKS, {"address": ADDRESS, "kinds": ["advisory"]}, **JSON)
    assert made.status_code == 201
    body = made.json()
    secret, one = body.pop("secret"), f"{HOOKS}{body['id']}/"
    assert secret.startswith(hook_words.PREFIX)
    assert caller.get(one).json() == body
    assert caller.get(HOOKS).json()["results"] == [body]
    changed = caller.patch(one, {"kinds": ["curated", "advisory"], "is_on": False}, **JSON).json()
    assert changed == body | {"kinds": ["advisory", "curated"], "is_on": False}
    assert caller.patch(one, {"kinds": []}, **JSON).status_code == 400
    assert caller.patch(one, {"address": "ftp://x"}, **JSON).status_code == 400
    assert caller.post(f"{one}secret/").json()["secret"] not in ("", secret)
    test = caller.post(f"{one}test/")
    assert (test.status_code, test.json()["state"]) == (202, "waiting")
    [delivery] = caller.get(f"{one}deliveries/").json()["results"]
    assert delivery == test.json()
    again = f"{one}deliveries/{delivery['id']}/again/"
    assert caller.post(again).status_code == 409
    Delivery.objects.update(state=State.SENT)
    assert caller.post(again).status_code == 202
    assert caller.delete(one).status_code == 204


def test_a_hook_of_another_workspace_is_none_here(client, stranger, hook):
    client.force_login(stranger)
    assert client.get(f"/workspaces/elsewhere/webhooks/{hook.pk}/").status_code == 404
    assert client.get(f"/api/v1/workspaces/elsewhere/webhooks/{hook.pk}/").status_code == 404


def test_a_workspace_has_not_any_number_of_webhooks(client, owner, workspace, monkeypatch):
    monkeypatch.setattr("environments.notice_models.MOST_HOOKS", 1)
    client.force_login(owner)
    for status in (200, 422):
        page = client.post(reverse("hooks", args=["team"]), {"address": ADDRESS, "kinds": ["advisory"]})
        assert page.status_code == status
    assert b"Delete one first" in page.content


def test_secrets_are_sealed_anew_with_the_newest_key(settings, hook):
    from django.core.management import call_command

    secret, old = sealing.unseal(hook.sealed), settings.SECRET_KEY
    settings.SECRETS_KEYS = ["n" * 40]
    call_command("resealsecrets")
    settings.SECRET_KEY = "other" * 10
    hook.refresh_from_db()
    assert (sealing.unseal(hook.sealed), old != settings.SECRET_KEY) == (secret, True)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("name", "count"), [("hooks", 6), ("hook", 8), ("api-hooks", 4), ("api-deliveries", 5)])
def test_lists_of_webhooks_cost_the_same_however_long(
    client, owner, workspace, django_assert_num_queries, name, count, rows
):
    client.force_login(owner)
    for _ in range(rows):
        hook, _ = Hook.make(workspace, ADDRESS, Kind.values, owner)
    for n in range(rows):
        tell(Kind.ADVISORY, [], "s", workspace, "/", f"k{n}", workspace=workspace)
    url = reverse(name, args=["team", *([hook.pk] if name in ("hook", "api-deliveries") else [])])
    client.get(url)
    with django_assert_num_queries(count):
        assert client.get(url).status_code == 200
