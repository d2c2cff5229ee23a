"""Everybody who has an account: roles on the portal given and taken, accounts closed, the last administrator kept."""

import threading
import time

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from builds.models import Worker
from environments import portal_people
from environments.models import Hook, Invitation, PortalRole, Role, Session, Token
from environments.portal_people import ByGroup, Kind, LastAdministrator
from events.models import Event, Verb

LIST, API = reverse("portal-people"), reverse("api-portal-people")


@pytest.fixture
def root(client, administrator):
    client.force_login(administrator)
    return client


@pytest.fixture
def other_administrator(person):
    return person("ruth", is_superuser=True, is_staff=True)


def page_of(user):
    return reverse("portal-person", args=[user.pk])


def do(client, user, act, **asked):
    return client.post(page_of(user), {"act": act, **asked})


def roles_of(user):
    fresh = get_user_model().objects.get(pk=user.pk)
    return [each.kind.value for each in portal_people.standings(fresh) if each.is_there]


def last(**asked):
    return Event.objects.filter(**asked).latest("pk")


# The list


def names_on(answer):
    return [person.username for person in answer.context["page"]]


def test_the_list_says_who_is_what(root, auditor, curator, viewer):
    viewer.is_active = False
    viewer.email, viewer.first_name, viewer.last_name = "vera@example.org", "Vera", "Viola"
    viewer.save()
    said = root.get(LIST).content.decode()
    for text in ("aude", "Auditor", "carla", "Curator", "vera@example.org", "Vera Viola", "May not sign in", "never"):
        assert text in said


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"q": "vera"}, ["vera"]),
        ({"q": "EXAMPLE viola"}, ["vera"]),
        ({"q": "nobody"}, []),
        ({"role": "curator"}, ["carla"]),
        ({"role": "administrator"}, ["root"]),
        ({"state": "inactive"}, ["vera"]),
        ({"role": "king", "state": "active"}, ["aude", "carla", "root"]),
        ({"page": "nonsense"}, ["aude", "carla", "root", "vera"]),
    ],
)
def test_the_list_is_searched(root, auditor, curator, viewer, asked, found):
    viewer.is_active = False
    viewer.email, viewer.first_name, viewer.last_name = "vera@example.org", "Vera", "Viola"
    viewer.save()
    assert names_on(root.get(LIST, asked)) == found
    if "page" not in asked:
        assert [each["person"] for each in root.get(API, asked).json()["results"]] == found


def test_long_lists_have_pages(root, person, monkeypatch):
    monkeypatch.setattr("environments.portal_people_views.PAGE", 1)
    person("nils")
    assert names_on(root.get(LIST, {"page": 1})) == ["nils"]
    assert names_on(root.get(LIST, {"page": 2})) == ["root"]


def test_the_portal_itself_is_nobody_who_is_looked_after(root, curated):
    itself = get_user_model().objects.get(username="envportal")
    assert "envportal" not in names_on(root.get(LIST))
    assert do(root, itself, "give", role="administrator").status_code == 404
    assert root.get(reverse("api-portal-person", args=["envportal"])).status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_of_one_costs_the_same_in_however_many_workspaces(
    root, person, django_assert_num_queries, django_user_model, rows
):
    from environments.models import Workspace

    nils = person("nils")
    for n in range(rows):
        Workspace.objects.make(f"w{n}", nils)
        PortalRole.objects.create(user=nils, kind=[Kind.CURATOR, Kind.AUDITOR, Kind.CURATOR][n], is_mapped=n == 2)
    root.get(page_of(nils))
    with django_assert_num_queries(12):
        assert root.get(page_of(nils)).status_code == 200


# Roles


@pytest.mark.parametrize("role", ["administrator", "curator", "auditor"])
def test_a_role_is_given_and_taken(root, stranger, role):
    assert do(root, stranger, "give", role=role).headers["Location"] == page_of(stranger)
    assert roles_of(stranger) == [role]
    event = last()
    assert (event.person, event.about) == ("root", "stefan")
    assert event.after.get("kind", "administrator") == role
    do(root, stranger, "give", role=role)  # again is nothing
    assert last() == event
    do(root, stranger, "take", role=role)
    assert roles_of(stranger) == []
    assert (last().person, last().about) == ("root", "stefan")


