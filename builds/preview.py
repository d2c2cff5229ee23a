"""What a definition would install, resolved while somebody types it.

The resolver runs in a limited child process, at most PREVIEWS_AT_ONCE of them for one web process, one person after
the other. A newer question of the same asker ends the older one. Builds have workers of their own, so nobody waits for
a build here.
"""

import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.db import connection
from uv import find_uv_bin

from environments import wheel_store
from environments.addresses import redact
from environments.models import Interpreter

from . import caches, channels, conda, process, sandbox, uv
from . import lock as locks
from .diagnosis import Diagnosis, diagnose
from .failures import Failure
from .models import Build, Lock
from .places import Crowded, Places, Superseded
from .resolve import CONSTRAINTS, NOTHING, PROVIDED, WHEELS, resolvable

__all__ = ["Crowded", "Preview", "Superseded", "resolve"]

places = Places(settings.PREVIEWS_AT_ONCE)


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


def resolve(definition, asker, person=None, patience=None):
    """Return the Preview of a definition without errors.

    Raise Superseded when the asker asks again meanwhile, Crowded when others keep all places for `patience` seconds.
    A person may be several askers, and has as many turns as other persons.
    """
    began = time.monotonic()
    patience = settings.PREVIEW_SECONDS if patience is None else patience
    with places.take(asker, asker if person is None else person, patience, _let_go_of_the_database) as ended:
        answer = _known(definition) or _resolve(definition, ended)
    return replace(answer, image_key=definition.image_key, seconds=time.monotonic() - began)


def _known(definition):
    """The lock that a build of this would take, because the first good one of its image key is kept."""
    if definition.secrets:
        return None  # what one workspace fetched with its credentials is not shown to another
    lock = Lock.objects.first_good(definition.image_key)
    if not lock:
        return None
    return Preview(
        lock.python, lock.platform, tuple(lock.values()), None, Build.objects.supplier_of(definition.image_key)
    )


def _resolve(definition, ended):
    if reason := _why_not(definition):
        return Preview(failure=Diagnosis(Failure.NOT_BUILDABLE, reason))
    python = "" if definition.conda_packages else _python_for(definition)
    if python is None:
        constraint = definition.python or f"={settings.DEFAULT_PYTHON}"
        there = ", ".join(Interpreter.objects.versions()) or "none yet"
        reason = f"Python {constraint.lstrip('=')} is on no worker. There are {there}."
        return Preview(failure=Diagnosis(Failure.PYTHON_MISSING, reason))
    work = Path(tempfile.mkdtemp(prefix="preview-", dir=settings.WORK))
    question = _Question(definition, python, uv.this_platform(), work, ended)
    try:
        with caches.in_use():
            packages = tuple(question.packages())
        return Preview(question.python, question.platform, packages)
    except _NoAnswer as fault:
        return Preview(question.python, question.platform, failure=fault.args[0])
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _python_for(definition):
    """The newest Python of a worker that a definition of pip packages alone can have, or None."""
    constraint = definition.python or f"={settings.DEFAULT_PYTHON}"
    return next(iter(Interpreter.objects.matching(constraint)), None)


def _why_not(definition):
    """Why nothing can be resolved, as a sentence, or nothing."""
    if definition.brings_its_own_python:
        return "The packages come with the Docker image, so there is nothing to resolve."
    source = next((line for line in definition.pip if line.is_source), None)
    if source:
        return f"{source.name or source.url} comes as source code, and wheels alone are installed here."
    elsewhere = [line.url for line in definition.pip if line.url and not line.wheel]
    elsewhere += [option.value for option in definition.pip_options if option.value]
    elsewhere += [spec.url for spec in definition.conda_packages if spec.url]
    if definition.conda_packages:
        named = [*definition.channels, *(spec.channel for spec in definition.conda_packages if spec.channel)]
        elsewhere += [channel for channel in named if channel != "nodefaults" and not channels.may_be_asked(channel)]
    return f"{redact(elsewhere[0])} is asked by a build only, not while somebody types." if elsewhere else ""


class _NoAnswer(Exception):
    """The argument is the Diagnosis that says why nothing can be installed."""


