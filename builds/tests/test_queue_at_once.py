"""The queue when many act in the same moment: twenty who ask, four workers, two administrators. On both databases."""

import threading
from collections import Counter

import pytest
from django.db import connection
from django.urls import reverse

from builds import quotas, schedule, worker
from builds.models import Build, Share, Status, Worker
from environments.models import Membership, Role, Version, Workspace
from events.models import Event

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 20


def at_once(acts):
    """Do all of these in threads that begin in one moment; what one of them raised is raised."""
    begin, faults = threading.Barrier(len(acts)), []

    def run(act):
        try:
            begin.wait(30)
            act()
        except Exception as fault:
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.setattr("builds.tasks.run_build.delay", lambda pk: None)
    names = [f"celery@w{n}" for n in range(4)]
    for name in names:
        worker.report_alive(name)
    Worker.objects.update(slots=10)
    return names


@pytest.fixture
def versions(workspace, editor, wanted):
    return [workspace.add_environment(f"e{n}", editor).register(wanted(f"idna==3.{n}"), editor)[0] for n in range(MANY)]


def claim_all(names):
    """Each worker takes builds until it gets none."""

    def take(name):
        while schedule.claim(name):
            pass

    at_once([lambda name=name: take(name) for name in names for _ in range(2)])


def test_no_more_begin_than_a_workspace_may_have_when_twenty_are_asked_for_at_once(
    workers, versions, workspace, editor, wanted
):
    other = Workspace.objects.create(name="other")
    Membership.objects.create(workspace=other, user=editor, role=Role.EDITOR)
    theirs = other.add_environment("x", editor).register(wanted("idna==2.0"), editor)[0]
    Share.objects.decide(workspace, 3, None)
    at_once([lambda v=v: Version.objects.get(pk=v.pk).builds.request(v, editor) for v in [*versions, theirs]])
    assert Build.objects.queued().count() == MANY + 1
    claim_all(workers)
    running = Counter(build.workspace.name for build in Build.objects.running())
    assert running == {"team": 3, "other": 1}
    ended = Build.objects.running().filter(version__environment__workspace=workspace).first()
    ended.hear()
    assert ended.finish(Status.FAILED, failure="ours", reason="x")
    claim_all(workers)
    assert Counter(build.workspace.name for build in Build.objects.running()) == {"team": 3, "other": 1}
    quota = quotas.of(workspace)
    assert (quota.running, quota.queued, quota.at_once) == (3, MANY - 4, 3)


def test_two_administrators_who_reorder_at_once_do_not_undo_each_other(workers, versions, editor):
    builds = [version.builds.request(version, editor) for version in versions[:8]]
    last = builds[-4:]
    at_once([lambda build=build: schedule.move(build, "front") for build in last])
    moved = dict(Build.objects.filter(pk__in=[build.pk for build in last]).values_list("pk", "priority"))
    assert sorted(moved.values()) == [1, 2, 3, 4]
    assert schedule.Queue().line[:4] == sorted(moved, key=moved.get, reverse=True)
    assert Event.objects.filter(kind="build", verb="changed").count() == 4


def test_two_who_move_the_same_build_move_it_once(workers, versions, editor):
    builds = [version.builds.request(version, editor) for version in versions[:3]]
    at_once([lambda: schedule.move(builds[-1], "front")] * 2)
    assert Build.objects.get(pk=builds[-1].pk).priority == 1
    assert Event.objects.filter(kind="build", verb="changed").count() == 1


def test_one_cancels_what_another_moves(workers, versions, editor, administrator, client):
    build = versions[0].builds.request(versions[0], editor)
    at_once([lambda: schedule.move(build, "front"), lambda: Build.objects.get(pk=build.pk).cancel(administrator)])
    assert Build.objects.get(pk=build.pk).status == Status.CANCELLED
    assert not schedule.move(build, "back")


def test_who_acts_on_a_later_page_comes_back_to_the_same_row(client, administrator, workers, versions, editor):
    build = versions[0].builds.request(versions[0], editor)
    client.force_login(administrator)
    for act in ("front", "turn", "cancel"):
        answer = client.post(reverse("queue-act", args=[build.pk]) + "?page=2", {"act": act})
        assert answer.url == f"{reverse('queue')}?page=2#build-{build.pk}"
