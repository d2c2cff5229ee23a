"""Who is told of builds and advisories, in which words, and only once."""

import pytest
from django.urls import reverse

from builds import advisory_import
from builds.failures import Failure
from builds.models import Advisory, Build, Ignored, Lock, Status
from builds.tests.advisory_cast import JINJA, URLLIB, document, export
from builds.tests.diff_cast import built, pip
from builds.tests.test_models import succeed
from environments import lifecycle
from environments.models import Delivery, Hook, Membership, Notice, Role, Workspace
from environments.notice_models import Kind, State


@pytest.fixture
def hook(settings, workspace, owner):
    return Hook.make(workspace, "https://hooks.example.org/x", Kind.values, owner)[0]


@pytest.fixture
def mail(settings, editor):
    settings.HAS_EMAIL = True
    editor.email = "edgar@example.org"
    editor.save(update_fields=["email"])


def told(user):
    return list(Notice.objects.filter(user=user).values_list("kind", "subject"))


def test_who_asked_for_a_build_is_told_why_it_failed_with_the_line_that_shows_it(build, editor, owner, hook, mail):
    build.fail(Failure.CONFLICT, "No version of torch fits. It wants numpy < 2.", 41, "torch 2.1 depends on numpy<2")
    assert told(editor) == [(Kind.BUILD_FAILED, "Build of science 1 failed: No version of torch fits")]
    assert told(owner) == []
    letter = Delivery.objects.get(user=editor)
    assert letter.link == build.get_absolute_url()
    assert letter.text.startswith(
        "No version of torch fits. It wants numpy < 2.\n\nLine 41 of the log: torch 2.1 depends on numpy<2"
    )
    call = Delivery.objects.get(hook=hook)
    assert (call.data["build"], call.data["environment"], call.data["version"]) == (str(build.pk), "science", 1)
    assert (call.data["status"], call.data["quote"]) == ("failed", "torch 2.1 depends on numpy<2")


def test_a_build_that_succeeded_is_told_without_a_mail(build, editor, hook, mail):
    succeed(build)
    assert told(editor) == [(Kind.BUILD_SUCCEEDED, "Build of science 1 succeeded")]
    assert not Delivery.objects.filter(user=editor).exists()
    assert Delivery.objects.get(hook=hook).data["status"] == "succeeded"


def test_who_cancels_their_own_build_is_not_told(build, editor):
    build.cancel(editor)
    assert told(editor) == []


def test_a_build_that_somebody_else_cancelled_is_told(build, editor, owner):
    build.cancel(owner)
    assert told(editor) == [(Kind.BUILD_FAILED, "Build of science 1 was cancelled by olga")]


def test_an_answer_that_came_at_once_is_not_told(build, version, editor, hook):
    succeed(build)
    Notice.objects.all().delete()
    Delivery.objects.all().delete()
    again = version.builds.request(version, editor)
    assert again.reused_from_id
    assert not (Notice.objects.exists())
    assert not (Delivery.objects.exists())


def test_a_twin_that_waited_is_told_of_its_end(build, version, editor, owner):
    twin = version.builds.request(version, owner)
    succeed(build)
    twin.finish_from_twin()
    assert told(owner) == [(Kind.BUILD_SUCCEEDED, "Build of science 1 succeeded")]
    assert len(told(editor)) == 1


def test_a_build_ends_once_and_is_told_once(build, editor):
    assert build.fail(Failure.OURS, "one")
    assert not Build.objects.get(pk=build.pk).fail(Failure.OURS, "two")
    assert [subject for _, subject in told(editor)] == ["Build of science 1 failed: one"]


def test_who_left_the_workspace_is_told_nothing_of_it(build, editor, workspace):
    workspace.memberships.filter(user=editor).delete()
    build.fail(Failure.OURS, "because")
    assert told(editor) == []


@pytest.fixture
def locked(build):
    """A good build with a vulnerable package."""
    succeed(build)
    lock = Lock.objects.store("3.11.7", "linux-64", [pip("jinja2", "3.1.5"), pip("urllib3", "1.26.16")])
    Build.objects.filter(pk=build.pk).update(lock=lock)
    Notice.objects.all().delete()
    Delivery.objects.all().delete()
    return lock