def test_an_administrator_by_hand_is_one_at_once_and_no_longer(root, stranger):
    theirs = Client()
    theirs.force_login(stranger)
    assert theirs.get(LIST).status_code == 403
    do(root, stranger, "give", role="administrator")
    assert theirs.get(LIST).status_code == theirs.get(reverse("admin:index")).status_code == 200
    do(root, stranger, "take", role="administrator")
    assert theirs.get(LIST).status_code == 403
    assert theirs.get(reverse("admin:index")).status_code == 302


def test_what_a_group_gives_is_not_changed_here(root, stranger):
    for kind in Kind:
        PortalRole.objects.create(user=stranger, kind=kind, is_mapped=True)
    type(stranger).objects.filter(pk=stranger.pk).update(is_superuser=True, is_staff=True)
    said = root.get(page_of(stranger)).content.decode()
    assert said.count("by a group of the identity provider") == 3
    for act in ("give", "take"):
        for kind in Kind:
            answer = do(root, stranger, act, role=kind.value)
            assert (answer.status_code, "A group of the identity provider makes stefan" in answer.content.decode()) == (
                409,
                True,
            )
    assert roles_of(stranger) == ["administrator", "curator", "auditor"]


def test_what_is_by_hand_beside_a_group_can_be_taken(stranger):
    for is_mapped in (True, False):
        PortalRole.objects.create(user=stranger, kind=Kind.AUDITOR, is_mapped=is_mapped)
    portal_people.take(stranger, Kind.AUDITOR)
    assert [role.is_mapped for role in stranger.portal_roles.all()] == [True]
    with pytest.raises(ByGroup):
        portal_people.take(stranger, Kind.AUDITOR)


@pytest.mark.parametrize("asked", [{}, {"act": "king"}, {"act": "give"}, {"act": "give", "role": "king"}])
def test_what_makes_no_sense_changes_nothing(root, stranger, asked):
    assert root.post(page_of(stranger), asked).status_code == 200
    assert roles_of(stranger) == []


def test_djangos_own_permissions_open_nothing(client, stranger):
    from django.contrib.auth.models import Permission

    stranger.is_staff = True
    stranger.save()
    stranger.user_permissions.set(Permission.objects.all())
    client.force_login(stranger)
    assert client.get(reverse("new-workspace")).status_code == 403
    assert client.get(reverse("admin:auth_user_changelist"), follow=True).status_code == 403


PAGES = ["administration", "workers", "queue", "quotas", "settings", "portal-people", "portal-policies", "storage"]


@pytest.mark.parametrize("name", PAGES)
def test_an_auditor_sees_how_the_portal_is_and_no_button(client, auditor, administrator, build, name):
    Worker.objects.create(name="celery@one", slots=2, heard_at=timezone.now())

    def buttons():
        said = client.get(reverse(name)).content.decode()
        main = said.split("<main")[1].split("</main>")[0]
        return main.count('method="post"'), main.count('href="/admin/'), main.count("Change the quota")

    client.force_login(auditor)
    assert buttons() == (0, 0, 0)
    assert reverse("administration") in client.get(reverse("home")).content.decode()
    client.force_login(administrator)
    assert name not in ("workers", "queue", "quotas") or sum(buttons()) > 0


