"""What a worker process does beside building: it says that it is alive, and which Pythons it has."""

import logging
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from environments.models import Interpreter
from events import chain

from . import archive, engine, keeper, process, sandbox, schedule, uv, vitals
from .failures import Failure
from .models import Build, Share, Worker

log = logging.getLogger(__name__)

BEAT = 5  # seconds
TEND = 2  # beats
LOOK_FOR_PYTHONS = 60  # beats
CLOCKS_DIFFER = timedelta(seconds=30)  # between hosts, without anything being wrong


class Heart(threading.Thread):
    """Beats in the background until the worker ends."""

    def __init__(self, name):
        super().__init__(name="heart", daemon=True)
        self.worker = name

    def run(self):
        beats = 0
        while not engine.stopping.wait(BEAT if beats else 0):
            beats += 1
            try:
                report_alive(self.worker)
                if beats % TEND == 0:
                    tend()
                if beats % LOOK_FOR_PYTHONS == 0:
                    report_pythons(self.worker)
            except Exception:  # whatever it was, the next beat may go well
                log.exception("heartbeat of %s", self.worker)
            finally:
                connection.close()


def tend():
    """End the builds that lost their worker, wake workers for those whose message may be lost.

    The scheduler asks for it; workers do it too, because their slots may all be taken when the scheduler asks.
    """
    put_right_what_the_clock_did()
    for build in Build.objects.lost():
        if build.fail(Failure.WORKER_LOST, "worker lost"):
            engine.remove_folders(build)
    archive.tend()
    chain.seal()
    schedule.wake(schedule.MESSAGE_AGE)


def put_right_what_the_clock_did():
    """After a clock was put back, what was heard before seems to come from the future, and would never be silent."""
    now = timezone.now()
    for rows, field in (
        (Build.objects.running(), "heard_at"),
        (Build.objects.queued(), "sent_at"),
        (Worker.objects, "heard_at"),
        (Share.objects, "served_at"),
    ):
        rows.filter(**{f"{field}__gt": now + CLOCKS_DIFFER}).update(**{field: now})


def prepare(worker):
    """What has to be done before the first build: which Pythons are here, what was left behind."""
    keeper.sweep_folders()
    try:
        report_pythons(worker)
    except OSError:
        log.exception("no interpreters found for %s", worker)
    connection.close()


def report_alive(worker):
    is_sandboxed, note = sandbox.state()
    fields = {"heard_at": timezone.now(), "slots": settings.BUILDS_AT_ONCE, "left_at": None}
    fields |= {"is_sandboxed": is_sandboxed, "sandbox_note": note}
    Worker.objects.update_or_create(name=worker, defaults=fields | vitals.read())


def report_pythons(worker):
    """Store the interpreters of this machine as those of `worker`."""
    Interpreter.objects.report(worker, find_pythons(), sandbox.is_on())


def find_pythons():
    """Return {version: path} of the interpreters of this machine."""
    with tempfile.TemporaryDirectory(prefix="envportal-") as home:
        # Not the cache of the rooms, in which our files would be in the way.
        variables = uv.environ(Path(home)) | {"UV_CACHE_DIR": str(settings.CACHE / "uv")}
        answer = process.capture(uv.list_pythons(), environ=variables, limits=process.Limits.of(60, 2000))
    return uv.read_pythons(answer)


def report_gone(worker):
    """Take a worker that ends off the list, so that pages say at once that none is running.

    One that is drained stays there, so that it is drained when it comes back.
    """
    Worker.objects.filter(name=worker, is_draining=False).delete()
    Worker.objects.filter(name=worker).update(left_at=timezone.now())
    Interpreter.objects.filter(worker=worker).delete()
