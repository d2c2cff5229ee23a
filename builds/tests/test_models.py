from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from builds.failures import Failure
from builds.lock import Package, read_pylock, write_pylock
from builds.log import LogWriter, lines, number_at, offset_of
from builds.models import Build, Lock, Status, Step, Worker
from builds.tasks import tend_builds
from environments import pip_lines


@pytest.fixture
def twin(workspace, editor, wanted):
    """A build of the same definition in another environment."""
    other = workspace.add_environment("twin", editor)
    version, _ = other.register(wanted("idna==3.10"), editor)
    return version.builds.request(version, editor)


@pytest.fixture
def sent(monkeypatch, django_capture_on_commit_callbacks):
    """Run a function and return the ids of the builds it sent to the workers."""
    ids = []
    monkeypatch.setattr("builds.tasks.run_build.delay", ids.append)

    def sent(act):
        with django_capture_on_commit_callbacks(execute=True):
            act()
        return ids

    return sent


PACKAGE = Package("pip", "idna", "3.10", "https://example.org/idna-3.10-py3-none-any.whl", "0" * 64, 70_442, True)


def succeed(build):
    lock = Lock.objects.store("3.11.7", "linux-64", [PACKAGE])
    assert build.move_to(Status.RUNNING)
    assert build.finish(Status.SUCCEEDED, lock=lock, prefix="p")


def test_a_build_is_sent_to_the_workers_once_its_row_can_be_seen(version, editor, sent):
    asked = []
    ids = sent(lambda: asked.append(version.builds.request(version, editor)))
    assert ids == [str(asked[0].pk)]
    assert list(asked[0].steps.values_list("name", "status")) == [
        ("resolve", "queued"),
        ("install", "queued"),
        ("check", "queued"),
        ("pack", "queued"),
    ]


