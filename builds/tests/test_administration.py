"""Workers that are drained, the queue that is ordered, what workspaces may have, and how the portal is."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from builds import quotas, schedule, worker
from builds.models import Build, Share, Status, Step, Worker
from builds.tests.test_models import succeed
from environments.faults import Refused, UserFault
from environments.models import Interpreter, Membership, Role, Workspace
from environments.wheels import PrivateWheel
from events.models import Event


@pytest.fixture
def one(db):
    worker.report_alive("celery@one")
    return Worker.objects.get()


@pytest.fixture
def sent(monkeypatch, django_capture_on_commit_callbacks):
    """Run a function and return the ids of the builds that it sent to the workers."""
    monkeypatch.setattr("builds.schedule.MOMENT", 0)

    def sent(act):
        ids = []
        monkeypatch.setattr("builds.tasks.run_build.delay", ids.append)
        with django_capture_on_commit_callbacks(execute=True):
            act()
        return ids

    return sent


@pytest.fixture
def ask(workspace, editor, wanted):
    """Ask for a build of an environment of its own, in this workspace."""

    def ask(name, workspace=workspace):
        version, _ = workspace.add_environment(name, editor).register(wanted(f"idna=={name[-1]}"), editor)
        return version.builds.request(version, editor)

    return ask


@pytest.fixture
def root(client, administrator):
    client.force_login(administrator)
    return client


def test_a_worker_says_what_it_is_and_how_its_machine_is(one):
    assert one.version == "0.1.0"
    assert all(
        (one.uv, one.rattler, one.platform.startswith("linux-"), one.cores, one.free_disk, one.free_memory, one.started)
    )
    assert (one.host, one.state) == ("one", "taking builds")


def test_a_drained_worker_takes_no_build_and_ends_what_it_has(one, ask, administrator):
    running, waiting = ask("a1"), ask("a2")
    assert schedule.claim("celery@one") == running
    assert one.drain()
    assert schedule.claim("celery@one") is None
    assert running.hear()
    assert running.finish(Status.FAILED, failure="ours", reason="x")
    wait = schedule.Queue().wait_of(waiting)
    assert (wait.cause, wait.reason) == ("no worker", "Every worker is drained; it begins when one takes builds again.")
    one.drain(False)
    assert schedule.claim("celery@one") == waiting


def test_it_is_drained_still_when_it_comes_back(one):
    one.drain()
    worker.report_gone("celery@one")
    assert Worker.objects.get().state == "not heard of"
    worker.report_alive("celery@one")
    assert Worker.objects.get().state == "draining"


def test_one_that_is_not_drained_goes_when_it_ends(one):
    worker.report_gone("celery@one")
    assert not Worker.objects.exists()


def test_what_it_was_sent_goes_to_another_that_has_room(one, ask, sent):
    build = ask("a1")
    one.drain()
    assert sent(lambda: schedule.pass_on("celery@one", str(build.pk))) == []
    worker.report_alive("celery@two")
    assert sent(lambda: schedule.pass_on("celery@one", str(build.pk))) == [str(build.pk)]
    assert sent(lambda: schedule.pass_on("celery@two", str(build.pk))) == []


def test_a_worker_that_runs_is_not_forgotten_and_a_dead_one_is(one):
    Interpreter.objects.report("celery@one", {"3.11.7": "/x"})
    with pytest.raises(UserFault, match="is running"):
        one.forget()
    Worker.objects.update(heard_at=timezone.now() - timedelta(minutes=5))
    one.forget()
    assert not Worker.objects.exists()
    assert not Interpreter.objects.exists()


def test_the_page_drains_and_each_act_is_one_event(root, one):
    for act in ("drain", "drain", "take", "nonsense"):
        assert root.post(reverse("worker", args=[one.pk]), {"act": act}).status_code == 302
    told = Event.objects.filter(kind="worker").order_by("pk").values_list("verb", "person", "after")
    assert list(told) == [("changed", "root", {"is_draining": True}), ("changed", "root", {"is_draining": False})]
    Worker.objects.update(heard_at=timezone.now() - timedelta(minutes=5))
    assert "Forget" in root.get(reverse("workers")).content.decode()
    root.post(reverse("worker", args=[one.pk]), {"act": "forget"})
    assert Event.objects.filter(kind="worker", verb="deleted").count() == 1


def test_the_page_of_workers_says_what_each_is_at(root, one, ask):
    build = ask("a1")
    schedule.claim("celery@one")
    page = root.get(reverse("workers")).content.decode()
    assert f'<a href="/builds/{build.pk}/">{build}</a> of a1 1' in page
    assert "envportal 0.1.0" in page


@pytest.mark.parametrize(
    ("to", "names"),
    [("front", ["a3", "b1", "a1", "a2"]), ("back", ["a1", "b1", "a2", "a3"]), ("turn", ["a1", "b1", "a2", "a3"])],
)
def test_a_build_is_moved_among_those_of_all_workspaces(root, one, ask, editor, to, names):
    other = Workspace.objects.create(name="other")
    Membership.objects.create(workspace=other, user=editor, role=Role.EDITOR)
    builds = {name: ask(name) for name in ("a1", "a2", "a3")} | {"b1": ask("b4", other)}
    root.post(reverse("queue-act", args=[builds["a3"].pk]), {"act": to})
    shown = [
        next(name for name, each in builds.items() if each == build)
        for build in root.get(reverse("queue")).context["builds"]
    ]
    if to == "front":
        assert shown[0] == "a3"
        assert set(shown) == set(names)
        assert [name for name in shown if name in ("a1", "a2")] == ["a1", "a2"]
    else:
        assert shown == names
    moved = Event.objects.filter(kind="build", verb="changed")
    assert moved.count() == (to != "turn")


def test_they_begin_as_they_were_put(one, ask):
    first, second = ask("a1"), ask("a2")
    assert schedule.move(second, "front")
    assert not schedule.move(second, "front")
    assert schedule.claim("celery@one") == second
    assert schedule.claim("celery@one") == first


def test_nothing_moves_that_waits_no_more(one, ask):
    build = ask("a1")
    schedule.claim("celery@one")
    assert not schedule.move(build, "front")
    assert Build.objects.get().priority == 0


def test_the_queue_cancels_with_the_name_of_who_did(root, ask):
    build = ask("a1")
    root.post(reverse("queue-act", args=[build.pk]), {"act": "cancel"})
    build.refresh_from_db()
    assert (build.status, build.reason) == ("cancelled", "Cancelled by root.")
    assert "Nothing runs and nothing waits" in root.get(reverse("queue")).content.decode()


def fill(workspace, editor, size):
    PrivateWheel.objects.create(
        workspace=workspace, filename="x-1-py3-none-any.whl", sha256="0" * 64, size=size, uploaded_by=editor
    )


def test_a_workspace_that_is_full_gets_no_new_build_and_is_told_why(build, workspace, editor, version, wanted):
    succeed(build)
    Step.objects.filter(build=build, name="install").update(bytes=3_000_000)
    fill(workspace, editor, 1_500_000)
    Share.objects.decide(workspace, None, 4)
    other = version.environment.register(wanted("idna==3.9"), editor)[0]
    with pytest.raises(
        Refused,
        match=r"team takes 4\.5 MB of the 4\.0 MB that it may: installed packages 3\.0 MB, private wheels 1\.5 MB\. A clean-up",
    ):
        other.builds.request(other, editor)
    assert version.builds.request(version, editor).reused_from == build  # which takes no room
    Share.objects.decide(workspace, None, 0)
    assert other.builds.request(other, editor)


def test_what_another_workspace_takes_is_not_counted(workspace, editor, stranger):
    fill(Workspace.objects.get(name="elsewhere"), stranger, 5_000_000)
    Share.objects.decide(workspace, 3, 1)
    quota = quotas.of(workspace)
    assert (quota.size, quota.limit, quota.at_once, quota.is_full) == (0, 1_000_000, 3, False)


def test_the_settings_say_what_is_so_where_nobody_else_does(workspace, settings):
    settings.STORAGE_PER_WORKSPACE_MB, settings.BUILDS_PER_WORKSPACE = 7, 5
    quota = quotas.of(workspace)
    assert (quota.limit, quota.at_once, quota.has_own_limit) == (7_000_000, 5, False)


def test_a_quota_is_one_event_with_before_and_after(root, workspace):
    url = reverse("quota", args=["team"])
    for _ in range(2):
        assert root.post(url, {"at_once": "3", "storage_mb": ""}).status_code == 302
    told = Event.objects.filter(object="quota of team").values_list("before", "after", "person", "workspace")
    assert list(told) == [({"at_once": None, "storage_mb": None}, {"at_once": 3, "storage_mb": None}, "root", "team")]
    page = root.post(url, {"at_once": "many", "storage_mb": "-1"})
    assert (page.status_code, list(page.context["form"].errors)) == (422, ["at_once", "storage_mb"])
    assert 'value="many"' in page.content.decode()


def test_the_page_of_a_workspace_shows_what_it_takes(client, viewer, workspace, editor):
    fill(workspace, editor, 1_500_000)
    Share.objects.decide(workspace, None, 3)
    client.force_login(viewer)
    assert "1.5 MB of 3.0 MB, 50 %" in client.get(workspace.get_absolute_url()).content.decode()


def test_the_home_of_the_administration_says_how_the_portal_is(root, one, ask, settings, build, workspace, editor):
    settings.STORAGE_MB = 4
    succeed(build)
    Step.objects.filter(build=build, name="install").update(bytes=3_000_000)
    ask("a1")
    worker.report_alive("celery@two")
    one.drain()
    page = " ".join(root.get(reverse("administration")).content.decode().split())
    assert "2 workers, 1 draining; 0 builds run, 1 waits; files of builds take 75 % of the storage budget." in page
    Worker.objects.update(is_draining=True)
    assert "No worker takes builds" in root.get(reverse("administration")).content.decode()


@pytest.mark.parametrize(
    "name",
    ["administration", "workers", "queue", "quotas", "api-workers", "api-queue", "api-quotas", "portal-policies"],
)
def test_a_page_costs_the_same_however_much_there_is(root, ask, name, django_assert_max_num_queries, editor):
    counts = []
    for n in (1, 3):
        for k in range(n):
            worker.report_alive(f"celery@{n}{k}")
            Workspace.objects.create(name=f"w{n}{k}")
            ask(f"e{n}{k}")
        root.get(reverse(name))
        with django_assert_max_num_queries(40) as made:
            assert root.get(reverse(name)).status_code == 200
        counts.append(len(made))
    assert counts[0] == counts[1]


def test_a_worker_of_another_version_is_shown_as_such(root, one):
    assert "Another version" not in root.get(reverse("workers")).content.decode()
    Worker.objects.update(version="0.0.9")
    page = root.get(reverse("workers")).content.decode()
    assert "Another version" in page
    assert "envportal 0.0.9 (the portal is 0.1.0: end this worker and start it anew)" in page
    assert root.get(reverse("api-workers")).json()["results"][0]["is_other"] is True
    home = " ".join(root.get(reverse("administration")).content.decode().split())
    assert "1 worker of another version than the portal" in home
    assert root.get(reverse("api-administration")).json()["other"] == 1
    Worker.objects.update(heard_at=timezone.now() - timedelta(minutes=5))
    assert root.get(reverse("api-administration")).json()["other"] == 0  # what does not run builds nothing


def test_the_form_of_a_quota_says_what_it_does_and_what_is_taken(root, workspace, editor, settings):
    settings.BUILDS_PER_WORKSPACE, settings.STORAGE_PER_WORKSPACE_MB = 5, 2000
    fill(workspace, editor, 1_500_000)
    page = " ".join(root.get(reverse("quota", args=["team"])).content.decode().split())
    assert "1.5 MB of 2.00 GB" in page
    assert "Empty: 5, as ENVPORTAL_BUILDS_PER_WORKSPACE says." in page
    assert "Empty: 2.00 GB, as ENVPORTAL_STORAGE_PER_WORKSPACE_MB says. 0: no limit. Refuses new builds alone" in page
