"""From a lock to its prefix: conda's packages are linked by py-rattler, those of pip put beside them by uv.

Each function does its work for an Attempt of `engine.py`, in the attempt's folders, log and limits.
"""

import os
import shutil
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from django.conf import settings

from environments.texts import count

from . import conda, licences, progress, sdists, uv
from . import lock as locks
from .models import LockedPackage
from .resolve import WHEELS

# Valid by its content, because copies have other dates. Nothing is run, and what cannot be compiled is left alone.
# In the .data folder of a wheel uv takes no file that its RECORD has not, so that it could not be installed any more.
COMPILE = """
import compileall, py_compile, re, sys
mode = py_compile.PycInvalidationMode.CHECKED_HASH
options = {"quiet": 2, "workers": 0, "rx": re.compile(r"/tests?/|\\.data/"), "invalidation_mode": mode}
for folder in sys.argv[1:]:
    try:
        compileall.compile_dir(folder, stripdir=folder, **options)
    except Exception as fault:
        print(f"{folder} is left as it is: {fault}")
"""

CONDA, PIP = LockedPackage.Manager.CONDA, LockedPackage.Manager.PIP


def install(attempt, interpreter, lock, packages):
    """Make the prefix. Return how many bytes were fetched for it."""
    pip, before = [package for package in packages if package.manager == PIP], attempt.fetched
    python = interpreter[0] if interpreter else lock.python
    pip = sdists.as_wheels(attempt, pip, python, [package for package in packages if package.manager == CONDA])
    pylock = _write_pylock(attempt, "pylock.locked.toml", lock, pip, str)
    attempt.say(f"Installing {count(len(packages), 'package')}, every hash required")
    attempt.progress.packages = len(packages)
    fetched = attempt.fetched - before
    if interpreter:
        command = uv.make_prefix(attempt.prefix.name, interpreter[1])
        attempt.call(command, 60, "install", room=attempt.rooms.of_tools())
    else:
        fetched += attempt.link(packages, lock.platform)
    put = uv.sync if interpreter else uv.add
    if pip and not _put(attempt, put, pylock, pip, held=True):
        fetched += _fetch(attempt, lock, pip, interpreter)
        _put(attempt, put, pylock, pip)
    pylock.unlink()
    attempt.rooms.take_back()
    if pip:
        lock.add_licences(licences.read(attempt.prefix))
    for folder in (WHEELS, "cache"):  # before code of the packages runs beside them
        shutil.rmtree(attempt.work / folder, ignore_errors=folder != WHEELS)
    return fetched


def _write_pylock(attempt, name, lock, packages, source):
    """Write what uv installs. `source` says where the URL of a lock is fetched."""
    path, fill = attempt.work / name, attempt.credentials.fill
    packages = [replace(package, url=fill(source(package.url))) for package in packages]
    path.touch(0o600)
    path.write_text(locks.write_pylock(packages, ".".join(lock.python.split(".")[:2]) or "3", WHEELS))
    return path


def _put(attempt, put, pylock, packages, held=False):
    """Install from the cache, without the network. Return whether all was there; when not `held`, it has to be."""
    command = put(attempt.prefix.name, pylock)
    last_words = uv.NOT_IN_CACHE if held else None
    attempt.progress.look = _counter(attempt, progress.LINKED, packages, lambda: _site_packages(attempt.prefix))
    said = attempt.call(command, settings.INSTALL_SECONDS, "install", room=attempt.rooms.of_tools(), unless=last_words)
    if said is not None:
        attempt.progress.reach(progress.FETCHED, attempt.progress.packages)
    return said is not None


def _site_packages(prefix):
    return prefix.glob("lib/python3*/site-packages")


def _counter(attempt, what, packages, folders, beside=lambda: 0):
    """Return what counts the pip packages in `folders`, to those that conda did and those `beside`."""
    names, before = {package.name for package in packages}, attempt.progress.packages - len(packages)

    def look():
        attempt.progress.reach(what, before + beside() + len(progress.installed(folders(), names)))

    return look


def _fetch(attempt, lock, packages, interpreter):
    """Fetch what is not in the cache, and compile it. Return how many bytes that was."""
    attempt.say("Fetching what is not here yet")
    # User and password stand in this file alone, which nothing sees that has no need of them.
    pylock = _write_pylock(attempt, "pylock.fetched.toml", lock, packages, attempt.credentials.restore)
    folder = attempt.work / "fetched"
    notes, there = uv.FetchNotes(), set(_unpacked(attempt))

    def new():
        return [path for path in _unpacked(attempt) if path not in there]

    def held():
        return len(packages) - notes.missing if notes.missing else 0

    attempt.progress.look = _counter(attempt, progress.FETCHED, packages, new, held)
    attempt.call(
        uv.fetch(attempt.prefix.name, pylock, folder),
        settings.INSTALL_SECONDS,
        "install",
        environ=attempt.environ | notes.ENVIRON,
        room=attempt.rooms.of_tools(network=True),
        notes=notes,
    )
    _remove(attempt, folder)
    pylock.unlink()
    if interpreter:  # one of conda's is a package, whose code runs in no room of tools
        _compile(attempt, interpreter, new())
    return sum(package.size for package in packages if filename_of(package) in notes.filenames)


def _remove(attempt, folder):
    """Remove a folder of so many files that a slow disk takes longer over it than a worker may be silent."""
    for here, folders, files in os.walk(folder, topdown=False):
        for name in files:
            os.unlink(os.path.join(here, name))
        for name in folders:
            path = os.path.join(here, name)
            os.unlink(path) if os.path.islink(path) else os.rmdir(path)
        attempt.beat()
    os.rmdir(folder)


def _compile(attempt, interpreter, folders):
    """Put bytecode beside the files of new packages in the cache, with which uv installs it: imports take a third."""
    attempt.say(f"Compiling {count(len(folders), 'package')}, once for this Python")
    command = [interpreter[1], "-I", "-S", "-W", "ignore", "-c", COMPILE, *folders]
    attempt.call(command, settings.INSTALL_SECONDS, "install", room=attempt.rooms.of_tools())


def _unpacked(attempt):
    """The folders of uv's cache, each with the content of a wheel; one is there when all of it is."""
    return attempt.rooms.cache("uv").glob("archive-v*/*")


def link(attempt, packages, platform):
    """Fetch the conda packages, every hash required, and link them into the prefix. No script of theirs runs.

    Return how many bytes were fetched.
    """
    cache = attempt.rooms.cache("conda")
    before = {path.name for path in cache.iterdir()}
    question = conda.install_question(packages, attempt.prefix, platform, cache, attempt.credentials.restore)
    notes = progress.MarkedLines(attempt.progress)
    answer = attempt.ask_conda(question, settings.INSTALL_SECONDS, "install", cache, notes)
    if "fault" in answer:
        attempt.give_up(*conda.explain_install(answer["fault"]))
    new = [package for package in packages if package.manager == CONDA and filename_of(package) not in before]
    return sum(package.size for package in new)


def size_of(folder):
    """Bytes of all files below."""
    return sum(os.lstat(os.path.join(here, name)).st_size for here, _, files in os.walk(folder) for name in files)


def filename_of(package):
    return unquote(urlsplit(package.url).path.rsplit("/", 1)[-1])
