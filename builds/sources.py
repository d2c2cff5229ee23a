"""Where suggestions come from, and their lists of names: who wants one, who fetches it, who forgets it.

Lists stand below the cache folder of this machine. At most MOST_LISTS have a place there; a channel gets one when
somebody asks for it, and loses it when its first fetch fails, or when nobody asked for a month.
"""

import fcntl
import hashlib
import json
import logging
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings

from . import channels, registry
from .name_lists import NameList

log = logging.getLogger(__name__)

MOST_LISTS = 50
FRESH = 86400  # seconds after which a list is fetched again when somebody asks
PATIENCE = 600  # seconds after which a list that did not come is asked for again
KEPT = 30 * 86400  # seconds for which a list is kept that nobody asks for


@dataclass(frozen=True)
class Source:
    """The package index, whose `channel` is empty, or a channel of conda."""

    channel: str = ""

    @cached_property
    def key(self):
        """Names the files. Another index or alias has other files."""
        address = channels.address_of(self.channel) if self.channel else registry.index_url()
        told = f"{'conda' if self.channel else 'pip'} {registry.without_credentials(address)}"
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    @property
    def list(self):
        return NameList(_folder() / f"{self.key}.names", "-_." if self.channel else "-")

    @property
    def may_be_asked(self):
        if not settings.SUGGESTIONS:
            return False
        return channels.may_be_asked(self.channel) if self.channel else bool(registry.index_url())

    def want(self):
        """Say that somebody asks, so that a worker fetches the list if need be. Return whether there is a place for it."""
        if not self._take_place():
            return False
        age = self.list.age
        if (age is None or age > FRESH) and _claim(self._file("sent"), PATIENCE):
            self.send()
        return True

    def send(self):
        from .tasks import fetch_names  # which imports this module

        try:
            fetch_names.delay(self.channel)
        except Exception:  # whatever a broker raises: somebody asks again
            log.exception("a worker could not be told to fetch the names of %s", self)

    def fetch(self):
        """Fetch the list, unless it may not be, or somebody else is at it or was just now."""
        if not self.may_be_asked:
            return
        with _locked(self._file("lock")) as is_ours:
            if is_ours and _is_older(self.list.path, PATIENCE):
                self._fetch()

    def _fetch(self):
        try:
            many = self.list.write(
                channels.package_names(self.channel) if self.channel else registry.project_names(registry.index_url())
            )
        except (registry.RegistryFault, channels.ChannelFault) as fault:
            log.warning("the names of %s were not fetched: %s", self, fault)
            if self.list.age is None:
                self._file("asked").unlink(missing_ok=True)
        else:
            log.info("%s names of %s fetched", f"{many:,}", self)

    def _take_place(self):
        asked = self._file("asked")
        if _is_older(asked, FRESH / 24):
            if self.channel and not asked.exists() and len([*_folder().glob("*.asked")]) >= MOST_LISTS:
                return False
            _folder().mkdir(parents=True, exist_ok=True)
            asked.write_text(json.dumps(self.channel))
        return True

    def _file(self, what):
        return _folder() / f"{self.key}.{what}"

    def __str__(self):
        return self.channel or "the index"


def sources(manager, asked_channels):
    """Return (the sources that may be asked, whether those are all)."""
    wanted = [Source()] if manager == "pip" else [Source(channel) for channel in dict.fromkeys(asked_channels)]
    allowed = [source for source in wanted if source.may_be_asked]
    return allowed, allowed == wanted and settings.SUGGESTIONS


def refresh():
    """Have every list fetched that somebody asked for in the last month; forget the rest. Called once a day."""
    if not _folder().exists():
        return
    for key in {path.name.split(".")[0] for path in _folder().iterdir()}:
        asked = _folder() / f"{key}.asked"
        source = None if _is_older(asked, KEPT) else Source(json.loads(asked.read_text()))
        # The settings may have changed since.
        if source and source.key == key and source.may_be_asked:
            source.send()
        elif _is_older(asked.with_suffix(".sent"), FRESH):
            for path in _folder().glob(f"{key}.*"):
                path.unlink(missing_ok=True)
    channels.forget_older_than(KEPT)


def _folder():
    return settings.CACHE / "names"


def _is_older(path, seconds):
    """Whether a file is, or is not there."""
    try:
        return time.time() - path.stat().st_mtime > seconds
    except FileNotFoundError:
        return True


def _claim(path, seconds):
    """Return whether nobody else did in the last seconds. Of all threads and processes of this machine one wins."""
    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_size and not _is_older(path, seconds):  # as it is now, not when we opened it
            return False
        file.write(".")
        file.flush()
        os.utime(path)
    return True


@contextmanager
def _locked(path):
    """Yield whether the lock is ours; it is nobody's again when we are done, or die."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
