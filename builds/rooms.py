"""The rooms that the steps of one build or preview run in. Without a sandbox each is None, and nothing is done."""

import sys

from django.conf import settings
from uv import find_uv_bin

from . import conda, process, sandbox, uv

IMPORT_CHECK = process.LIMITED.with_name("import_check.py")
SDIST_FETCH, SDIST_BUILD = (process.LIMITED.with_name(name) for name in ("sdist_fetch.py", "sdist_build.py"))


class Rooms:
    keeps_cache = True  # what is fetched with credentials is kept for nobody, not even until they are revoked

    def __init__(self, work, prefix=None, number=0):
        """`number` chooses the user that code of packages runs as."""
        self.is_on = sandbox.is_on()
        self.prefix, self.work, self.guests = prefix, work, work / "check"
        self.guest = sandbox.guest(number)
        self.interpreter = sys.executable  # until another is chosen

    def cache(self, name):
        """A folder of the cache that tools write into. Inside of rooms its owner is another, so that it is another."""
        folder = settings.CACHE / (f"{name}-confined" if self.is_on else name)
        if not self.keeps_cache:
            folder = self.work / "cache" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def of_tools(self, network=False, reads=(), caches=()):
        """For a tool that runs no code of packages: work, prefix and caches; the network for one that must fetch.

        A tool that is Python code of ours also `reads` that file and `sandbox.of_our_python()`.
        """
        if not self.is_on:
            return None
        folders = [folder for folder in (self.prefix, self.work) if folder]
        for folder in folders:
            folder.mkdir(exist_ok=True)
            sandbox.give(folder, sandbox.TOOLS)
        for cache in (self.cache("uv"), *caches):
            sandbox.give_itself(cache, sandbox.TOOLS)
        reads = (find_uv_bin(), *uv.certificates(), *self._python(), *reads)
        return sandbox.Room(reads, (*folders, self.cache("uv"), *caches), network)

    def of_conda(self, cache):
        """For the child that is conda for us, with the network."""
        reads = (conda.SCRIPT, *sandbox.of_our_python()) if self.is_on else ()
        return self.of_tools(network=True, reads=reads, caches=(cache,))

    def of_fetch(self):
        """For the child that fetches source distributions, with the network. It runs none of their code."""
        return self.of_tools(network=True, reads=(SDIST_FETCH, *sandbox.of_our_python()) if self.is_on else ())

    def of_source(self, folder, reads):
        """For code of a source distribution, which runs nowhere else: a folder of its own that can be written."""
        if not self.is_on:
            raise RuntimeError("What is built from source is built in a room, or not at all.")
        sandbox.give(folder, self.guest)
        return sandbox.Room((*reads, SDIST_BUILD, *self._python()), (folder,), uid=self.guest)

    def of_packages(self):
        """For code of packages: the prefix as it is, and a folder of its own that can be written."""
        self.guests.mkdir(exist_ok=True)
        if not self.is_on:
            return None
        sandbox.give(self.guests, self.guest)
        reads = (self.prefix, IMPORT_CHECK, find_uv_bin(), *self._python())
        return sandbox.Room(reads, (self.guests,), uid=self.guest)

    def take_back(self):
        """Make the prefix ours. Nothing of the build runs any more that could be at it."""
        if self.is_on:
            sandbox.give(self.prefix, 0)

    def _python(self):
        return sandbox.of_python(self.interpreter) if self.interpreter else ()
