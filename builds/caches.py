"""The caches of this machine: who uses them says so, and what is too old or too much goes when nobody does."""

import fcntl
import logging
import shutil
import stat
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from uv import find_uv_bin

from . import process, sandbox, uv

log = logging.getLogger(__name__)

UV, CONDA, CHANNELS = ("uv", "uv-confined"), ("conda", "conda-confined"), ("channels", "channels-confined")
BUILT = ("built",)  # wheels that were built from source
KEPT = 30 * 86400  # seconds for which what was read of a channel or index may still be of use


@contextmanager
def in_use():
    """While this is open, nothing that is in the caches of this machine is removed."""
    with open(_lock(), "a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # never waits for long: who has it for themselves only renames
        yield


@contextmanager
def unused():
    """Yield whether nobody uses them; then nobody begins to until this is closed."""
    with open(_lock(), "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def clean():
    """Bring the caches below their limits. Return whether that was done; it is not while a build runs."""
    prune()
    _forget_answers()
    too_much = _too_much()
    with unused() as is_ours:
        if not is_ours:
            return False
        for path in too_much:
            _throw_away(path)
    empty_trash()
    return True


def prune():
    """Have uv remove what nothing in its caches refers to any more. It waits for none of its own processes."""
    for folder in _there(UV):
        is_confined = folder.name.endswith("-confined") and sandbox.is_on()
        room = sandbox.Room((find_uv_bin(),), (folder,)) if is_confined else None
        environ = uv.bare_environ("/") | {"UV_CACHE_DIR": str(folder), "UV_NO_CONFIG": "1", "UV_LOCK_TIMEOUT": "1"}
        try:
            process.capture(uv.prune(), environ=environ, limits=process.Limits.of(300, 2000), room=room)
        except OSError as fault:
            log.info("the cache %s is in use or was not pruned: %s", folder.name, fault)


def empty_trash():
    shutil.rmtree(trash(), ignore_errors=True)


def trash():
    """What is to be removed and cannot be found any more by those who look where it was."""
    return settings.CACHE / "trash"


def built():
    """The folder of wheels that were built from source. No room has it."""
    return settings.CACHE / BUILT[0]


def answers():
    """The folder in which answers of the index are kept; None where that is no folder."""
    kept = settings.CACHES["default"]
    return Path(kept["LOCATION"]) if "filebased" in kept["BACKEND"] else None


def tally(folder):
    """Return (bytes, files) of what is below a folder; a file with two names counts once."""
    size, files, seen, folders = 0, 0, set(), [folder]
    while folders:
        for path in _children(folders.pop()):
            facts = _facts(path)
            if not facts:
                continue
            if stat.S_ISDIR(facts.st_mode):
                folders.append(path)
            elif (inode := (facts.st_dev, facts.st_ino)) not in seen:
                size, files = size + facts.st_size, files + 1
                if facts.st_nlink > 1:
                    seen.add(inode)
    return size, files


def _too_much():
    """The paths that make a cache larger than it may be, and what nobody has read for a month."""
    most = settings.CACHE_MB * 1_000_000
    found = [folder for folder in _there(UV) if most and tally(folder)[0] > most]
    for folder in _there((*CONDA, *BUILT)) if most else ():
        found += _least_used(folder, most)
    for folder in _there(CHANNELS):
        found += [path for path in _children(folder) if time.time() - _used(path) > KEPT]
    return found


def _least_used(folder, most):
    """The entries of a cache of conda packages that have to go so that the others fit, with what belongs to each."""
    entries = {}
    for path in _children(folder):
        entries.setdefault(path.name.removesuffix(".lock"), []).append(path)
    sized = [(max(map(_used, paths)), sum(map(_size, paths)), paths) for paths in entries.values()]
    left, found = sum(size for _, size, _ in sized), []
    for _, size, paths in sorted(sized, key=lambda entry: entry[0]):
        if left <= most:
            break
        left -= size
        found += paths
    return found


def _used(path):
    """When it was read or written last, in seconds. Who installs a conda package reads what stands in `info`."""
    looked_at = [facts for facts in map(_facts, (path, path / "info" / "paths.json")) if facts]
    return max((max(facts.st_atime, facts.st_mtime) for facts in looked_at), default=0)


def _size(path):
    facts = _facts(path)
    if not facts:
        return 0
    return tally(path)[0] if stat.S_ISDIR(facts.st_mode) else facts.st_size


def _throw_away(path):
    trash().mkdir(parents=True, exist_ok=True)
    try:
        path.rename(trash() / uuid.uuid4().hex)
    except OSError:  # gone already, or on another disk: the next time
        log.exception("%s was not removed", path.name)


def _forget_answers():
    folder = answers()
    for path in _children(folder) if folder else ():
        if path.suffix == ".djcache" and time.time() - _used(path) > KEPT:
            path.unlink(missing_ok=True)


def _lock():
    settings.CACHE.mkdir(parents=True, exist_ok=True)
    return settings.CACHE / ".in-use"


def _there(names):
    return [settings.CACHE / name for name in names if (settings.CACHE / name).is_dir()]


def _children(folder):
    try:
        return list(Path(folder).iterdir())
    except OSError:  # removed meanwhile
        return []


def _facts(path):
    try:
        return path.lstat()
    except OSError:
        return None
