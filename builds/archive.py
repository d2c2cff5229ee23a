"""Archives of installed packages, made when they are ordered, on a machine that has the packages.

Not as a step of builds: an archive takes as long as its packages are large, many times what they take to install.
"""

import json
import logging
import shutil
import threading
import time
from datetime import timedelta

from django.conf import settings
from django.core.files import File
from django.db import connection
from django.utils import timezone

from . import pack, process, uv
from .engine import stopping
from .models import SILENCE, ArchiveOrder, Status
from .schedule import MESSAGE_AGE

log = logging.getLogger(__name__)

CHILD = process.LIMITED.with_name("archive_child.py")
CONTENT_TYPE = "application/zstd"
HEARTBEAT = 0.5  # seconds between writing how far it is
PATIENCE = timedelta(minutes=10)  # that a worker which has the packages may be away
STOPPED = "The portal was stopped while this archive was made. Ask again."
LOST = "The worker was lost while it made this archive. Ask again."
NOWHERE = "No worker that runs has the installed packages. Build again."
OURS = "envportal itself failed. Administrators find the cause in the worker's log."


def make(order):
    """Make the archive, unless somebody else does or did, or the packages are on another machine."""
    prefix = settings.PREFIXES / order.build.prefix
    if not order.build.prefix or not prefix.is_dir() or not order.take():
        return
    work = settings.WORK / f"archive-{order.build_id}"
    try:
        work.mkdir(parents=True, exist_ok=True)
        facts = _call(order, prefix, work)
        with File(open(work / "archive", "rb")) as file:
            _beating(order, lambda: pack.keep(order.build, pack.ARCHIVE, CONTENT_TYPE, file, **facts))
        pack.attest_archive(order.build)
        order.finish(Status.SUCCEEDED)
    except process.Stopped:
        order.finish(Status.FAILED, STOPPED)
    except process.TooSlow as limit:
        order.finish(Status.FAILED, f"It took longer than its limit of {limit.args[0]:,} s.")
    except Exception:
        log.exception("archive of build %s", order.build_id)
        order.finish(Status.FAILED, OURS)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _call(order, prefix, work):
    """Have the file written. Return {"sha256", "size"}."""
    archive, answer, progress = work / "archive", work / "answer.json", _Progress(order)
    said = bytearray()

    def output(data):
        said.extend(data)
        progress.read(said)

    code = process.run(
        [process.sys.executable, "-I", CHILD, prefix, archive, answer],
        cwd=work,
        environ=uv.bare_environ(work),
        limits=process.Limits.of(settings.INSTALL_SECONDS, settings.BUILD_MEMORY),
        output=output,
        beat=progress.beat,
    )
    if code:
        raise OSError(f"exit code {code}: {said[-2000:].decode(errors='replace')}")
    return json.loads(answer.read_text())


class _Progress:
    """How far an order is, written now and then."""

    def __init__(self, order):
        self.order, self.done, self.total, self.written = order, 0, 0, 0.0

    def read(self, said):
        """Take the last whole line of numbers."""
        for line in reversed(bytes(said).rpartition(b"\n")[0].split(b"\n")):
            numbers = line.split()
            if len(numbers) == 2 and all(number.isdigit() for number in numbers):
                self.done, self.total = map(int, numbers)
                break
        del said[:-2000]

    def beat(self):
        if time.monotonic() - self.written < HEARTBEAT:
            return not stopping.is_set()
        self.written = time.monotonic()
        return self.order.hear(self.done, self.total) and not stopping.is_set()


def _beating(order, work):
    """Do `work`, which may be an upload that takes long, and go on saying that we are alive."""
    ended = threading.Event()

    def beat():
        while not ended.wait(HEARTBEAT):
            ArchiveOrder.objects.filter(pk=order.pk, status=Status.RUNNING).update(heard_at=timezone.now())
        connection.close()

    thread = threading.Thread(target=beat, name="archive-heart", daemon=True)
    thread.start()
    try:
        work()
    finally:
        ended.set()
        thread.join()


def tend():
    """End the orders that lost their worker or find none, and make those here whose message may be lost."""
    now = timezone.now()
    for order in ArchiveOrder.objects.filter(status=Status.RUNNING, heard_at__lt=now - SILENCE):
        order.finish(Status.FAILED, LOST)
    waiting = ArchiveOrder.objects.filter(status=Status.QUEUED).select_related("build").order_by("created")
    for order in waiting.filter(created__lt=now - PATIENCE):
        order.finish(Status.FAILED, NOWHERE)
    for order in waiting.filter(created__lt=now - MESSAGE_AGE):
        if order.build.prefix and (settings.PREFIXES / order.build.prefix).is_dir():
            _make_in_thread(order)
            break  # the next one when this function is called again


_is_busy = threading.Lock()


def _make_in_thread(order):
    """Whoever calls has a heart to beat meanwhile."""
    if not _is_busy.acquire(blocking=False):
        return

    def work():
        try:
            make(order)
        finally:
            _is_busy.release()
            connection.close()

    threading.Thread(target=work, name="archive", daemon=True).start()
