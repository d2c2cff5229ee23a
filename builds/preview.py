"""What a definition would install, resolved while somebody types it.

The resolver runs in a limited child process, at most PREVIEWS_AT_ONCE of them for one web process, one person after
the other. A newer question of the same asker ends the older one. Builds have workers of their own, so nobody waits for
a build here.
"""

import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.db import connection

from environments import wheel_store
from environments.addresses import redact
from environments.findings import errors
from environments.models import Interpreter, Rule

from . import caches, channels, lock_policy, process, sandbox, sdists, uv
from .credentials import Credentials
from .diagnosis import Diagnosed, Diagnosis, diagnose
from .failures import Failure
from .lock_models import digest_of
from .models import Build, Lock, Worker
from .places import Crowded, Places, Superseded
from .resolve import WHEELS, packages_of
from .rooms import Rooms

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
    installed_size: int | None = None  # bytes on disk, where a build of this lock has shown it
    needs_build: bool = False  # which has more time and memory, and may ask more addresses

    @property
    def fits(self):
        return not self.failure

    @property
    def size(self):
        """Bytes to download."""
        return sum(package.size for package in self.packages)


def resolve(definition, asker, person=None, patience=None, platform="", anew=False, rules=None):
    """Return the Preview of a definition without errors. `rules` is the Policy that what is resolved is under, too.

    Raise Superseded when the asker asks again meanwhile, Crowded when others keep all places for `patience` seconds.
    A person may be several askers, and has as many turns as other persons. `platform` is another than ours. `anew`
    looks past the lock that is kept, and the packages say why they are there.
    """
    began = time.monotonic()
    platform = platform or uv.this_platform()
    patience = settings.PREVIEW_SECONDS if patience is None else patience
    with places.take(asker, asker if person is None else person, patience, _let_go_of_the_database) as ended:
        answer = (not anew and _known(definition, platform)) or _resolve(definition, platform, ended, quick=not anew)
    answer = _under(rules, answer)
    return replace(answer, image_key=definition.image_key, seconds=time.monotonic() - began)


def _under(rules, answer):
    """The same answer, or a failure where it has packages that may not be."""
    refused = lock_policy.refusals(answer.packages, rules) if rules and answer.fits else ()
    if not refused:
        return answer
    failure = Diagnosis(Failure.NOT_ALLOWED, " ".join(refused))
    return replace(answer, packages=(), supplier=None, installed_size=None, failure=failure)


def _known(definition, platform):
    """The lock that a build of this would take, because one of its image key is kept."""
    if definition.secrets:
        return None  # what one workspace fetched with its credentials is not shown to another
    lock = Lock.objects.kept(definition.image_key, platform)
    if not lock or lock_policy.refusals(lock.values(), Rule.objects.rules()):
        return None  # a build would resolve anew
    supplier = Build.objects.with_lock(definition.image_key, lock)
    return Preview(
        lock.python, lock.platform, tuple(lock.values()), supplier=supplier, installed_size=lock.installed_size
    )


def _resolve(definition, platform, ended, quick):
    if reason := _why_never(definition):
        return Preview(failure=Diagnosis(Failure.NOT_BUILDABLE, reason))
    if refused := sdists.why_not(definition, *_sandbox()):
        return Preview(failure=Diagnosis(*refused))
    if reason := _why_not_here(definition):
        return Preview(failure=Diagnosis(Failure.NOT_BUILDABLE, reason), needs_build=True)
    python = "" if definition.conda_packages else _python_for(definition)
    if python is None:
        constraint = definition.python or f"={settings.DEFAULT_PYTHON}"
        there = ", ".join(Interpreter.objects.versions()) or "none yet"
        reason = f"Python {constraint.lstrip('=')} is on no worker. There are {there}."
        return Preview(failure=Diagnosis(Failure.PYTHON_MISSING, reason))
    work = Path(tempfile.mkdtemp(prefix="preview-", dir=settings.WORK))
    work.chmod(0o755)  # whoever opens a room has no right of its own to somebody's closed folder
    question = _Question(definition, python, work, ended)
    try:
        with caches.in_use():
            python, packages = packages_of(question, python, platform, quick)
        same = Lock.objects.filter(digest=digest_of(python, platform, packages)).first()
        return Preview(python, platform, tuple(packages), installed_size=same and same.installed_size)
    except Diagnosed as fault:
        return Preview(python, platform, failure=fault.diagnosis, needs_build=question.was_too_much)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sandbox():
    """Return (whether a build would be confined, what is said of it): what workers say, ours where there are none."""
    workers = Worker.objects.alive()
    if workers.filter(is_sandboxed=True).exists():
        return True, ""
    worker = workers.first()
    return (False, worker.sandbox_note) if worker else sandbox.state()


