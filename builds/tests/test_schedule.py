"""Which build begins, what the others wait for, and how it is told."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from builds import schedule
from builds.failures import Failure
from builds.models import Build, Lock, Share, Status, Worker, build_succeeded
from builds.schedule import Cause
from builds.tasks import run_build, tend_builds
from builds.tests.test_models import PACKAGE, succeed
from builds.worker import put_right_what_the_clock_did
from environments.models import Workspace


@pytest.fixture
def ask(editor, wanted):
    """Ask for builds, by names such as `a3`: each of a definition of its own, in the workspace a."""

    def ask(*names, key=""):
        builds = []
        for name in names:
            workspace, _ = Workspace.objects.get_or_create(name=name[0] * 3)
            environment = workspace.add_environment(name, editor)
            version, _ = environment.register(wanted(f"idna=={key or ''.join(map(str, name.encode()))}"), editor)
            builds.append(version.builds.request(version, editor))
        return builds if len(builds) > 1 else builds[0]

    return ask


@pytest.fixture
def workers(db):
    """Make workers with so many places."""

    def workers(*slots):
        for n, count in enumerate(slots):
            Worker.objects.create(name=f"w{n}", slots=count, heard_at=timezone.now())

    return workers


@pytest.fixture
def sent(monkeypatch, django_capture_on_commit_callbacks):
    """Call something and return the ids of the builds that messages were sent for."""

    def sent(act, *arguments):
        ids = []
        monkeypatch.setattr(run_build, "delay", ids.append)
        with django_capture_on_commit_callbacks(execute=True):
            act(*arguments)
        return ids

    return sent


def name_of(build):
    return build and build.version.environment.name


def claims(count, worker="w"):
    return [name_of(schedule.claim(worker)) for _ in range(count)]


def wait_of(build):
    return Build.objects.with_subject().get(pk=build.pk).wait


def fresh(*builds):
    return [Build.objects.get(pk=build.pk) for build in builds]


# Claims


def test_a_worker_gets_the_next_build_once(ask):
    build = ask("a0")
    claimed = schedule.claim("w")
    assert (claimed, claimed.status, claimed.worker) == (build, Status.RUNNING, "w")
    assert schedule.claim("w") is None


def test_nothing_is_next_where_nothing_waits(db):
    assert schedule.claim("w") is None


def test_a_flood_does_not_keep_others_waiting(ask):
    ask(*[f"a{n}" for n in range(10)])
    ask("b0", "c0")
    assert claims(4) == ["a0", "b0", "c0", "a1"]


def test_one_place_is_shared_by_three_floods(ask, editor):
    """Each build ends before the next one begins, so nothing runs when a worker asks."""
    ask(*[f"{workspace}{n}" for workspace in "abc" for n in range(4)])
    begun = []
    while build := schedule.claim("w"):
        begun.append(name_of(build))
        build.fail(Failure.NETWORK, "no")
    assert begun == [f"{workspace}{n}" for n in range(4) for workspace in "abc"]


def test_a_workspace_has_no_more_builds_running_than_it_may(ask, settings):
    settings.BUILDS_PER_WORKSPACE = 2
    builds = ask(*[f"a{n}" for n in range(4)])
    assert claims(3) == ["a0", "a1", None]
    Build.objects.get(pk=builds[0].pk).fail(Failure.NETWORK, "no")
    assert claims(2) == ["a2", None]


def test_administrators_say_another_limit_for_a_workspace(ask, client, person, settings):
    settings.BUILDS_PER_WORKSPACE = 1
    ask(*[f"a{n}" for n in range(4)])
    client.force_login(person("root", is_superuser=True, is_staff=True))
    assert client.post(reverse("quota", args=["aaa"]), {"at_once": 3}).status_code == 302
    assert claims(4) == ["a0", "a1", "a2", None]
    assert client.get(reverse("admin:builds_share_changelist")).status_code == 200


def test_a_workspace_that_is_paused_begins_nothing(ask):
    build = ask("a0")
    Share.objects.create(workspace=build.workspace, at_once=0)
    assert claims(1) == [None]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limit", [2, 100])
def test_workers_that_ask_at_the_same_time_take_different_builds_and_pass_no_limit(ask, settings, limit):
    settings.BUILDS_PER_WORKSPACE = limit
    ask(*[f"{workspace}{n}" for workspace in "ab" for n in range(3)])
    ask("a8", "b8", key="1.8")
    barrier = threading.Barrier(8)

    def claim(n):
        barrier.wait(20)
        try:
            build = schedule.claim(f"w{n}")
            return build and str(build.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        won = [pk for pk in pool.map(claim, range(8)) if pk]
    assert len(won) == len(set(won)) == min(2 * limit, 7)
    assert Build.objects.running().count() == len(won)
    for name in ("aaa", "bbb"):
        assert Build.objects.running().filter(version__environment__workspace__name=name).count() <= limit


@pytest.mark.django_db(transaction=True)
def test_nobody_chooses_while_somebody_else_does(ask):
    """What was read before another one's claim can be seen would let a workspace pass its limit."""
    ask("a0")

    def claim():
        try:
            return name_of(schedule.claim("w1"))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            schedule._wait_for_others()
            other = pool.submit(claim)
            with pytest.raises(TimeoutError):
                other.result(0.5)
        assert other.result(20) == "a0"