def test_an_auditor_sees_webhooks_and_invitations_without_what_is_secret(client, auditor, owner, workspace):
    Hook.make(workspace, "https://hooks.example.org/services/T000/secret-path", ["advisory"], owner)
    Invitation.make(workspace, Role.VIEWER, owner, "new@example.org")
    client.force_login(auditor)
    said = [client.get(reverse(name, args=["team"])).content.decode() for name in ("hooks", "people")]
    told = client.get(reverse("api-hooks", args=["team"])).json()["results"]
    assert [each["address"] for each in told] == [str(Hook.objects.get())]
    assert "hooks.example.org/services" in said[0]
    assert "new@example.org" in said[1]
    for page in said:
        main = page.split("<main")[1].split("</main>")[0]
        assert "secret-path" not in page
        assert 'method="post"' not in main
    client.force_login(owner)
    assert "secret-path" in client.get(reverse("api-hooks", args=["team"])).content.decode()


def test_an_auditor_sees_a_person_and_changes_nothing(client, auditor, owner, workspace):
    client.force_login(auditor)
    said = client.get(page_of(owner)).content.decode().split("<main")[1].split("</main>")[0]
    assert "team" in said
    assert 'method="post"' not in said
    assert "/admin/" not in said


# The last administrator


@pytest.mark.parametrize("act", ["take", "deactivate"])
def test_the_last_administrator_stays(root, administrator, person, act):
    person("ruth", is_superuser=True, is_staff=True, is_active=False)  # who may not sign in is none
    answer = do(root, administrator, act, role="administrator")
    assert answer.status_code == 409
    assert "root is the last administrator. Make somebody else one first." in answer.content.decode()
    administrator.refresh_from_db()
    assert (administrator.is_superuser, administrator.is_active) == (True, True)


def test_the_last_administrator_is_not_deleted_and_the_one_before_is(root, administrator, other_administrator):
    def delete(user):
        return root.post(reverse("admin:auth_user_delete", args=[user.pk]), {"post": "yes"})

    assert delete(other_administrator).status_code == 302
    assert "root is the last administrator" in delete(administrator).content.decode()
    assert get_user_model().objects.filter(is_superuser=True).get() == administrator
    chosen = {"action": "delete_selected", "_selected_action": administrator.pk, "post": "yes"}
    root.post(reverse("admin:auth_user_changelist"), chosen)
    assert get_user_model().objects.filter(is_superuser=True).exists()


