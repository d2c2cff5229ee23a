"""The files of private wheels, each under its hash: workspaces that have the same bytes share one file."""

import fcntl
from contextlib import contextmanager

from django.conf import settings


def path_of(sha256):
    return settings.WHEELS / sha256[:2] / sha256


@contextmanager
def locked():
    """Keep out whoever else adds or removes, so that no file goes while somebody counts on it."""
    settings.WHEELS.mkdir(parents=True, exist_ok=True)
    with open(settings.WHEELS / ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def keep(upload):
    path = path_of(upload.sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    upload.move(path)


def drop(sha256):
    path_of(sha256).unlink(missing_ok=True)