def test_a_turn_in_the_future_is_forgotten_when_the_clock_goes_back(ask):
    build = ask("a0")
    Share.objects.create(workspace=build.workspace, served_at=timezone.now() + timedelta(hours=1))
    put_right_what_the_clock_did()
    assert Share.objects.get().served_at <= timezone.now()


# Messages


def test_any_message_works_on_the_build_whose_turn_it_is(ask, monkeypatch):
    worked = []
    monkeypatch.setattr("builds.engine.work_on", lambda build: worked.append(name_of(build)))
    first, second = ask("a0", "a1")
    for pk in (second.pk, second.pk, first.pk, "00000000-0000-0000-0000-000000000000"):
        run_build(str(pk))
    assert worked == ["a0", "a1"]


def test_the_end_of_a_build_wakes_a_worker_for_the_next(ask, workers, sent):
    workers(1)
    ask("a0")
    ask("a1", "a2")
    build = schedule.claim("w0")
    assert len(sent(build.fail, Failure.NETWORK, "no")) == 1


def test_no_more_messages_are_sent_than_workers_have_room(ask, workers, sent):
    ask(*[f"a{n}" for n in range(6)])
    Build.objects.update(sent_at=timezone.now() - timedelta(minutes=1))
    assert sent(tend_builds) == []
    workers(2, 1)
    schedule.claim("w0")
    assert len(sent(tend_builds)) == 2
    assert sent(tend_builds) == []  # those two are on their way


def test_nothing_is_sent_for_builds_that_may_not_begin(ask, workers, sent, settings):
    settings.BUILDS_PER_WORKSPACE = 1
    workers(9)
    ask("a0", "a1")
    ask("b0", "b1", key="1.1")
    Build.objects.update(sent_at=timezone.now() - timedelta(minutes=1))
    assert len(sent(tend_builds)) == 2


# Twins


def test_twenty_requests_are_one_build_and_nineteen_that_end_with_it(ask, sent):
    first, *others = ask(*[f"a{n}" for n in range(20)], key="1.0")
    build = schedule.claim("w")
    assert (build, schedule.claim("w")) == (first, None)
    lock = Lock.objects.store("3.11.7", "linux-64", [PACKAGE])
    sent(lambda: build.finish(Status.SUCCEEDED, lock=lock, prefix="p"))
    ended = fresh(*others)
    assert {(twin.status, twin.reused_from, twin.lock.packages.get().name) for twin in ended} == {
        (Status.SUCCEEDED, first, PACKAGE.name)
    }
    assert not any(twin.steps.exists() for twin in ended)


