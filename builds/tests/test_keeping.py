"""Files that are freed, records that are deleted, builds that are made anew; and who wins when two come at once."""

import sys
import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from builds import engine, keeper, keeping, log, worker
from builds.failures import Failure
from builds.models import Build, Lock, LogChunk, Status, Worker
from builds.tests.test_models import PACKAGE, succeed

HERE = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture
def good(build, settings):
    """A build that succeeded and has a folder."""
    succeed(build)
    Build.objects.filter(pk=build.pk).update(prefix=str(build.pk), worker="celery@one")
    (settings.PREFIXES / str(build.pk) / "bin").mkdir(parents=True)
    return Build.objects.get(pk=build.pk)


def test_freeing_takes_the_files_and_leaves_record_lock_and_log(good, editor, settings):
    LogChunk.objects.create(build=good, offset=0, line=0, data=b"said\n")
    keeping.free(good, editor)
    freed = Build.objects.get(pk=good.pk)
    assert (freed.status, freed.prefix, freed.freed_by, freed.lock) == (Status.SUCCEEDED, "", editor, good.lock)
    assert log.read(freed) == b"said\n"
    keeper.sweep_folders()
    assert not list(settings.PREFIXES.iterdir())


def test_what_was_freed_supplies_nobody_and_is_built_again_with_the_kept_lock(good, version, editor):
    keeping.free(good, editor)
    again = version.builds.request(version, editor)
    assert (again.status, again.reused_from) == (Status.QUEUED, None)
    assert Lock.objects.kept(good.image_key) == good.lock


def test_the_database_keeps_no_prefix_of_what_was_freed(good, editor):
    with pytest.raises(IntegrityError), transaction.atomic():
        Build.objects.filter(pk=good.pk).update(freed_at=timezone.now())


def test_supplying_another_build_is_a_use(good, version, editor):
    assert good.last_used is None
    version.builds.request(version, editor)
    good.refresh_from_db()
    assert timezone.now() - good.last_used < timedelta(seconds=10)


def test_nothing_is_freed_while_the_same_is_being_built(good, version, editor):
    rebuilt = keeping.rebuild(good, editor)
    with pytest.raises(keeping.Refused, match="has not ended yet"):
        keeping.free(good, editor)
    rebuilt.cancel(editor)
    keeping.free(good, editor)


def test_a_clean_up_that_did_not_know_of_a_use_frees_nothing(good, version, editor):
    seen = timezone.now() - timedelta(days=1)
    version.builds.request(version, editor)
    assert not keeping.release(good, unused_since=seen)
    assert Build.objects.good().filter(pk=good.pk).exists()
    assert keeping.release(good, unused_since=timezone.now())


# Build anew


def test_a_rebuild_does_not_reuse_and_replaces_the_good_one_only_when_it_is_good(good, version, editor):
    rebuilt = keeping.rebuild(good, editor)
    assert (rebuilt.status, rebuilt.is_rebuild, rebuilt.reused_from) == (Status.QUEUED, True, None)
    assert version.builds.request(version, editor).reused_from == good
    assert rebuilt.move_to(Status.RUNNING)
    assert not rebuilt.finish_from_twin()
    rebuilt.fail(Failure.NETWORK, "no index")
    assert Build.objects.supplier_of(good.image_key) == good
    other = keeping.rebuild(good, editor)
    succeed(other)
    assert version.builds.request(version, editor).reused_from == other


def test_rebuilds_that_wait_are_answered_by_one_that_began_after_they_were_asked_for(good, editor):
    first, second = keeping.rebuild(good, editor), keeping.rebuild(good, editor)
    assert first.move_to(Status.RUNNING)
    late = keeping.rebuild(good, editor)
    first.finish(Status.SUCCEEDED, prefix="p1", lock=good.lock)
    assert second.finish_from_twin()
    assert second.reused_from == first
    assert not late.finish_from_twin()


def test_a_rebuild_that_waits_is_sent_when_the_one_before_it_cannot_answer_it(
    good, editor, monkeypatch, django_capture_on_commit_callbacks
):
    Worker.objects.create(name="w", slots=1, heard_at=timezone.now())
    first = keeping.rebuild(good, editor)
    first.move_to(Status.RUNNING)
    late = keeping.rebuild(good, editor)
    sent = []
    monkeypatch.setattr("builds.tasks.run_build.delay", sent.append)
    with django_capture_on_commit_callbacks(execute=True):
        first.finish(Status.SUCCEEDED, prefix="p1", lock=good.lock)
    assert sent == [str(late.pk)]


def test_a_real_rebuild_installs_again_what_the_kept_lock_says(environment, editor, wanted, settings):
    worker.report_pythons("w")
    version, _ = environment.register(wanted("idna", python=HERE), editor)

    def run(build):
        engine.run(Build.objects.with_subject().get(pk=build.pk), "w")
        build.refresh_from_db()
        return build

    first = run(version.builds.request(version, editor))
    rebuilt = run(keeping.rebuild(first, editor))
    assert (rebuilt.status, rebuilt.reused_from, rebuilt.lock) == (Status.SUCCEEDED, None, first.lock)
    assert f"Taking the lock {first.lock}" in log.read(rebuilt).decode()
    assert {folder.name for folder in settings.PREFIXES.iterdir()} == {str(first.pk), str(rebuilt.pk)}


