"""What is removed from the disk of a machine, and what is not. Real folders, a real uv, real locks of files."""

import os
import subprocess
import sys
import threading
import time
import uuid
from datetime import timedelta

import pytest
from django.core.cache import cache as answers
from django.utils import timezone
from uv import find_uv_bin

from builds import caches, engine, keeper
from builds.models import Build, Cleanup, DiskUse, Machine, Status
from builds.tests.test_models import succeed


@pytest.fixture(autouse=True)
def cache(settings, tmp_path):
    settings.CACHE = tmp_path / "cache"
    settings.CACHE.mkdir()
    return settings.CACHE


def put(path, size=10, days=0):
    """Make a file that was used so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    age(path, days)
    return path


def age(path, days):
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def names(folder):
    return {path.name for path in folder.iterdir()}


# Folders of builds


def test_the_folders_of_good_and_running_builds_stay_and_all_others_go(build, version, editor, settings):
    succeed(build)
    Build.objects.filter(pk=build.pk).update(prefix=str(build.pk))
    running = version.builds.request(version, editor, anew=True)
    running.move_to(Status.RUNNING)
    for pk in (build.pk, running.pk, uuid.uuid4()):
        put(settings.PREFIXES / str(pk) / "bin" / "python")
        put(settings.WORK / str(pk) / "pylock.toml")
    keeper.sweep_folders()
    assert names(settings.PREFIXES) == {str(build.pk), str(running.pk)}
    assert names(settings.WORK) == {str(running.pk)}


def test_work_that_goes_on_is_let_be_and_what_died_goes(db, settings):
    for name in ("preview-now", "preview-then", "long-archive"):
        put(settings.WORK / name / "file", days=0 if name == "long-archive" else 1)
    for name in ("preview-then", "long-archive"):
        age(settings.WORK / name, days=1)
    keeper.sweep_folders()
    assert names(settings.WORK) == {"preview-now", "long-archive"}


@pytest.mark.django_db(transaction=True)
def test_no_build_loses_its_folder_in_the_moment_in_which_it_ends(version, editor, settings):
    ended = threading.Event()

    def sweep():
        while not ended.is_set():
            keeper.sweep_folders()
        keeper.connection.close()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for _ in range(25):
            build = version.builds.request(version, editor, anew=True)
            build.move_to(Status.RUNNING)
            put(settings.PREFIXES / str(build.pk) / "python")
            build.finish(Status.SUCCEEDED, prefix=str(build.pk))
    finally:
        ended.set()
        sweeper.join(20)
    assert names(settings.PREFIXES) == {str(build.pk) for build in Build.objects.good()}
    assert Build.objects.good().count() == 25


def test_two_workers_of_a_machine_do_it_once(db, settings, cache):
    stray = settings.PREFIXES / str(uuid.uuid4())
    stray.mkdir()
    with keeper._alone() as is_ours:
        assert is_ours
        keeper.take_turn("one")
        assert stray.exists()
    keeper.take_turn("one")
    assert not stray.exists()


def test_a_machine_has_the_name_of_its_host():
    assert keeper.machine_of("celery@gpu-1") == "gpu-1"
    assert keeper.machine_of("w") == "w"


# What it counts


def test_a_turn_counts_what_is_there_once_an_hour(db, settings, cache):
    put(cache / "uv" / "archive" / "a", 100)
    os.link(cache / "uv" / "archive" / "a", cache / "uv" / "archive" / "b")
    put(cache / "conda" / "six-1.0" / "x", 30)
    put(cache / "conda-confined" / "six-1.0" / "x", 3)
    (cache / "uv" / "to-nowhere").symlink_to("/nowhere")
    keeper.take_turn("one")
    machine = Machine.objects.get(name="one")
    found = {use.kind: (use.size, use.files) for use in machine.uses.all()}
    assert found["conda"] == (33, 2)
    assert found["uv"] == (100 + len("/nowhere"), 2)
    assert found["prefixes"] == (0, 0)
    put(settings.PREFIXES / "p" / "x")
    keeper.take_turn("one")
    assert machine.uses.get(kind=DiskUse.Kind.PREFIXES).files == 0
    Machine.objects.update(counted_at=timezone.now() - timedelta(hours=2))
    put(cache / "conda" / "seven" / "x", 4)
    keeper.take_turn("one")
    assert machine.uses.get(kind=DiskUse.Kind.CONDA).size == 37


def test_a_machine_that_nobody_counted_for_a_week_is_forgotten(db):
    Machine.objects.create(name="gone", counted_at=timezone.now() - timedelta(days=8))
    keeper.take_turn("one")
    assert [machine.name for machine in Machine.objects.all()] == ["one"]


# Caches


def test_caches_are_cleaned_once_for_each_clean_up_that_was_asked_for(db, cache, settings):
    settings.CACHE_MB = 1
    old = put(cache / "conda" / "old-1.0" / "x", 900_000, days=9).parent
    age(old, 9)
    new = put(cache / "conda" / "new-1.0" / "x", 900_000, days=1).parent
    put(cache / "conda" / "old-1.0.lock", days=9)
    keeper.take_turn("one")
    assert old.exists()
    Cleanup.objects.create()
    keeper.take_turn("one")
    assert (old.exists(), new.exists()) == (False, True)
    assert names(cache / "conda") == {"new-1.0"}
    put(old / "x", 900_000, days=9)
    age(old, 9)
    keeper.take_turn("one")
    assert old.exists()


def test_a_package_that_was_installed_lately_was_used_lately(cache, settings):
    settings.CACHE_MB = 1
    for name, days in (("fetched-long-ago-1.0", 1), ("fetched-lately-1.0", 5)):
        put(cache / "conda" / name / "x", 900_000)
        put(cache / "conda" / name / "info" / "paths.json", days=days)
        age(cache / "conda" / name, days=50 if days == 1 else 6)
    assert caches.clean()
    assert names(cache / "conda") == {"fetched-long-ago-1.0"}


def test_nothing_is_removed_from_a_cache_while_a_build_uses_it(db, cache, settings):
    settings.CACHE_MB = 1
    big = put(cache / "conda" / "big-1.0" / "x", 1_100_000)
    Cleanup.objects.create()
    with caches.in_use(), caches.in_use():
        assert not caches.clean()
        keeper.take_turn("one")
        assert big.exists()
        assert Machine.objects.get().cleaned_at is None
    keeper.take_turn("one")
    assert not big.exists()
    assert not caches.trash().exists()


def test_a_build_uses_the_caches_until_it_ends(build, cache, monkeypatch):
    seen = []

    def run(attempt):
        with caches.unused() as is_unused:
            seen.append(is_unused)

    monkeypatch.setattr(engine.Attempt, "run", run)
    engine.run(Build.objects.with_subject().get(pk=build.pk), "w")
    with caches.unused() as is_unused:
        seen.append(is_unused)
    assert seen == [False, True]


def test_a_cache_of_uv_that_is_too_large_is_emptied_and_works_again(cache, settings, tmp_path):
    settings.CACHE_MB = 1
    environ = {"UV_CACHE_DIR": str(cache / "uv"), "PATH": os.defpath, "HOME": str(tmp_path)}
    fetch = [find_uv_bin(), "pip", "install", "--target", tmp_path / "there", "--reinstall", "idna==3.10"]
    fetch += ["--python", sys.executable]
    subprocess.run(fetch, env=os.environ | environ, check=True, capture_output=True)
    small = caches.tally(cache / "uv")[0]
    assert 0 < small < 1_000_000
    assert caches.clean()
    assert caches.tally(cache / "uv")[0] >= small * 0.5
    (unpacked,) = (cache / "uv").glob("archive-*/*")
    put(unpacked / "big", 1_100_000)
    assert caches.clean()
    assert not (cache / "uv").exists()
    subprocess.run(fetch, env=os.environ | environ, check=True, capture_output=True)
    assert (tmp_path / "there" / "idna").exists()


def test_uv_prunes_what_nothing_refers_to(cache, tmp_path):
    stray = put(cache / "uv" / "archive-v0" / "nobody-refers-to-it" / "x", 1000)
    caches.prune()
    assert not stray.exists()


def test_a_uv_that_cannot_prune_keeps_nobody_from_the_rest(cache, monkeypatch, settings):
    settings.CACHE_MB = 1
    (cache / "uv").mkdir()
    monkeypatch.setattr("builds.uv.prune", lambda: [find_uv_bin(), "no-such-command"])
    big = put(cache / "conda" / "big-1.0" / "x", 1_100_000)
    assert caches.clean()
    assert not big.exists()


def test_answers_and_channels_that_nobody_wants_for_a_month_go(cache, settings):
    answers.set("old", 1, None)
    (old,) = caches.answers().glob("*.djcache")
    age(old, 31)
    answers.set("new", 2, None)
    put(cache / "channels" / "old.json", days=31)
    put(cache / "channels-confined" / "new.json", days=1)
    assert caches.clean()
    assert (answers.get("old"), answers.get("new")) == (None, 2)
    assert (names(cache / "channels"), names(cache / "channels-confined")) == (set(), {"new.json"})


def test_who_died_with_a_cache_in_hand_keeps_nobody_out(cache):
    code = f"import fcntl, time\nfile = open({str(cache / '.in-use')!r}, 'a')\nfcntl.flock(file, fcntl.LOCK_SH)\nprint(flush=True)\ntime.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    holder.stdout.readline()
    assert not caches.clean()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert caches.clean()
