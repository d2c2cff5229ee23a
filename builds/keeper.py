"""Keeps the disk of one machine: removes what no row names, cleans its caches, counts what is there.

One worker of a machine does it for all of them. Rows say what is to go; which machine has it does not matter, because
each looks at its own disk.
"""

import fcntl
import logging
import shutil
import threading
import time
import uuid
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from . import caches, engine
from .models import Build, Cleanup, DiskUse, Machine, Status

log = logging.getLogger(__name__)

TURN = 20  # seconds
COUNT = timedelta(hours=1)
# What is among the folders of builds and is none of them is of somebody who is at it, unless nothing moves any more.
STRAY = 3600  # seconds


class Keeper(threading.Thread):
    """Takes its turns in the background until the worker ends."""

    def __init__(self, worker):
        super().__init__(name="keeper", daemon=True)
        self.machine = machine_of(worker)

    def run(self):
        while not engine.stopping.wait(TURN):
            try:
                take_turn(self.machine)
            except Exception:  # whatever it was, the next turn may go well
                log.exception("the keeper of %s", self.machine)
            finally:
                connection.close()


def machine_of(worker):
    """The name of the machine that a worker is on: celery@host has the name of its host."""
    return worker.rpartition("@")[2]


def take_turn(name):
    """Do what is due on this machine, unless another worker of it is at it."""
    with _alone() as is_ours:
        if is_ours:
            sweep_folders()
            caches.empty_trash()
            machine, _ = Machine.objects.get_or_create(name=name)
            is_cleaned = clean_caches(machine)
            if is_cleaned or not machine.counted_at or timezone.now() - machine.counted_at > COUNT:
                count(machine)


def sweep_folders():
    """Remove the folders that no build needs: of builds that failed or died, whose files were freed, whose row is gone."""
    for folder in (settings.WORK, settings.PREFIXES):
        folder.mkdir(parents=True, exist_ok=True)
    # Looked at before the rows: a folder that is made meanwhile belongs to a row that is already running.
    there = [*settings.WORK.iterdir()], [*settings.PREFIXES.iterdir()]
    # In one query: a build that ends between two of them would be in neither.
    rows = Build.objects.filter(Q(status=Status.RUNNING) | ~Q(prefix="")).values_list("pk", "status", "prefix")
    running = {str(pk) for pk, status, _ in rows if status == Status.RUNNING}
    prefixes = {prefix for *_, prefix in rows}
    for folder in there[0]:
        if folder.name not in running and (_is_of_a_build(folder) or _is_old(folder)):
            _remove(folder)
    for folder in there[1]:
        if folder.name not in running | prefixes:
            _remove(folder)


def clean_caches(machine):
    """Clean them if a clean-up was asked for that this machine has not done. Return whether that was done."""
    asked = Cleanup.objects.values_list("started", flat=True).first()
    if not asked or (machine.cleaned_at and machine.cleaned_at >= asked) or not caches.clean():
        return False
    machine.cleaned_at = asked
    machine.save(update_fields=["cleaned_at"])
    return True


def count(machine):
    """Store what each kind of files takes here."""
    uses = []
    for kind, folders in _places().items():
        tallies = [caches.tally(folder) for folder in folders]
        size, files = (sum(column) for column in zip(*tallies, strict=True))
        uses.append(DiskUse(machine=machine, kind=kind, size=size, files=files))
    with transaction.atomic():
        machine.uses.all().delete()
        DiskUse.objects.bulk_create(uses)
        machine.counted_at, machine.free = timezone.now(), shutil.disk_usage(settings.PREFIXES).free
        machine.save(update_fields=["counted_at", "free"])
        Machine.objects.exclude(pk__in=Machine.objects.known()).delete()


def _places():
    kinds, cache = DiskUse.Kind, settings.CACHE
    places = {kinds.PREFIXES: [settings.PREFIXES], kinds.WORK: [settings.WORK]}
    for kind, names in (
        (kinds.PIP, (*caches.UV, *caches.BUILT)),
        (kinds.CONDA, caches.CONDA),
        (kinds.CHANNELS, caches.CHANNELS),
    ):
        places[kind] = [cache / name for name in names]
    answers = caches.answers()
    places |= {kinds.NAMES: [cache / "names"], kinds.ANSWERS: [answers] if answers else []}
    return {kind: folders for kind, folders in places.items() if folders} | {kinds.TRASH: [caches.trash()]}


def _is_of_a_build(folder):
    try:
        return str(uuid.UUID(folder.name)) == folder.name
    except ValueError:
        return False


def _is_old(path):
    """Whether nothing was written to it or to the files in it for a while."""
    try:
        paths = [path, *path.iterdir()] if path.is_dir() else [path]
        return time.time() - max(each.lstat().st_mtime for each in paths) > STRAY
    except OSError:
        return False


def _remove(path):
    log.info("removing %s", path.name)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _alone():
    """Yield whether no other worker of this machine is at it."""
    settings.PREFIXES.mkdir(parents=True, exist_ok=True)
    settings.CACHE.mkdir(parents=True, exist_ok=True)
    with open(settings.CACHE / ".keeper", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
