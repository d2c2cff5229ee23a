"""Django's admin: for administrators alone, nothing can be broken there that pages forbid, every act is an event."""

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils import timezone

from builds import worker
from builds.models import Build, Lock, SigningKey
from builds.tests.diff_cast import built, pip
from environments.models import Membership, Role, Rule, Token, Workspace
from events.models import Event
from runs.models import Run

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
CHANGED_HERE = {"auth.User", "environments.Workspace", "environments.Rule"}
DELETED_HERE = {"auth.User", "environments.Rule", "environments.Token", "socialaccount.SocialAccount"}


def url(model, kind, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


@pytest.fixture
def root(client, administrator):
    client.force_login(administrator)
    return client


@pytest.fixture
def fill(workspace, editor, wanted):
    """Make rows of what an administrator looks at; each call makes others."""

    def fill(n):
        environment = workspace.add_environment(f"e{n}", editor)
        version = built(environment, editor, wanted(), pip("idna", f"3.{n}"))
        build = Build.objects.get(version=version)
        Run.objects.create(
            workspace=workspace,
            version=version,
            build=build,
            person=editor,
            recorded_by=editor,
            external_id=f"r{n}",
            started=timezone.now(),
        )
        Rule.objects.create(kind="package-blocked", subject=f"p{n}")
        Rule.objects.create(kind="package-blocked", subject=f"q{n}", workspace=Workspace.objects.create(name=f"w{n}"))
        Token.issue(editor, f"t{n}")
        worker.report_alive(f"celery@w{n}")
        get_user_model().objects.create_user(f"u{n}")

    return fill


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_list_costs_the_same_however_long(root, fill, model, django_assert_max_num_queries):
    counts = []
    for some in (range(1), range(1, 4)):
        for n in some:
            fill(n)
        root.get(url(model, "changelist"))
        with django_assert_max_num_queries(30) as made:
            assert root.get(url(model, "changelist")).status_code == 200
        counts.append(len(made))
    assert counts[0] == counts[1]
    assert admin.site._registry[model].list_per_page <= 100


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_what_verbs_alone_change_is_only_looked_at(root, fill, model):
    fill(1)
    there, label = model.objects.first(), model._meta.label
    may = {403: False, 200: True, 302: True}
    assert may[root.get(url(model, "add")).status_code] == (label in CHANGED_HERE)
    if there is None:
        return
    assert root.get(url(model, "change", there.pk)).status_code == 200
    answer = root.post(url(model, "change", there.pk), {})
    assert may[answer.status_code] == (label in CHANGED_HERE)
    assert may[root.get(url(model, "delete", there.pk)).status_code] == (label in DELETED_HERE)
    if label not in DELETED_HERE:
        chosen = {"action": "delete_selected", "_selected_action": [there.pk], "post": "yes"}
        root.post(url(model, "changelist"), chosen)
        assert model.objects.filter(pk=there.pk).exists()


@pytest.mark.parametrize("who", ["curator", "auditor", "owner"])
def test_nobody_else_comes_in_whatever_django_says_that_they_may(request, client, who):
    user = request.getfixturevalue(who)
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.all())
    group = Group.objects.create(name="all")
    group.permissions.set(Permission.objects.all())
    user.groups.add(group)
    client.force_login(user)
    for path in (reverse("admin:index"), *(url(model, "changelist") for model in MODELS)):
        answer = client.get(path, follow=True)
        assert (answer.status_code, b"for administrators" in answer.content) == (403, True), path


def test_what_has_no_meaning_here_is_not_offered(root, editor):
    assert Group not in admin.site._registry
    page = root.get(url(get_user_model(), "change", editor.pk)).content.decode()
    assert not [name for name in ("groups", "user_permissions", "is_staff") if f'name="{name}"' in page]


def test_the_last_administrator_stays_one(root, administrator):
    root.post(url(get_user_model(), "change", administrator.pk), {"username": "root"})
    delete = url(get_user_model(), "delete", administrator.pk)
    assert "the last administrator" in root.post(delete, {"post": "yes"}).content.decode()
    administrator.refresh_from_db()
    assert (administrator.is_active, administrator.is_superuser) == (True, True)


def test_all_owners_of_a_workspace_are_not_deleted_together(root, workspace, owner, person):
    other = person("otto")
    Membership.objects.create(workspace=workspace, user=other, role=Role.OWNER)
    chosen = {"action": "delete_selected", "_selected_action": [owner.pk, other.pk], "post": "yes"}
    root.post(url(get_user_model(), "changelist"), chosen)
    assert workspace.memberships.owners().count() == 2


def test_every_act_there_is_an_event_of_the_administrator(root, workspace, editor, person):
    people, gone = get_user_model(), person("gone")
    rule, token = Rule.objects.create(kind="package-blocked", subject="left-pad"), Token.issue(editor, "nightly")
    token = Token.objects.get(name="nightly")
    Event.objects.all()
    acts = [
        (url(people, "change", editor.pk), {"username": "eddy"}),
        (url(people, "delete", gone.pk), {"post": "yes"}),
        (url(Workspace, "change", workspace.pk), {"name": "crew"}),
        (url(Workspace, "add"), {"name": "fresh"}),
        (url(Rule, "add"), {"kind": "package-blocked", "subject": "six"}),
        (url(Rule, "delete", rule.pk), {"post": "yes"}),
        (url(Token, "delete", token.pk), {"post": "yes"}),
    ]
    for path, fields in acts:
        count = Event.objects.count()
        answer = root.post(path, fields)
        assert answer.status_code == 302, path
        assert [event.person for event in Event.objects.order_by("pk")[count:]] == ["root"], path


def test_who_is_where_is_changed_on_the_page_that_keeps_the_rules(root, workspace, owner):
    shelf = Workspace.objects.shelf()
    page = root.get(url(Workspace, "changelist")).content.decode()
    assert f'<a href="{reverse("people", args=["team"])}">People of team</a>' in page
    assert reverse("people", args=[shelf.name]) not in page
    assert "memberships-" not in root.get(url(Workspace, "change", workspace.pk)).content.decode()


def test_locks_keys_and_versions_stay_as_they_are_when_looked_at(root, fill):
    fill(1)
    before = (list(Lock.objects.values()), list(SigningKey.objects.values()))
    for model in MODELS:
        for row in model.objects.all():
            root.get(url(model, "change", row.pk))
            root.get(url(model, "history", row.pk))
    assert (list(Lock.objects.values()), list(SigningKey.objects.values())) == before