@pytest.fixture
def bring(tmp_path):
    """Import these advisories."""
    return lambda *documents: advisory_import.run(export(tmp_path / "all.zip", *documents))


def test_every_member_is_told_of_an_advisory_on_what_their_workspace_has(
    bring, locked, editor, viewer, stranger, workspace, hook
):
    assert not bring(document(JINJA)).fault
    subject = f"{JINJA} concerns jinja2 3.1.5 in team"
    assert told(editor) == told(viewer) == [(Kind.ADVISORY, subject)]
    assert told(stranger) == []
    notice = Notice.objects.get(user=editor)
    assert notice.link == reverse("advisory", args=[JINJA])
    assert notice.text.startswith(f"{JINJA} (")
    assert "jinja2 3.1.5 in science 1." in notice.text
    [said] = Delivery.objects.get(hook=hook).data["advisories"]
    assert (said["id"], said["packages"], said["versions"]) == (JINJA, ["jinja2 3.1.5"], ["science 1"])


def test_what_was_told_is_not_told_with_the_next_import(bring, locked, editor):
    bring(document(JINJA))
    bring(document(JINJA))
    assert len(told(editor)) == 1
    bring(document(JINJA), document(URLLIB))
    assert [subject for _, subject in told(editor)][1:] == [f"{URLLIB} concerns urllib3 1.26.16 in team"]


def test_many_of_one_import_are_one_notice_and_the_same_fault_counts_once(bring, locked, editor, advisories):
    # Of the example files two tell of the same CVE.
    assert told(editor) == [(Kind.ADVISORY, "2 new advisories concern packages in team")]
    assert Notice.objects.get(user=editor).link == reverse("advisories")


def test_an_import_costs_the_same_however_many_workspaces_it_concerns(
    bring, locked, wanted, person, django_assert_max_num_queries
):
    counts = []
    for n, many in enumerate((1, 8)):
        for k in range(many):
            there, user = Workspace.objects.create(name=f"w{n}{k}"), person(f"p{n}{k}")
            Membership.objects.create(workspace=there, user=user, role=Role.OWNER)
            built(there.add_environment("e", user), user, wanted(), pip("jinja2", "3.1.5"))
        with django_assert_max_num_queries(100) as made:
            bring(*(document(JINJA, id=f"GHSA-{m}", aliases=[]) for m in range(n + 1)))
        counts.append(len(made))
    assert counts[0] == counts[1]
    assert Notice.objects.filter(subject__startswith="GHSA-1 ").count() == 10  # the team, too


def test_what_is_ignored_there_is_not_told(bring, locked, editor, owner, workspace):
    bring(document(JINJA))
    advisory = Advisory.objects.get()
    Ignored.objects.ignore(
        advisory, workspace, "Not reached", Ignored._meta.get_field("until").to_python("2999-12-31"), owner
    )
    Notice.objects.all().delete()
    advisory.matches.all().delete()
    bring(document(JINJA, summary="Changed"))
    assert told(editor) == []


def test_what_is_archived_is_not_told(bring, locked, build, editor):
    lifecycle.archive(build.version, editor)
    bring(document(JINJA))
    assert told(editor) == []


def test_an_import_that_is_undone_tells_nobody(bring, locked, editor, monkeypatch):
    # The import is one transaction to its end: what fails after the matches takes the notices with it.
    from builds import telling

    real = telling.advisories_came

    def fails_then(*args):
        real(*args)
        raise RuntimeError

    monkeypatch.setattr(telling, "advisories_came", fails_then)
    with pytest.raises(RuntimeError):
        bring(document(JINJA))
    assert told(editor) == []


def test_states_of_deliveries_have_an_icon_each():
    assert all(Delivery(state=state).shown_status for state in State)
    assert Delivery(state=State.GIVEN_UP).shown_status == Status.FAILED