class _Question:
    """One definition, asked of the resolvers in a folder of its own until it has an answer or is `ended`."""

    def __init__(self, definition, python, platform, work, ended):
        self.definition, self.python, self.platform, self.work, self.ended = definition, python, platform, work, ended
        self.began = time.monotonic()

    def packages(self):
        solved = self.solve_conda() if self.definition.conda_packages else NOTHING
        self.python = self.python or solved.python
        return [*solved.packages, *self.resolve_pip(solved)]

    def solve_conda(self):
        wanted, cache = self.definition, settings.CACHE / ("channels-confined" if sandbox.is_on() else "channels")
        with_python = bool(wanted.pip) and all(spec.name != "python" for spec in wanted.conda)
        reads = (conda.SCRIPT, *sandbox.of_our_python()) if sandbox.is_on() else ()
        try:
            question = conda.question_of(wanted, self.platform, cache, with_python)
            answer = conda.ask(question, self.work, lambda command: self.call(command, reads, cache))
            solved = conda.read_solved(answer, wanted, self.platform)
            conda.check_together(wanted.pip, solved.provided)
        except conda.CondaFault as fault:
            raise _NoAnswer(Diagnosis(*fault.args)) from fault
        return solved

    def resolve_pip(self, solved):
        wanted, work = self.definition.pip_requirements, self.work
        if not wanted:
            return []
        private = _lay_out_wheels(self.definition, work / WHEELS)
        (work / "requirements.in").write_text("".join(f"{resolvable(line)}\n" for line in wanted))
        (work / CONSTRAINTS).write_text(conda.write_provided(solved.provided, work / PROVIDED))
        options = self.definition.pip_options
        asked = ("requirements.in", "pylock.toml", self.python, self.platform, options, CONSTRAINTS)
        self.call(uv.compile_lock(*asked))
        try:
            text = (work / "pylock.toml").read_text()
            return locks.read_pylock(text, self.python, self.platform, wanted, private, solved.provided)
        except ValueError as fault:
            raise _NoAnswer(Diagnosis(Failure.NO_WHEEL, str(fault))) from fault

    def call(self, command, reads=(), *caches):
        """Run a resolver. Raise _NoAnswer when it has none, Superseded when nobody wants it any more."""
        said, usage = bytearray(), process.Usage()
        seconds = max(1.0, settings.PREVIEW_SECONDS - (time.monotonic() - self.began))
        try:
            code = process.run(
                [str(part) for part in command],
                cwd=self.work,
                environ=uv.environ(self.work),
                room=self.room(reads, caches),
                usage=usage,
                limits=process.Limits.of(seconds, settings.PREVIEW_MEMORY),
                output=said.extend,
                beat=lambda: not self.ended.is_set(),
            )
        except process.Stopped:
            raise Superseded from None
        except process.TooSlow:
            reason = f"This takes longer than {settings.PREVIEW_SECONDS} s to resolve. A build has more time."
            raise _NoAnswer(Diagnosis(Failure.SOLVER_TIMEOUT, reason)) from None
        if usage.ran_out_of_memory:
            reason = f"This needs more than {settings.PREVIEW_MEMORY} MB to resolve. A build has more memory."
            raise _NoAnswer(Diagnosis(Failure.OUT_OF_MEMORY, reason))
        if code:
            text = said.decode("utf-8", "replace").replace(str(self.work), "work")
            raise _NoAnswer(diagnose(text, "resolve", settings.PREVIEW_MEMORY))

    def room(self, reads, caches):
        """What a resolver may see: its folder, caches, the network, and a Python."""
        if not sandbox.is_on():
            for cache in caches:
                cache.mkdir(parents=True, exist_ok=True)
            return None
        self.work.chmod(0o755)  # whoever opens the room has no right of its own to somebody's closed folder
        sandbox.give(self.work, sandbox.TOOLS)
        for cache in (uv.cache(), *caches):
            cache.mkdir(parents=True, exist_ok=True)
            sandbox.give_itself(cache, sandbox.TOOLS)
        paths = Interpreter.objects.filter(version=self.python).values_list("path", flat=True)
        interpreter = next((path for path in paths if Path(path).exists()), sys.executable)
        reads = (find_uv_bin(), *uv.certificates(), *sandbox.of_python(interpreter), *reads)
        return sandbox.Room(reads, (self.work, uv.cache(), *caches), network=True)


def _lay_out_wheels(definition, folder):
    """Put the private wheels where the resolver looks. Return (sha256, filename, size) of each."""
    folder.mkdir()
    there = []
    for wheel in definition.wheels:
        path = wheel_store.path_of(wheel.sha256)
        shutil.copyfile(path, folder / wheel.filename)
        there.append((wheel.sha256, wheel.filename, path.stat().st_size))
    return there


def _let_go_of_the_database():
    """Those that wait hold no connection; the next query opens one."""
    if not connection.in_atomic_block:
        connection.close()