def test_what_the_definition_is_to_blame_for_fails_its_twins_too(ask, sent):
    first, *others = ask(*[f"a{n}" for n in range(20)], key="1.0")
    build = schedule.claim("w")
    assert sent(build.fail, Failure.CONFLICT, "They do not fit.", 3, "a quote", ["one", "two"]) == []
    told = {(twin.status, twin.reused_from, twin.failure, twin.reason, twin.quote) for twin in fresh(*others)}
    assert told == {(Status.FAILED, first, Failure.CONFLICT, "They do not fit.", "a quote")}
    assert {tuple(twin.chain) for twin in fresh(*others)} == {("one", "two")}


def test_a_twin_in_another_workspace_finds_out_for_itself(ask, sent, workers):
    """It has other private wheels and other secrets, and what is said of them is not for all eyes."""
    workers(2)
    _, other, foreign = ask("a0", "a1", "b0", key="1.0")
    build = schedule.claim("w")
    assert sent(build.fail, Failure.PACKAGE_NOT_FOUND, "not there") == [str(foreign.pk)]
    assert [twin.status for twin in fresh(other, foreign)] == [Status.FAILED, Status.QUEUED]
    assert claims(1) == ["b0"]


@pytest.mark.parametrize("failure", [Failure.NETWORK, Failure.WORKER_LOST, Failure.STOPPED, Failure.OURS])
def test_the_next_one_takes_over_when_the_definition_is_not_to_blame(ask, sent, workers, failure):
    workers(1)
    _, second, third = ask("a0", "a1", "a2", key="1.0")
    assert sent(schedule.claim("w").fail, failure, "bad luck") == [str(second.pk)]
    assert [twin.status for twin in fresh(second, third)] == [Status.QUEUED] * 2
    assert claims(2) == ["a1", None]


def test_the_next_one_takes_over_when_a_build_is_cancelled(ask, sent, workers, editor):
    workers(1)
    _, second, _ = ask("a0", "a1", "a2", key="1.0")
    assert sent(schedule.claim("w").cancel, editor) == [str(second.pk)]
    assert claims(2) == ["a1", None]


def test_a_twin_that_is_cancelled_leaves_the_build_alone(ask, sent, editor):
    first, second = ask("a0", "a1", key="1.0")
    schedule.claim("w")
    assert sent(second.cancel, editor) == []
    assert [build.status for build in fresh(first, second)] == [Status.RUNNING, Status.CANCELLED]


def test_whoever_listens_hears_of_every_twin_that_succeeds(ask, sent):
    heard = []

    def listen(build, **kwargs):
        heard.append(build.pk)

    builds = ask("a0", "a1", "a2", key="1.0")
    build_succeeded.connect(listen)
    try:
        sent(succeed, builds[0])
    finally:
        build_succeeded.disconnect(listen)
    assert heard == [build.pk for build in builds]


def test_three_hundred_twins_end_together(ask, sent, editor):
    """One after the other, and not one within the other."""
    first = ask("a0", key="1.0")
    twins = [first.version.builds.request(first.version, editor) for _ in range(300)]
    sent(succeed, first)
    assert Build.objects.filter(reused_from=first, status=Status.SUCCEEDED).count() == len(twins)


# What is said


def test_a_place_is_the_order_in_which_builds_begin(ask, workers):
    workers(1)
    ask(*[f"a{n}" for n in range(5)])
    single = ask("b0")
    schedule.claim("w0")
    wait = wait_of(single)
    assert (wait.place, wait.before, wait.cause, wait.words) == (1, 0, Cause.BUSY, "Next in the queue.")
    wait = wait_of(Build.objects.get(version__environment__name="a3"))
    assert (wait.place, wait.words) == (4, "4th in the queue, after 3 others.")
    assert wait.reason == "All places of the workers are taken: 1."