def _python_for(definition):
    """The newest Python of a worker that a definition of pip packages alone can have, or None."""
    constraint = definition.python or f"={settings.DEFAULT_PYTHON}"
    return next(iter(Interpreter.objects.matching(constraint)), None)


def _why_never(definition):
    """Why nobody can resolve it, as a sentence, or nothing."""
    if refused := errors(definition.findings):
        return f"This version was registered under other rules. {' '.join(finding.sentence for finding in refused)}"
    if definition.brings_its_own_python:
        return "The packages come with the Docker image, so there is nothing to resolve."
    if source := next((line for line in definition.pip if line.is_source), None):
        return f"{source.name or source.url} comes as source code, and source is taken from an index alone."
    return ""


def _why_not_here(definition):
    """What only a build may build or ask, as a sentence, or nothing."""
    if definition.from_source:
        return f"What is built from source ({', '.join(definition.from_source)}) is resolved by a build only, not while somebody types."
    elsewhere = [line.url for line in definition.pip if line.url and not line.wheel]
    elsewhere += [option.address for option in definition.pip_options if option.address]
    elsewhere += [spec.url for spec in definition.conda_packages if spec.url]
    if definition.conda_packages:
        named = [*definition.channels, *(spec.channel for spec in definition.conda_packages if spec.channel)]
        elsewhere += [channel for channel in named if channel != "nodefaults" and not channels.may_be_asked(channel)]
    return f"{redact(elsewhere[0])} is asked by a build only, not while somebody types." if elsewhere else ""


class _Question:
    """One definition, asked of the resolvers in a folder of its own until it has an answer or is `ended`."""

    def __init__(self, definition, python, work, ended):
        self.definition, self.work, self.ended = definition, work, ended
        self.began = time.monotonic()
        self.rooms, self.environ = Rooms(work), uv.environ(work)
        self.credentials = Credentials()  # addresses with secrets are asked by a build only
        self.rooms.interpreter = _path_of(python)
        self.was_too_much = False
        self.blocked = Rule.objects.rules().blocked
        self.private = _lay_out_wheels(definition, work / WHEELS)

    def say(self, line):
        """Nobody reads it."""

    def give_up(self, failure, reason):
        raise Diagnosed(Diagnosis(failure, reason))

    def ask(self, command, room, environ, unless=None):
        """Run a resolver. Return whether it has answered; it has to, unless what it says matches this pattern.

        Raise Superseded when nobody wants the answer any more.
        """
        said, usage = bytearray(), process.Usage()
        seconds = max(1.0, settings.PREVIEW_SECONDS - (time.monotonic() - self.began))
        try:
            code = process.run(
                [str(part) for part in command],
                cwd=self.work,
                environ=environ,
                room=room,
                usage=usage,
                limits=process.Limits.of(seconds, settings.PREVIEW_MEMORY),
                output=said.extend,
                beat=lambda: not self.ended.is_set(),
            )
        except process.Stopped:
            raise Superseded from None
        except process.TooSlow:
            self.was_too_much = True
            reason = f"This takes longer than {settings.PREVIEW_SECONDS} s to resolve. A build has more time."
            self.give_up(Failure.SOLVER_TIMEOUT, reason)
        if usage.ran_out_of_memory:
            self.was_too_much = True
            reason = f"This needs more than {settings.PREVIEW_MEMORY} MB to resolve. A build has more memory."
            self.give_up(Failure.OUT_OF_MEMORY, reason)
        if code and unless and re.search(unless.encode(), said):
            return False
        if code:
            text = said.decode("utf-8", "replace").replace(str(self.work), "work")
            raise Diagnosed(diagnose(text, "resolve", settings.PREVIEW_MEMORY))
        return True


def _path_of(python):
    """Where the interpreter of that version is on this machine, else our own."""
    paths = Interpreter.objects.filter(version=python).values_list("path", flat=True)
    return next((path for path in paths if Path(path).exists()), sys.executable)


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
