"""Events as JSON lines for a log shipper. An act never waits for it: a thread writes what a queue of some size holds.

What does not fit is dropped and said so in the log; the database has every event.
"""

import atexit
import json
import logging
import os
import queue
import sys
import threading

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

log = logging.getLogger(__name__)
MOST_WAITING = 10_000  # lines
LAST_SECONDS = 2  # that a process which ends waits for its lines


class Shipper:
    """Of one process. Its thread begins with the first line, so that a fork before it does no harm."""

    def __init__(self, most=MOST_WAITING):
        self._lines = queue.Queue(most)
        self._lock = threading.Lock()
        self._thread = None
        self._dropped = 0

    def put(self, where, line):
        self._begin()
        try:
            self._lines.put_nowait((where, line))
        except queue.Full:
            self._dropped += 1
            if self._dropped % 1000 == 1:
                log.warning("%s events are not in %s: it does not take them as fast as they come", self._dropped, where)

    def flush(self, seconds):
        """Wait until all is written, so many seconds at most. Return whether it is."""
        done = threading.Event()
        try:
            self._lines.put((None, done), timeout=seconds)
        except queue.Full:
            return False
        return self._thread is None or done.wait(seconds)

    def _begin(self):
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name="events", daemon=True)
                self._thread.start()
                atexit.register(self.flush, LAST_SECONDS)

    def _write_all(self):
        while True:
            where, line = self._lines.get()
            if where is None:
                line.set()
                continue
            try:
                write(where, line)
            except OSError as fault:
                log.warning("an event is not in %s: %s", where, fault)


def write(where, line):
    """Append a line in one go, so that lines of several processes do not mix."""
    if where == "stderr":
        sys.stderr.write(line)
        sys.stderr.flush()
        return
    # Opened each time, so that a file that was rotated away is made anew.
    file = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


shipper = Shipper()


def is_on():
    return bool(settings.EVENTS_LOG)


def send(values):
    """Hand on a dict as one line."""
    if is_on():
        shipper.put(settings.EVENTS_LOG, json.dumps(values, cls=DjangoJSONEncoder) + "\n")