def test_it_says_why_a_build_waits(ask, workers, settings, editor):
    settings.BUILDS_PER_WORKSPACE = 1
    build = ask("a0")
    assert (wait_of(build).cause, wait_of(build).reason) == (
        Cause.NO_WORKER,
        "No worker is running; it begins when one starts.",
    )
    workers(2)
    assert (wait_of(build).cause, wait_of(build).reason) == (Cause.NONE, "A worker takes it in a moment.")
    twin = build.version.builds.request(build.version, editor)
    assert (wait_of(twin).cause, wait_of(twin).place, wait_of(twin).twin) == (Cause.TWIN, None, build)
    assert wait_of(twin).reason == (
        f"Build {build.short_id} of the same packages waits in the queue; this one ends with it."
    )
    schedule.claim("w0")
    assert wait_of(build) is None
    assert "is being built" in wait_of(twin).reason
    second = ask("a1")
    assert (wait_of(second).cause, wait_of(second).reason) == (
        Cause.LIMIT,
        "aaa has as many builds running as it may have at once: 1.",
    )
    Share.objects.create(workspace=ask("b0").workspace, at_once=0)
    assert wait_of(Build.objects.get(version__environment__name="b0")).reason == (
        "Administrators have paused the builds of bbb."
    )


def test_the_word_for_a_state_changes_with_what_is_said(ask, workers):
    build = ask("a0")
    before = Build.objects.get(pk=build.pk).state
    workers(1)
    assert before != Build.objects.get(pk=build.pk).state
    assert " " not in before


@pytest.mark.parametrize(("number", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (1022, "1,022nd")])
def test_ordinals(number, word):
    assert schedule.ordinal(number) == word


@pytest.mark.parametrize("count", [1, 3, 40])
def test_what_builds_wait_for_costs_three_queries_however_many_wait(ask, workers, count, django_assert_num_queries):
    workers(1)
    for n in range(count):
        ask(f"a{n}")
    builds = list(Build.objects.with_subject())
    with django_assert_num_queries(3):
        assert all(build.wait for build in schedule.tell(builds))


def test_who_looks_all_the_time_asks_the_database_once_a_second(ask, django_assert_num_queries):
    builds, lately = ask("a0", "a1", "a2"), schedule.Lately()
    with django_assert_num_queries(3):
        for _ in range(20):
            for build in builds:
                lately.tell(build)
    assert [build.wait.place for build in builds] == [1, 2, 3]
    newer = ask("a3")
    lately.tell(newer)
    assert newer.wait.place == 4


def test_the_api_says_place_and_cause(ask, api, editor, workers):
    workers(1)
    Workspace.objects.create(name="aaa").memberships.create(user=editor, role=2)
    first, second, twin = [ask("a0"), ask("a1", key="1.0"), ask("a2", key="1.0")]
    caller = api(editor)
    told = [caller.get(reverse("api-build", args=[build.pk])).json()["queue"] for build in (first, second, twin)]
    assert [(each["place"], each["before"], each["cause"], each["waits_for"]) for each in told] == [
        (1, 0, "none", None),
        (2, 1, "workers busy", None),
        (None, None, "twin", str(second.pk)),
    ]
    first.fail(Failure.NETWORK, "no")
    assert caller.get(reverse("api-build", args=[first.pk])).json()["queue"] is None


def test_the_page_of_a_twin_names_what_it_waits_for_to_those_who_may_see_it(ask, client, person, editor):
    first, twin = ask("a0", "b0", key="1.0")
    stefan = person("stefan")
    twin.workspace.memberships.create(user=stefan, role=2)
    first.workspace.memberships.create(user=editor, role=2)
    twin.workspace.memberships.create(user=editor, role=2)
    schedule.claim("w")
    Worker.objects.create(name="w", slots=1, heard_at=timezone.now())
    client.force_login(editor)
    page = client.get(twin.get_absolute_url()).content.decode()
    assert "Waits for a build of the same packages" in page
    assert f'<a href="{first.get_absolute_url()}">Build {first.short_id}</a>' in page
    client.force_login(stefan)
    page = client.get(twin.get_absolute_url()).content.decode()
    assert f"Build {first.short_id}, in a workspace that you are not a member of," in page
    assert first.get_absolute_url() not in page


