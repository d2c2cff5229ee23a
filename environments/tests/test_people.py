"""Who is in a workspace, who invites whom, and what roles on the whole portal let people see."""

import threading
import time
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from environments import portal_roles
from environments.faults import UserFault
from environments.invitations import Gone
from environments.models import Invitation, LastOwner, Membership, PortalRole, Role, Workspace
from events.models import Event, Verb

PEOPLE = reverse("people", args=["team"])


def roles(workspace):
    return dict(workspace.memberships.values_list("user__username", "role"))


def last(**asked):
    return Event.objects.filter(**asked).latest("pk")


# Members


def test_an_owner_adds_changes_and_removes(client, workspace, owner, stranger):
    client.force_login(owner)
    assert (
        "Added stefan as viewer." in client.post(PEOPLE, {"person": "stefan", "role": 1}, follow=True).content.decode()
    )
    client.post(PEOPLE, {"person": "stefan", "role": 2})
    assert roles(workspace) == {"olga": Role.OWNER, "stefan": Role.EDITOR}
    assert (last().person, last().about, last().changes) == ("olga", "stefan", [("role", "viewer", "editor")])
    client.post(reverse("member-remove", args=["team", "stefan"]))
    assert roles(workspace) == {"olga": Role.OWNER}
    assert reverse("member-remove", args=["team", "olga"]) not in client.get(PEOPLE).content.decode()  # but leaves


def test_somebody_who_is_not_there_is_named_and_what_was_typed_stays(client, owner):
    client.force_login(owner)
    answer = client.post(PEOPLE, {"person": "nils", "role": 2})
    said = answer.content.decode()
    assert answer.status_code == 422
    assert "There is no active user named nils." in said
    assert 'value="nils"' in said


def test_a_viewer_sees_who_is_there_and_changes_nothing(client, viewer, owner):
    client.force_login(viewer)
    said = client.get(PEOPLE).content.decode()
    assert "olga" in said
    assert "where you are viewer" in said
    assert "Add somebody" not in said
    assert "Open invitations" not in said


@pytest.mark.parametrize("act", ["leave", "demote", "remove"])
def test_the_last_owner_stays(client, workspace, owner, editor, administrator, act):
    client.force_login(administrator if act == "remove" else owner)
    if act == "demote":
        answer = client.post(PEOPLE, {"person": "olga", "role": 1})
        assert answer.status_code == 422
    else:
        url = reverse("leave", args=["team"]) if act == "leave" else reverse("member-remove", args=["team", "olga"])
        answer = client.post(url)
        assert answer.status_code == 409
    assert "olga is the last owner of team. Make somebody else an owner first." in answer.content.decode()
    assert roles(workspace)["olga"] == Role.OWNER


def test_an_owner_who_may_not_sign_in_is_none(workspace, owner, join):
    other = join("otto", Role.OWNER)
    other.is_active = False
    other.save()
    with pytest.raises(LastOwner):
        workspace.remove_member(owner)
    workspace.remove_member(other)


