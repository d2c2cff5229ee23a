"""Whether what was installed holds together: uv's check, then an import of what the definition names.

Done for an Attempt of `engine.py`, in the room of packages.
"""

from django.conf import settings

from . import conda, uv
from .models import LockedPackage
from .rooms import IMPORT_CHECK

CONDA, PIP = LockedPackage.Manager.CONDA, LockedPackage.Manager.PIP


def check(attempt, lock, packages):
    """Return how many modules were imported."""
    if not lock.python:
        return 0  # nothing here is for Python
    room, home = attempt.rooms.of_packages(), attempt.rooms.guests
    # Code of the packages runs from here on, in uv's check because of .pth files: it gets neither the index, nor
    # the way there, nor our cache.
    environ = uv.bare_environ(home) | uv.WITHOUT_CACHE
    attempt.call(uv.check(attempt.prefix.name), 120, "check", room=room, environ=environ)
    direct = _named_directly(attempt.prefix, packages)
    if not direct:
        return 0
    attempt.say("Importing what the definition names")
    command = [attempt.prefix / "bin" / "python", "-I", "-B", IMPORT_CHECK, *direct]
    environ = uv.bare_environ(home)
    said = attempt.call(command, settings.CHECK_SECONDS, "check", room=room, cwd=home, environ=environ)
    return sum(line.startswith("ok ") for line in said.splitlines())


def _named_directly(prefix, packages):
    """The names, as Python has them, of what the definition itself asks for."""
    direct = [package for package in packages if package.direct]
    names = [package.name for package in direct if package.manager == PIP]
    for package in direct:
        if package.manager == CONDA and package.name != "python":
            names += conda.distributions(prefix, package)
    return list(dict.fromkeys(names))
