"""What a definition would install, resolved while somebody types it.

The resolver runs in a limited child process, at most PREVIEWS_AT_ONCE of them for one web process. A newer question
of the same asker ends the older one.
"""

import shutil
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from uv import find_uv_bin

from environments import wheel_store
from environments.addresses import redact
from environments.models import Interpreter

from . import lock as locks
from . import process, sandbox, uv
from .diagnosis import Diagnosis, diagnose
from .failures import Failure
from .models import Build, Lock
from .resolve import WHEELS, resolvable

_slots = threading.BoundedSemaphore(settings.PREVIEWS_AT_ONCE)
_askers = {}  # who asked -> the Event that ends their question
_guard = threading.Lock()


class Superseded(Exception):
    """The same asker has asked something newer."""


@dataclass(frozen=True)
class Preview:
    """Either `packages` or a `failure` that says why there are none. `supplier` is a build that has it already."""

    python: str = ""
    platform: str = ""
    packages: tuple = ()
    failure: Diagnosis | None = None
    supplier: Build | None = None
    image_key: str = ""
    seconds: float = 0.0

    @property
    def fits(self):
        return not self.failure

    @property
    def size(self):
        """Bytes to download."""
        return sum(package.size for package in self.packages)


def resolve(definition, asker):
    """Return the Preview of a definition without errors. Raise Superseded when the asker asks again meanwhile."""
    began = time.monotonic()
    with _turn(asker) as ended:
        answer = _known(definition) or _resolve(definition, ended)
    return replace(answer, image_key=definition.image_key, seconds=time.monotonic() - began)


def _known(definition):
    """The lock that a build of this would take, because the first good one of its image key is kept."""
    lock = Lock.objects.first_good(definition.image_key)
    if not lock:
        return None
    return Preview(
        lock.python, lock.platform, tuple(lock.values()), None, Build.objects.supplier_of(definition.image_key)
    )


def _resolve(definition, ended):
    if reason := _why_not(definition):
        return Preview(failure=Diagnosis(Failure.NOT_BUILDABLE, reason))
    constraint = definition.python or f"={settings.DEFAULT_PYTHON}"
    versions = Interpreter.objects.matching(constraint)
    if not versions:
        there = ", ".join(Interpreter.objects.versions()) or "none yet"
        reason = f"Python {constraint.lstrip('=')} is on no worker. There are {there}."
        return Preview(failure=Diagnosis(Failure.PYTHON_MISSING, reason))
    work = Path(tempfile.mkdtemp(prefix="preview-", dir=settings.WORK))
    try:
        return _ask(definition, versions[0], uv.this_platform(), work, ended)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _why_not(definition):
    """Why nothing can be resolved, as a sentence, or nothing."""
    if definition.brings_its_own_python:
        return "The packages come with the Docker image, so there is nothing to resolve."
    if definition.conda_packages:
        named = ", ".join(spec.name for spec in definition.conda_packages[:5])
        return f"Conda packages cannot be resolved by this portal, and the definition asks for {named}."
    source = next((line for line in definition.pip if line.is_source), None)
    if source:
        return f"{source.name or source.url} comes as source code, and wheels alone are installed here."
    elsewhere = [line.url for line in definition.pip if line.url and not line.wheel]
    elsewhere += [option.value for option in definition.pip_options if option.value]
    return f"{redact(elsewhere[0])} is asked by a build only, not while somebody types." if elsewhere else ""


def _ask(definition, python, platform, work, ended):
    wanted = definition.pip_requirements
    private = _lay_out_wheels(definition, work / WHEELS)
    (work / "requirements.in").write_text("".join(f"{resolvable(line)}\n" for line in wanted))
    command = uv.compile_lock("requirements.in", "pylock.toml", python, platform, definition.pip_options)
    said, usage = bytearray(), process.Usage()
    limits = process.Limits.of(settings.PREVIEW_SECONDS, settings.PREVIEW_MEMORY)
    try:
        code = process.run(
            command,
            cwd=work,
            environ=uv.environ(work),
            room=_room(work, python),
            usage=usage,
            limits=limits,
            output=said.extend,
            beat=lambda: not ended.is_set(),
        )
    except process.Stopped:
        raise Superseded from None
    except process.TooSlow:
        reason = f"This takes longer than {settings.PREVIEW_SECONDS} s to resolve. A build has more time."
        return Preview(python, platform, failure=Diagnosis(Failure.SOLVER_TIMEOUT, reason))
    if usage.ran_out_of_memory:
        reason = f"This needs more than {settings.PREVIEW_MEMORY} MB to resolve. A build has more memory."
        return Preview(python, platform, failure=Diagnosis(Failure.OUT_OF_MEMORY, reason))
    if code:
        text = said.decode("utf-8", "replace").replace(str(work), "work")
        return Preview(python, platform, failure=diagnose(text, "resolve", settings.PREVIEW_MEMORY))
    try:
        packages = locks.read_pylock((work / "pylock.toml").read_text(), python, platform, wanted, private)
    except ValueError as fault:
        return Preview(python, platform, failure=Diagnosis(Failure.NO_WHEEL, str(fault)))
    return Preview(python, platform, tuple(packages))


def _room(work, python):
    """What the resolver may see: its folder, the cache of builds, the network, and the Python that it resolves for."""
    if not sandbox.is_on():
        return None
    work.chmod(0o755)  # whoever opens the room has no right of its own to somebody's closed folder
    sandbox.give(work, sandbox.TOOLS)
    uv.cache().mkdir(parents=True, exist_ok=True)
    sandbox.give_itself(uv.cache(), sandbox.TOOLS)
    paths = Interpreter.objects.filter(version=python).values_list("path", flat=True)
    interpreter = next((path for path in paths if Path(path).exists()), sys.executable)
    reads = (find_uv_bin(), *uv.certificates(), *sandbox.of_python(interpreter))
    return sandbox.Room(reads, (work, uv.cache()), network=True)


def _lay_out_wheels(definition, folder):
    """Put the private wheels where the resolver looks. Return (sha256, filename, size) of each."""
    folder.mkdir()
    there = []
    for wheel in definition.wheels:
        path = wheel_store.path_of(wheel.sha256)
        shutil.copyfile(path, folder / wheel.filename)
        there.append((wheel.sha256, wheel.filename, path.stat().st_size))
    return there


@contextmanager
def _turn(asker):
    """End what the asker asked before, and wait for a place."""
    ended = threading.Event()
    with _guard:
        older, _askers[asker] = _askers.get(asker), ended
    if older:
        older.set()
    try:
        while not _slots.acquire(timeout=0.1):
            if ended.is_set():
                raise Superseded
        try:
            yield ended
        finally:
            _slots.release()
    finally:
        with _guard:
            if _askers.get(asker) is ended:
                del _askers[asker]