def test_the_page_of_a_twin_that_failed_links_to_the_one_that_was_built(ask, client, editor, sent):
    first, twin = ask("a0", "a1", key="1.0")
    first.workspace.memberships.create(user=editor, role=2)
    sent(schedule.claim("w").fail, Failure.CONFLICT, "They do not fit.")
    client.force_login(editor)
    page = client.get(twin.get_absolute_url()).content.decode()
    assert "They do not fit" in page
    assert f'<a href="{first.get_absolute_url()}">Build {first.short_id}</a>' in page
    assert "Build again" in page


def test_home_shows_what_runs_and_then_the_queue_in_order(ask, client, editor, workers):
    workers(1)
    ask(*[f"a{n}" for n in range(12)])
    ask("b0")
    for name in ("aaa", "bbb"):
        Workspace.objects.get(name=name).memberships.create(user=editor, role=2)
    schedule.claim("w0")
    client.force_login(editor)
    page = client.get(reverse("home"))
    assert [name_of(build) for build in page.context["running"]] == ["a0"]
    assert [name_of(build) for build in page.context["waiting"]][:3] == ["b0", "a1", "a2"]
    assert "1 build under way, 12 in the queue." in page.content.decode()
    assert "In the queue, 12; the first 10" in page.content.decode()
    assert "After 2 others" in page.content.decode()


# Cancel


def test_cancel_in_every_state(ask, editor, sent):
    queued, twin = ask("a0", "a1", key="1.0")
    assert twin.cancel(editor)
    assert queued.cancel(editor)
    for step in ("resolve", "install", "check"):
        build = ask(f"b{step}")
        build.move_to(Status.RUNNING)
        build.steps.filter(name=step).update(status=Status.RUNNING, started=timezone.now())
        assert build.cancel(editor)
        assert set(build.steps.values_list("status", flat=True)) == {"cancelled"}
    ended = ask("c0")
    succeed(ended)
    assert not ended.cancel(editor)
    assert not queued.cancel(editor)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (lambda build, by: succeed(build), "This build has ended already: succeeded."),
        (lambda build, by: build.fail(Failure.NETWORK, "No."), "This build has ended already: failed."),
        (lambda build, by: build.cancel(by), "This build has ended already: cancelled by edgar."),
    ],
)
def test_a_cancel_that_comes_too_late_says_so(build, editor, client, api, end, told):
    end(build, editor)
    client.force_login(editor)
    page = client.post(reverse("build-cancel", args=[build.pk]), follow=True).content.decode()
    assert told in page
    answer = api(editor).post(reverse("api-build-cancel", args=[build.pk]))
    assert (answer.status_code, answer.json()) == (409, {"detail": told})


# Built anew


def test_a_rebuild_that_was_asked_for_since_begins_after_the_one_that_runs(ask, editor, sent, workers):
    workers(2)
    first = ask("a0")
    running = schedule.claim("w0")
    late = first.version.builds.request(first.version, editor, anew=True)
    assert wait_of(late).reason.endswith("is being built; this one begins after it.")
    assert sent(running.fail, Failure.CONFLICT, "They do not fit.") == [str(late.pk)]
    assert claims(1) == ["a0"]


def test_a_rebuild_that_waits_for_one_that_begins_later_ends_with_it(ask, editor, sent):
    first = ask("a0")
    waiting = first.version.builds.request(first.version, editor, anew=True)
    assert wait_of(waiting).reason.endswith("waits in the queue; this one ends with it.")
    sent(schedule.claim("w0").fail, Failure.CONFLICT, "They do not fit.")
    assert [(build.status, build.reused_from) for build in fresh(waiting)] == [(Status.FAILED, first)]