def test_a_broker_that_is_down_loses_no_build(version, editor, monkeypatch, django_capture_on_commit_callbacks):
    def refuse(build_id):
        raise OSError("no broker")

    monkeypatch.setattr("builds.tasks.run_build.delay", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        build = version.builds.request(version, editor)
    assert Build.objects.get(pk=build.pk).status == Status.QUEUED


def test_only_one_of_two_wins_a_move(build):
    other = Build.objects.get(pk=build.pk)
    assert build.move_to(Status.RUNNING)
    assert not other.move_to(Status.RUNNING)
    assert build.finish(Status.SUCCEEDED)
    assert not other.fail(Failure.OURS, "too late")
    assert not other.cancel("somebody")
    assert Build.objects.get(pk=build.pk).status == Status.SUCCEEDED


def test_the_end_of_a_build_closes_its_steps(build, editor):
    build.move_to(Status.RUNNING)
    build.steps.filter(name="resolve").update(status=Status.SUCCEEDED)
    build.steps.filter(name="install").update(status=Status.RUNNING, started=timezone.now())
    build.fail(Failure.DISK_FULL, "The disk is full.")
    assert [step.status for step in build.steps.all()] == ["succeeded", "failed", "cancelled", "cancelled"]
    assert build.stage == "Failed in install"


def test_the_same_image_key_is_never_built_twice_at_the_same_time(build, twin):
    assert build.image_key == twin.image_key
    assert build.move_to(Status.RUNNING)
    assert not twin.move_to(Status.RUNNING)
    with pytest.raises(IntegrityError), transaction.atomic():
        Build.objects.filter(pk=twin.pk).update(status=Status.RUNNING)


def test_a_twin_ends_with_what_was_made_and_needs_no_worker(build, twin, sent):
    assert sent(lambda: succeed(build)) == []
    twin.refresh_from_db()
    assert not twin.steps.exists()
    assert (twin.status, twin.reused_from, twin.lock) == (Status.SUCCEEDED, build, build.lock)


def test_a_twin_of_a_failed_build_builds_itself(build, twin, sent):
    Worker.objects.create(name="w", slots=1, heard_at=timezone.now())
    build.move_to(Status.RUNNING)
    assert sent(lambda: build.fail(Failure.NETWORK, "no index")) == [str(twin.pk)]
    assert twin.move_to(Status.RUNNING)
    assert not twin.finish_from_twin()


def test_a_good_build_answers_every_later_request(build, version, editor):
    succeed(build)
    again = version.builds.request(version, editor)
    third = version.builds.request(version, editor)
    assert [(b.status, b.reused_from, b.lock) for b in (again, third)] == [(Status.SUCCEEDED, build, build.lock)] * 2
    assert not again.steps.exists()
    assert again.shown_status == "reused"


def test_a_failed_build_answers_nothing(build, version, editor):
    build.fail(Failure.NETWORK, "no index")
    assert version.builds.request(version, editor).status == Status.QUEUED


def test_a_failed_build_without_a_reason_is_refused_by_the_database(build):
    with pytest.raises(IntegrityError), transaction.atomic():
        build.fail(Failure.OURS, "")


def test_a_reason_that_no_database_keeps_is_cleaned(build):
    assert build.fail(Failure.IMPORT, "bad \0 thing" + "x" * 10_000)
    assert build.reason.startswith("bad ␀ thing")
    assert len(build.reason) == 5000


def test_the_last_words_after_a_cancel_are_still_read(build, editor):
    build.move_to(Status.RUNNING)
    writer = LogWriter(build)
    writer.write(b"one\nhalf")
    writer.flush()
    build.cancel(editor)
    assert not build.log_is_complete
    assert [line.text for line in lines(build)] == ["one"]
    writer.write(b" and the rest")
    writer.flush()
    build.finished -= timedelta(seconds=9)
    assert build.log_is_complete
    assert [line.text for line in lines(build)] == ["one", "half and the rest"]


def test_a_log_that_never_ends_is_cut(build, monkeypatch):
    monkeypatch.setattr("builds.log.LONGEST", 3_000_000)
    writer = LogWriter(build)
    for _ in range(50):
        writer.write(b"y\n" * 100_000)
    writer.flush()
    assert 3_000_000 < writer.offset < 3_500_000
    last = number_at(build, writer.offset - 1)
    assert "This log is longer than 3 MB" in next(lines(build, offset_of(build, last))).text


def test_a_silent_build_is_given_up_as_lost_and_its_folders_go(build, settings):
    build.move_to(Status.RUNNING)
    folders = [settings.PREFIXES / str(build.pk), settings.WORK / str(build.pk)]
    for folder in folders:
        folder.mkdir()
    tend_builds()
    assert Build.objects.get(pk=build.pk).status == Status.RUNNING
    Build.objects.filter(pk=build.pk).update(heard_at=timezone.now() - timedelta(seconds=41))
    tend_builds()
    lost = Build.objects.get(pk=build.pk)
    assert (lost.status, lost.failure, lost.reason) == (Status.FAILED, Failure.WORKER_LOST, "worker lost")
    assert not lost.hear()
    assert not any(folder.exists() for folder in folders)


def test_a_worker_that_fell_silent_is_not_alive(db):
    Worker.objects.create(name="w", slots=1, heard_at=timezone.now() - timedelta(minutes=2))
    assert not Worker.objects.alive().exists()


def test_equal_locks_are_one_row(db):
    other = Package(**PACKAGE.as_dict() | {"name": "six"})
    one = Lock.objects.store("3.11.7", "linux-64", [PACKAGE, other])
    assert Lock.objects.store("3.11.7", "linux-64", [other, PACKAGE]) == one
    assert Lock.objects.store("3.12.1", "linux-64", [other, PACKAGE]) != one
    assert one.packages.count() == 2


@pytest.mark.django_db(transaction=True)
def test_twenty_requests_at_once_are_twenty_builds_of_which_one_runs(version, editor, wanted):
    def request(_):
        try:
            build = version.builds.request(version, editor)
            return build.move_to(Status.RUNNING)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as clients:
        won = list(clients.map(request, range(20)))
    assert won.count(True) == 1
    assert Step.objects.count() == 20 * len(Step.Name)


PYLOCK = """
lock-version = "1.0"
[[packages]]
name = "charset-normalizer"
version = "3.5.2"
wheels = [
    { url = "https://example.org/charset_normalizer-3.5.2-cp311-cp311-manylinux_2_17_x86_64.whl", size = 1, hashes = { sha256 = "aa" } },
    { url = "https://example.org/charset_normalizer-3.5.2-cp311-cp311-manylinux_2_34_x86_64.whl", size = 2, hashes = { sha256 = "bb" } },
    { url = "https://example.org/charset_normalizer-3.5.2-cp312-cp312-manylinux_2_17_x86_64.whl", size = 3, hashes = { sha256 = "cc" } },
    { url = "https://example.org/charset_normalizer-3.5.2-cp311-cp311-manylinux_2_17_aarch64.whl", size = 4, hashes = { sha256 = "dd" } },
    { url = "https://example.org/charset_normalizer-3.5.2-py3-none-any.whl", size = 5, hashes = { sha256 = "ee" } },
]
"""


WANTED = [pip_lines.parse("charset-normalizer")[0]]


@pytest.mark.parametrize(
    ("python", "platform", "sha256"),
    [
        ("3.11.7", "linux-64", "aa"),
        ("3.12.1", "linux-64", "cc"),
        ("3.11.7", "linux-aarch64", "dd"),
        ("3.13.0", "linux-64", "ee"),
    ],
)
def test_a_lock_names_the_one_best_wheel_for_its_platform(python, platform, sha256):
    (package,) = read_pylock(PYLOCK, python, platform, WANTED)
    assert (package.sha256, package.direct) == (sha256, True)
    assert read_pylock(write_pylock([package], "3.11"), python, platform, WANTED) == [package]


def test_a_package_without_a_wheel_for_the_platform_is_refused():
    text = PYLOCK.replace("py3-none-any", "py3-none-win32")
    with pytest.raises(ValueError, match="no wheel with a sha256"):
        read_pylock(text, "3.9.1", "linux-64", [])


def test_a_clock_that_was_put_back_keeps_no_build_running_for_ever(build):
    now = timezone.now()
    Worker.objects.create(name="w", heard_at=now + timedelta(hours=1), slots=1)
    assert build.move_to(Status.RUNNING, worker="w")
    Build.objects.update(heard_at=now + timedelta(hours=1))
    tend_builds()
    build.refresh_from_db()
    assert (build.status, build.heard_at - now < timedelta(minutes=1)) == (Status.RUNNING, True)
    assert Worker.objects.get().heard_at - now < timedelta(minutes=1)
    Build.objects.update(heard_at=now - timedelta(minutes=2))
    tend_builds()
    build.refresh_from_db()
    assert (build.status, build.reason) == (Status.FAILED, "worker lost")


def test_a_clock_that_was_put_back_forgets_no_queued_build(build):
    Build.objects.update(sent_at=timezone.now() + timedelta(hours=1))
    tend_builds()
    build.refresh_from_db()
    assert build.sent_at - timezone.now() < timedelta(seconds=5)


def test_what_is_only_said_of_a_package_makes_no_other_lock(db):
    one = Lock.objects.store("3.11.7", "linux-64", [PACKAGE])
    said = replace(PACKAGE, licence="BSD", requested_by=("requests",), channel="https://index.example.org/simple")
    assert Lock.objects.store("3.11.7", "linux-64", [said]) == one


def test_a_licence_is_learnt_once_and_stays(db):
    lock = Lock.objects.store("3.11.7", "linux-64", [PACKAGE, replace(PACKAGE, name="six", licence="MIT")])
    lock.add_licences({"idna": "BSD", "six": "other", "more": "x"})
    lock.add_licences({"idna": "GPL"})
    assert {package.name: package.licence for package in lock.values()} == {"idna": "BSD", "six": "MIT"}