# Delete


def test_a_failed_build_goes_with_its_log(build, owner):
    LogChunk.objects.create(build=build, offset=0, line=0, data=b"said\n")
    build.fail(Failure.NETWORK, "no index")
    keeping.delete(build)
    assert not Build.objects.exists()
    assert not LogChunk.objects.exists()


def test_a_build_that_supplied_others_stays(good, version, editor):
    version.builds.request(version, editor)
    with pytest.raises(keeping.Refused, match="named by 1 build, and"):
        keeping.delete(good)


def test_the_only_proof_of_the_kept_lock_stays_until_there_is_another(good, editor):
    with pytest.raises(keeping.Refused, match="found the lock"):
        keeping.delete(good)
    other = keeping.rebuild(good, editor)
    other.move_to(Status.RUNNING)
    other.finish(Status.SUCCEEDED, lock=good.lock, prefix="p2")
    keeping.delete(good)
    assert Lock.objects.kept(other.image_key) == other.lock == good.lock


def test_a_proof_stays_when_without_it_another_lock_would_be_kept(good, editor):
    other = keeping.rebuild(good, editor)
    other.move_to(Status.RUNNING)
    other.finish(Status.SUCCEEDED, lock=Lock.objects.store("3.12.1", "linux-64", [PACKAGE]), prefix="p2")
    with pytest.raises(keeping.Refused, match="found the lock"):
        keeping.delete(good)
    keeping.delete(other)


def test_the_folder_of_a_deleted_build_goes(good, editor, settings):
    other = keeping.rebuild(good, editor)
    other.move_to(Status.RUNNING)
    other.finish(Status.SUCCEEDED, lock=good.lock, prefix=str(other.pk))
    (settings.PREFIXES / str(other.pk)).mkdir()
    keeping.delete(good)
    keeper.sweep_folders()
    assert [folder.name for folder in settings.PREFIXES.iterdir()] == [str(other.pk)]


# Two at once


def at_once(*acts):
    """Run all of them at the same moment, each in a thread; return their answers or what they raised."""
    ready, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def run(n, act):
        ready.wait()
        try:
            answers[n] = act()
        except keeping.Refused as fault:
            answers[n] = fault
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


@pytest.mark.django_db(transaction=True)
def test_either_the_files_are_freed_or_somebody_is_supplied_by_them_and_never_both(good, version, editor):
    for _ in range(15):
        seen = timezone.now()
        is_freed, asked = at_once(
            lambda seen=seen: keeping.release(good, unused_since=seen), lambda: version.builds.request(version, editor)
        )
        if is_freed:
            assert (asked.status, asked.reused_from) == (Status.QUEUED, None)
        else:
            assert (asked.status, asked.reused_from) == (Status.SUCCEEDED, good)
        Build.objects.exclude(pk=good.pk).delete()
        Build.objects.filter(pk=good.pk).update(prefix=str(good.pk), freed_at=None, last_used=None)


@pytest.mark.django_db(transaction=True)
def test_a_build_is_never_deleted_under_one_that_it_supplies(good, version, editor, settings):
    # Another proof of the lock, so that nothing but a reuse keeps the newer one.
    for _ in range(10):
        newer = keeping.rebuild(good, editor)
        newer.move_to(Status.RUNNING)
        newer.finish(Status.SUCCEEDED, lock=good.lock, prefix="newer")
        _, asked = at_once(lambda newer=newer: keeping.delete(newer), lambda: version.builds.request(version, editor))
        is_there = Build.objects.filter(pk=newer.pk).exists()
        assert asked.status == Status.SUCCEEDED
        assert asked.reused_from_id == (newer.pk if is_there else good.pk)
        Build.objects.filter(reused_from__isnull=False).delete()
        Build.objects.exclude(pk=good.pk).delete()


# The page


def test_the_page_says_that_the_files_were_freed_and_offers_to_build_again(client, good, version, editor):
    reused = version.builds.request(version, editor)
    keeping.free(good, editor)
    client.force_login(editor)
    for build in (good, reused):
        page = client.get(build.get_absolute_url()).content.decode()
        assert "Its files were freed" in page
        assert "by edgar" in page
        assert "The lock and the log are kept" in page
        assert "Build again" in page
    assert "which supplied this one" in page
    assert "Nothing had to be built" not in page
    assert "Files freed" in client.get(reverse("builds", args=["team", "science"])).content.decode()


def test_the_page_says_why_a_clean_up_freed_them(client, good, editor):
    keeping.release(good, why="not used for 40 days")
    client.force_login(editor)
    assert "by the clean-up: not used for 40 days" in client.get(good.get_absolute_url()).content.decode()


def test_a_disk_that_is_full_says_where_administrators_look(client, build, editor):
    build.fail(Failure.DISK_FULL, "The disk of the worker is full.")
    client.force_login(editor)
    page = client.get(build.get_absolute_url()).content.decode()
    assert "under Storage" in page
    assert "ENVPORTAL_KEEP_LAST" in page