def test_djangos_admin_changes_no_role_and_closes_no_account(root, administrator, other_administrator):
    url = reverse("admin:auth_user_change", args=[administrator.pk])
    assert root.post(url, {"username": "root", "email": "root@example.org"}).status_code == 302
    administrator.refresh_from_db()
    assert (administrator.email, administrator.is_superuser, administrator.is_staff, administrator.is_active) == (
        "root@example.org",
        True,
        True,
        True,
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("second", ["take", "deactivate"])
def test_two_administrators_cannot_end_each_other_at_the_same_time(administrator, other_administrator, second):
    first_is_done, refused = threading.Event(), []

    def end_and_wait():
        with transaction.atomic():
            portal_people.take(other_administrator, Kind.ADMINISTRATOR)
            first_is_done.set()
            time.sleep(0.5)  # the other one has begun, and this one is not committed
        connection.close()

    def end_too():
        first_is_done.wait(10)
        try:
            if second == "take":
                portal_people.take(administrator, Kind.ADMINISTRATOR)
            else:
                portal_people.deactivate(administrator)
        except LastAdministrator as fault:
            refused.append(fault)
        connection.close()

    threads = [threading.Thread(target=act) for act in (end_and_wait, end_too)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    left = get_user_model().objects.filter(is_superuser=True, is_active=True)
    assert [user.username for user in left] == ["root"]
    assert len(refused) == 1


# Accounts


def test_who_is_deactivated_is_out_at_once_and_for_good(root, editor, api, workspace):
    theirs, text = Client(), Token.issue(editor)
    theirs.force_login(editor)
    bearer = {"authorization": f"Bearer {text}"}
    assert theirs.get(reverse("home")).status_code == 200
    assert Client().get(reverse("api-me"), headers=bearer).status_code == 200
    assert "1 session would end and 1 token be revoked" in root.get(page_of(editor)).content.decode()
    assert do(root, editor, "deactivate").status_code == 302
    assert theirs.get(reverse("home")).status_code == 302
    assert Client().get(reverse("api-me"), headers=bearer).status_code == 401
    told = Event.objects.filter(about="edgar", person="root").values_list("verb", "kind", "object")
    assert ("changed", "user", "") in told
    assert ("ended", "", "sessions") in [(verb, kind, thing or "sessions") for verb, kind, thing in told]
    assert any(verb == "deleted" and kind == "token" for verb, kind, _ in told)
    assert do(root, editor, "reactivate").status_code == 302
    assert theirs.get(reverse("home")).status_code == 302  # what ended does not come back
    assert Client().get(reverse("api-me"), headers=bearer).status_code == 401
    assert Client().login(username="edgar", password="open sesame")


def test_closing_by_any_other_way_ends_the_same(editor):
    theirs = Client()
    theirs.force_login(editor)
    Token.issue(editor)
    editor.is_active = False
    editor.save()
    assert not Session.objects.filter(user=editor).exists()
    assert not editor.tokens.exists()


def test_who_would_leave_a_workspace_without_an_owner_is_said(root, owner, workspace):
    assert "Nobody else owns team." in root.get(page_of(owner)).content.decode()
    do(root, owner, "deactivate")
    owner.refresh_from_db()
    assert not owner.is_active


def test_a_new_account_is_a_member_of_nothing_and_has_no_password(root):
    answer = root.post(reverse("portal-person-new"), {"username": "nils", "email": "nils@example.org"})
    nils = get_user_model().objects.get(username="nils")
    assert answer.headers["Location"] == page_of(nils)
    assert (nils.email, nils.has_usable_password(), roles_of(nils)) == ("nils@example.org", False, [])
    assert (last().verb, last().person, last().about) == (Verb.MADE, "root", "nils")


@pytest.mark.parametrize("name", ["", "two words", "ROOT", "a\0b", "x" * 151])
def test_a_name_that_cannot_be_is_said_and_what_was_typed_stays(root, name):
    answer = root.post(reverse("portal-person-new"), {"username": name, "email": "nils@example.org"})
    assert (answer.status_code, 'value="nils@example.org"' in answer.content.decode()) == (422, True)
    assert root.post(API, {"person": name}, "application/json").status_code == 400
    assert get_user_model().objects.count() == 1


# The API


def test_the_same_through_the_api(root, stranger, administrator):
    made = root.post(API, {"person": "nils", "email": "nils@example.org"}, "application/json")
    assert made.json() == {
        "person": "nils", "name": "", "email": "nils@example.org", "roles_by_hand": [], "roles_by_group": [],
        "is_active": True, "has_password": False, "last_sign_in": None,
    }  # fmt: skip
    url = reverse("api-portal-person", args=["nils"])

    def patch(**asked):
        return root.patch(url, asked, "application/json")

    assert patch(roles_by_hand=["auditor", "curator"]).json()["roles_by_hand"] == ["curator", "auditor"]
    assert patch(roles_by_hand=["auditor"], is_active=False).json()["roles_by_hand"] == ["auditor"]
    assert root.get(url).json()["is_active"] is False
    assert patch(roles_by_hand=["king"]).status_code == 400
    assert patch(roles_by_hand=[]).json()["roles_by_hand"] == []
    own = reverse("api-portal-person", args=["root"])
    answer = root.patch(own, {"roles_by_hand": ["curator"]}, "application/json")
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "root is the last administrator. Make somebody else one first."},
    )
    assert roles_of(administrator) == ["administrator"]


def test_of_a_change_that_cannot_be_whole_nothing_happens(root, stranger):
    PortalRole.objects.create(user=stranger, kind=Kind.CURATOR, is_mapped=True)
    url = reverse("api-portal-person", args=["stefan"])
    answer = root.patch(url, {"roles_by_hand": ["administrator", "curator"], "is_active": False}, "application/json")
    assert answer.status_code == 400
    stranger.refresh_from_db()
    assert (stranger.is_active, roles_of(stranger)) == (True, ["curator"])