def test_leaving_ends_at_home_and_the_workspace_is_gone(client, viewer, workspace, owner):
    client.force_login(viewer)
    answer = client.post(reverse("leave", args=["team"]), follow=True)
    assert "You left team." in answer.content.decode()
    assert client.get(PEOPLE).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_owners_cannot_leave_at_the_same_time(workspace, owner, join):
    other = join("otto", Role.OWNER)
    first_is_gone, refused = threading.Event(), []

    def leave_and_wait():
        with transaction.atomic():
            Workspace.objects.get(name="team").remove_member(owner)
            first_is_gone.set()
            time.sleep(0.5)  # the other one has begun, and this one is not committed
        connection.close()

    def leave_too():
        first_is_gone.wait(10)
        try:
            Workspace.objects.get(name="team").remove_member(other)
        except LastOwner as fault:
            refused.append(fault)
        connection.close()

    threads = [threading.Thread(target=act) for act in (leave_and_wait, leave_too)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert roles(workspace) == {"otto": Role.OWNER}
    assert len(refused) == 1


# Groups of an identity provider


def test_a_group_gives_more_than_people_and_takes_no_more_than_it_gave(workspace, editor):
    member = Membership.objects.get(user=editor)
    member.follow_group(Role.OWNER)
    assert (member.role, member.given, member.is_by_group) == (Role.OWNER, Role.EDITOR, True)
    member.follow_group(Role.VIEWER)
    assert (member.role, member.given) == (Role.EDITOR, None)
    member.follow_group(0)
    assert Membership.objects.get(user=editor).role == Role.EDITOR


def test_what_only_a_group_gave_goes_with_it(workspace, stranger):
    member = Membership.objects.create(workspace=workspace, user=stranger, role=Role.EDITOR, given=0)
    member.follow_group(Role.VIEWER)
    assert (member.role, member.given) == (Role.VIEWER, 0)
    member.follow_group(0)
    assert roles(workspace) == {}


def test_what_an_owner_decides_is_by_people(workspace, stranger, owner):
    Membership.objects.create(workspace=workspace, user=stranger, role=Role.EDITOR, given=0)
    member, _ = workspace.set_member(stranger, Role.VIEWER)
    assert (member.role, member.given) == (Role.VIEWER, None)


def test_the_database_knows_that_groups_give_more(workspace, stranger):
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(workspace=workspace, user=stranger, role=Role.EDITOR, given=Role.EDITOR)


# Invitations


def test_an_invitation_makes_a_member_once(client, invitation, workspace, stranger, person):
    url = reverse("invitation", args=[invitation[1]])
    assert client.get(url).headers["Location"] == f"/sign-in/?next={url}"
    client.force_login(stranger)
    assert "olga invites you to team" in client.get(url).content.decode()
    assert client.post(url).headers["Location"] == workspace.get_absolute_url()
    assert roles(workspace)["stefan"] == Role.VIEWER
    assert last(verb=Verb.ACCEPTED).person == "stefan"
    client.force_login(person("nils"))
    answer = client.post(url)
    assert answer.status_code == 410
    assert "was used already" in answer.content.decode()
    assert "nils" not in roles(workspace)


def test_only_a_hash_of_its_secret_is_kept(invitation):
    made, text = invitation
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM environments_invitation")
        assert text not in str(cursor.fetchall())
    assert text not in str(list(Event.objects.values()))
    assert text not in repr(made) + str(vars(made))


def test_an_invitation_ends(client, invitation, stranger):
    Invitation.objects.update(expires=timezone.now())
    client.force_login(stranger)
    answer = client.post(reverse("invitation", args=[invitation[1]]))
    assert (answer.status_code, "ended after 7 days" in answer.content.decode()) == (410, True)


def test_an_invitation_is_worth_what_its_sender_is(invitation, workspace, owner, stranger, join):
    join("otto", Role.OWNER)
    workspace.set_member(owner, Role.EDITOR)
    with pytest.raises(Gone, match="olga, who sent this invitation, is no owner of team any more"):
        invitation[0].accept(stranger)
    owner.is_active = False
    owner.save()
    workspace.set_member(owner, Role.OWNER)
    with pytest.raises(Gone):
        Invitation.objects.get().accept(stranger)


def test_it_raises_a_role_and_never_lowers_one(workspace, owner, viewer, editor):
    made, _ = Invitation.make(workspace, Role.EDITOR, owner)
    with pytest.raises(Gone, match="You are in team already, as editor"):
        made.accept(editor)
    made.accept(viewer)
    assert roles(workspace)["vera"] == Role.EDITOR


@pytest.mark.django_db(transaction=True)
def test_of_two_who_accept_at_once_one_comes_in(invitation, workspace, stranger, person):
    made, _ = invitation
    other, gone = person("nils"), []

    def accept(user):
        try:
            Invitation.objects.select_related("workspace", "by").get(pk=made.pk).accept(user)
        except Gone as fault:
            gone.append(fault)
        connection.close()

    threads = [threading.Thread(target=accept, args=[user]) for user in (stranger, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(gone) == 1
    assert len(roles(workspace)) == 2


@pytest.mark.django_db(transaction=True)
def test_an_invitation_is_not_accepted_while_its_sender_is_made_less(invitation, workspace, owner, stranger, join):
    join("otto", Role.OWNER)
    made, is_less, gone = invitation[0], threading.Event(), []

    def make_less():
        with transaction.atomic():
            Workspace.objects.get(name="team").set_member(owner, Role.VIEWER)
            is_less.set()
            time.sleep(0.5)  # the other one has begun, and this one is not committed
        connection.close()

    def accept():
        is_less.wait(10)
        try:
            Invitation.objects.select_related("workspace", "by").get(pk=made.pk).accept(stranger)
        except Gone as fault:
            gone.append(fault)
        connection.close()

    threads = [threading.Thread(target=act) for act in (make_less, accept)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(gone) == 1
    assert "stefan" not in roles(workspace)


def test_the_page_shows_the_link_once_and_sends_it_where_there_is_mail(client, owner, workspace, settings):
    client.force_login(owner)
    said = client.post(reverse("invite", args=["team"]), {"email": "nils@example.org", "role": 2}).content.decode()
    assert "The portal could not send it." in said
    assert "http://testserver/invitations/" in said
    assert not mail.outbox
    settings.HAS_EMAIL = True
    said = client.post(reverse("invite", args=["team"]), {"email": "nils@example.org", "role": 2}).content.decode()
    assert "Sent to nils@example.org" in said
    link = mail.outbox[0].body.split("\n\n")[1]
    assert Invitation.objects.find(link.split("/")[-2]).email == "nils@example.org"
    assert "/invitations/" not in client.get(PEOPLE).content.decode().replace("/people/invitations/", "")


def test_what_is_taken_back_opens_nothing(client, owner, invitation, stranger):
    client.force_login(owner)
    client.post(reverse("invitation-revoke", args=["team", invitation[0].pk]))
    assert (last().verb, last().kind) == ("deleted", "invitation")
    client.force_login(stranger)
    assert client.get(reverse("invitation", args=[invitation[1]])).status_code == 410


def test_there_are_not_any_number_of_open_ones(workspace, owner, monkeypatch):
    monkeypatch.setattr("environments.invitations.MOST_OPEN", 1)
    Invitation.make(workspace, Role.VIEWER, owner)
    with pytest.raises(UserFault, match="Take some back first"):
        Invitation.make(workspace, Role.VIEWER, owner)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("name", "count"), [("people", 8), ("api-invitations", 4)])
def test_open_invitations_cost_the_same_however_many(
    client, workspace, owner, django_assert_num_queries, name, count, rows
):
    for _ in range(rows):
        Invitation.make(workspace, Role.VIEWER, owner)
    client.force_login(owner)
    url = reverse(name, args=["team"])
    client.get(url)
    with django_assert_num_queries(count):
        assert client.get(url).status_code == 200


def test_the_same_through_the_api(api, owner, stranger, workspace):
    caller, url = api(owner), reverse("api-invitations", args=["team"])
    made = caller.post(url, {"role": "editor"}, content_type="application/json").json()
    assert made["role"] == "editor"
    assert [each["id"] for each in caller.get(url).json()["results"]] == [made["id"]]
    assert "link" not in caller.get(url).json()["results"][0]
    taken = {"invitation": made["link"].split("/")[-2]}
    answer = api(stranger).post(reverse("api-invitation-accept"), taken, content_type="application/json")
    assert answer.json()["role"] == "editor"
    members = api(owner).get(reverse("api-members", args=["team"])).json()["results"]
    assert [(each["person"], each["role"], each["by_group"]) for each in members] == [
        ("olga", "owner", False),
        ("stefan", "editor", False),
    ]
    assert api(owner).delete(reverse("api-member", args=["team", "olga"])).status_code == 400  # the last owner


# New workspaces


def test_administrators_make_workspaces_or_everybody(client, stranger, settings):
    client.force_login(stranger)
    assert client.post(reverse("new-workspace"), {"name": "crew"}).status_code == 403
    settings.WORKSPACES_BY = "everybody"
    assert client.post(reverse("new-workspace"), {"name": "crew"}).headers["Location"] == "/workspaces/crew/"
    assert roles(Workspace.objects.get(name="crew")) == {"stefan": Role.OWNER}
    answer = client.post(reverse("new-workspace"), {"name": "elsewhere"})
    assert (answer.status_code, "There is a workspace named elsewhere" in answer.content.decode()) == (422, True)
    assert client.post(reverse("new-workspace"), {"name": "two words"}).status_code == 422


# The whole portal


def seen_by(client, user):
    """What a person finds of the workspace `team` in lists, counts, searches and suggestions."""
    client.force_login(user)
    audit = client.get(reverse("api-usage"), {"package": "idna"}).json()
    return {
        "workspaces": [each["name"] for each in client.get(reverse("api-workspaces")).json()["results"]],
        "versions": audit["counts"]["versions"],
        "builds": audit["counts"]["builds"],
        "suggested": "idna" in client.get(reverse("suggest"), {"manager": "pip", "q": "idn"}).content.decode(),
        "home": "1 in the queue" in client.get(reverse("home")).content.decode(),
    }


def test_an_auditor_counts_all_and_a_curator_nothing(client, version, editor, auditor, curator, administrator):
    from builds.tests.test_models import succeed

    succeed(version.builds.request(version, editor))
    version.builds.request(version, editor, anew=True)
    everything = {"workspaces": ["team"], "versions": 1, "builds": 1, "suggested": True, "home": True}
    assert seen_by(client, auditor) == everything
    assert seen_by(client, administrator) == everything
    nothing = {"workspaces": [], "versions": 0, "builds": 0, "suggested": False, "home": False}
    assert seen_by(client, curator) == nothing


def test_what_roles_on_the_portal_let_people_do(curator, auditor, administrator, stranger, workspace):
    may = {
        who.username: [
            permission
            for permission in ("environments.curate", "builds.view_storage", "builds.clean_storage")
            if who.has_perm(permission)
        ]
        for who in (curator, auditor, administrator, stranger)
    }
    assert may == {
        "carla": ["environments.curate"],
        "aude": ["builds.view_storage"],
        "root": ["environments.curate", "builds.view_storage", "builds.clean_storage"],
        "stefan": [],
    }
    assert auditor.has_perm("environments.view_workspace", workspace)
    assert not auditor.has_perm("builds.make_archive", workspace)
    assert workspace.role_word(auditor) == "auditor"


def test_an_auditor_who_is_a_member_does_what_members_do(auditor, workspace, viewer, environment):
    workspace.set_member(auditor, Role.EDITOR)
    assert auditor.has_perm("environments.change_environment", Workspace.objects.get())


def test_roles_come_with_the_person(client, auditor, workspace, django_assert_num_queries):
    client.force_login(auditor)
    user = portal_roles.with_roles(type(auditor).objects.all()).get(pk=auditor.pk)
    with django_assert_num_queries(0):
        assert portal_roles.sees_all(user)
        assert not portal_roles.has(user, PortalRole.Kind.CURATOR)


# The administration


def test_the_last_owner_is_not_deleted(client, administrator, owner, workspace):
    client.force_login(administrator)
    answer = client.post(reverse("admin:auth_user_delete", args=[owner.pk]), {"post": "yes"})
    assert "olga is the last owner of team" in answer.content.decode()
    assert roles(workspace) == {"olga": Role.OWNER}


def test_an_invitation_does_not_outlive_its_days_by_much(invitation):
    made, _ = invitation
    assert made.expires - made.created < timedelta(days=7, minutes=1)
