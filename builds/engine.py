"""Builds a version: resolve, install, check, pack. One function, `work_on`; the rest are its steps."""

import errno
import logging
import re
import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.utils import timezone

from environments import addresses
from environments.addresses import redact as redacted
from environments.findings import errors
from environments.models import Interpreter, Rule
from environments.texts import count

from . import caches, conda, credentials, lock_policy, pack, private_wheels, process, sandbox, sdists, uv
from .check import check
from .diagnosis import Diagnosed, Diagnosis, Tail, diagnose, out_of_memory
from .failures import Failure
from .install import install, link, size_of
from .log import LogWriter
from .models import ArchiveOrder, Build, Lock, Status, Step, VersionLock
from .progress import Progress
from .redact import Redactor, redact, secrets_of
from .resolve import WHEELS, packages_of
from .rooms import Rooms

log = logging.getLogger(__name__)

WARN_AT = 0.8  # of a time limit
HEARTBEAT = 2.0  # seconds between saying that we work on it, and so the longest that a cancel waits

# Set when the worker is told to end. Builds then fail with a sentence instead of being cut off.
stopping = threading.Event()


class Taken(Exception):
    """The build ended elsewhere while we worked on it: cancelled, or given up as lost."""


def run(build, worker=""):
    """Build this one, whoever's turn it is, unless somebody else does or did."""
    if build.move_to(Status.RUNNING, worker=worker):
        work_on(build)


def work_on(build):
    """Build what was claimed. Whatever happens, it is ended when this returns."""
    prefix, work = settings.PREFIXES / str(build.pk), settings.WORK / str(build.pk)
    try:
        if build.finish_from_twin():
            return
        work.mkdir(parents=True)
        settings.PREFIXES.mkdir(parents=True, exist_ok=True)
        with caches.in_use():
            Attempt(build, prefix, work).run()
        if build.finish(Status.SUCCEEDED, prefix=prefix.name) and settings.ARCHIVE == "built":
            ArchiveOrder.objects.order(build, build.asked_by)
    except Taken:
        pass
    except Diagnosed as fault:
        build.fail(**vars(fault.diagnosis))
    except Exception as fault:
        log.exception("build %s", build.pk)
        if not connection.in_atomic_block:
            connection.close()  # should that be what failed, the next query opens another
        if getattr(fault, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            build.fail(Failure.DISK_FULL, "The disk of the worker is full.")
        else:
            build.fail(Failure.OURS, "envportal itself failed. Administrators find the cause in the worker's log.")
    finally:
        # The row decides, not how we came here.
        if Build.objects.good().filter(pk=build.pk).exists():
            shutil.rmtree(work, ignore_errors=True)
        else:
            remove_folders(build)


def remove_folders(build):
    """Remove what a build that did not succeed has made: on this machine, and in the storage."""
    build.artifacts.all().delete()
    for folder in (settings.WORK, settings.PREFIXES):
        shutil.rmtree(folder / str(build.pk), ignore_errors=True)


def _minor(python):
    """3.11 of 3.11.7."""
    return python.rpartition(".")[0]


class Attempt:
    """The work on one build: its folders, its log, its clock."""

    def __init__(self, build, prefix, work):
        self.build, self.prefix, self.work = build, prefix, work
        self.definition = build.version.definition
        self.log = LogWriter(build)
        self.heard = time.monotonic()
        self.environ = uv.environ(work)
        self.credentials = credentials.Credentials()
        self.usage, self.progress = process.Usage(), None
        self.portal_rules = Rule.objects.rules()
        self.blocked = self.portal_rules.blocked
        self.built, self.fetched = {}, 0  # from source: {sha256: Built}; bytes that were fetched for it
        self.is_linked = False  # whether the prefix has the packages of conda
        self.rooms = Rooms(work, prefix, build.pk.int)
        self.wheels = list(build.version.wheels.select_related("workspace").order_by("filename"))

    def run(self):
        with self.step(Step.Name.RESOLVE) as step:
            self.check_buildable()
            lock = self.lock_to_take()
            interpreter = None if self.definition.conda_packages else self.find_interpreter(lock)
            lock = self.resolve(lock, interpreter)
            packages = lock.values()
            self.check_policy(packages)
            step.summary = count(len(packages), "package")
            step.downloaded = sum(wheel.size for wheel in self.wheels) + self.fetched
        if self.build.is_refresh and self.moved_nothing():
            shutil.rmtree(self.prefix, ignore_errors=True)
            return
        with self.step(Step.Name.INSTALL) as step:
            step.downloaded = install(self, interpreter, lock, packages)
            step.bytes = size_of(self.prefix)
            step.summary = f"{step.bytes / 1e6:.1f} MB, {step.downloaded / 1e6:.1f} MB fetched"
        with self.step(Step.Name.CHECK) as step:
            step.summary = f"{count(check(self, lock, packages), 'module')} imported"
        with self.step(Step.Name.PACK) as step:
            files = pack.pack(self)
            step.bytes = sum(file.size for file in files)
            step.summary = f"{count(len(files), 'file')}, {step.bytes / 1e3:.1f} kB"

    @contextmanager
    def step(self, name):
        """Open a step, close it when its work is done. A failing one is closed by the end of the build."""
        step = self.build.steps.get(name=name)
        self.log.end_line()
        self.log.flush()
        waiting = self.build.steps.filter(pk=step.pk, status=Status.QUEUED)
        place = {"offset": self.log.offset, "line": self.log.lines}
        if not waiting.update(status=Status.RUNNING, started=timezone.now(), **place):
            raise Taken  # whoever ended the build ended its steps too
        self.usage, self.progress = process.Usage(), Progress(step)
        try:
            yield step
            self.progress.write()
        finally:
            self.log.flush()
            step.peak_memory = self.usage.peak_memory or None
            self.build.steps.filter(pk=step.pk).update(peak_memory=step.peak_memory)
        self.build.steps.filter(pk=step.pk, status=Status.RUNNING).update(
            **{"status": Status.SUCCEEDED, "ended": timezone.now(), "summary": step.summary},
            **{"downloaded": step.downloaded, "bytes": step.bytes},
        )

    # The steps

    def check_buildable(self):
        """Fail with the sentence that says why this cannot be built here, if there is such a reason."""
        self.say(f"Building {self.build.version} for {uv.this_platform()} on worker {self.build.worker or 'here'}")
        self.check_sandbox()
        wanted = self.definition
        if refused := errors(wanted.findings):
            told = " ".join(finding.sentence for finding in refused)
            self.give_up(Failure.NOT_BUILDABLE, f"This version was registered under other rules. {told}")
        if refused := self.build.version.refusals():
            told = " ".join(finding.sentence for finding in refused)
            self.give_up(Failure.NOT_ALLOWED, f"The rules of {self.build.workspace} refuse this version. {told}")
        for finding in self.build.version.outdated:
            self.say(f"Warning: {finding.message}")
        if wanted.brings_its_own_python:
            self.give_up(
                Failure.NOT_BUILDABLE,
                "This definition takes its packages from the Docker image (userManagedDependencies), "
                "so there is nothing to resolve and install.",
            )
        if wanted.needs_a_dockerfile_builder:
            self.give_up(
                Failure.NOT_BUILDABLE,
                "This definition has a Dockerfile of its own, which needs a Dockerfile builder; this portal has none.",
            )
        for line in wanted.pip:
            if line.is_source:
                self.give_up(
                    Failure.NOT_BUILDABLE,
                    f"{line.name or line.url} comes as source code from an address of its own, and this portal takes "
                    "source from an index alone. Name a release of it, or upload a wheel.",
                )
        if reason := sdists.why_not(wanted, *sandbox.state()):
            self.give_up(*reason)
        if unfillable := [address for _, address in wanted.addresses if addresses.unfillable(address)]:
            told = f"{addresses.unfillable(unfillable[0])} in {redacted(unfillable[0])} is filled in by nothing"
            self.give_up(Failure.NOT_BUILDABLE, f"{told}. A secret of the workspace is written ${{NAME}}, in capitals.")
        self.check_disk()
        self.take_credentials()

    def take_credentials(self):
        """Have the secrets that the definition names, if it names any."""
        try:
            self.credentials = credentials.of(self.build)
        except credentials.Unavailable as fault:
            self.give_up(Failure.CREDENTIALS, str(fault))
        if self.credentials:
            self.rooms.keeps_cache = False
            self.environ["UV_CACHE_DIR"] = str(self.rooms.cache("uv"))
            named = ", ".join(self.credentials.values)
            self.say(f"Secrets of {self.build.workspace} are filled in: {named}. No cache keeps what they open.")

    def check_sandbox(self):
        is_on, told = sandbox.state()
        Build.objects.filter(pk=self.build.pk).update(is_sandboxed=is_on)
        if settings.SANDBOX == "on" and not is_on:
            told += " ENVPORTAL_SANDBOX is on, so no build starts on this worker."
            self.give_up(Failure.NOT_BUILDABLE, told)
        self.say(told)

    def check_disk(self):
        free = shutil.disk_usage(self.work).free // 1_000_000
        if free < settings.MIN_FREE_DISK:
            self.give_up(
                Failure.DISK_FULL,
                f"The disk of the worker has {free:,} MB free; a build starts with {settings.MIN_FREE_DISK:,} MB or more.",
            )

    def watch_disk(self):
        """End the build before it takes the last of the disk, which others need, too."""
        free = shutil.disk_usage(self.work).free // 1_000_000
        if free < settings.MIN_FREE_DISK // 4:
            self.give_up(
                Failure.DISK_FULL,
                f"The disk of the worker had {free:,} MB free, so this build was ended before it had none.",
            )

    def check_policy(self, packages):
        """Fail where a package may not be here that the definition does not name, or not in this version."""
        if refused := lock_policy.refusals(packages, Rule.objects.rules(self.build.workspace)):
            self.give_up(Failure.NOT_ALLOWED, f"The rules of {self.build.workspace} refuse this. {' '.join(refused)}")

    def lock_to_take(self):
        """The lock that was asked for, else the one that is kept; None for a refresh that looks for itself."""
        build = self.build
        build.previous_lock = Lock.objects.kept(build.reuse_key)
        return build.asked_lock or (None if build.is_refresh else build.previous_lock)

    def find_interpreter(self, lock):
        """Return (version, path) of the interpreter for a definition that takes nothing from conda.

        It is the one that the lock is for, if that is here; otherwise the newest.
        """
        here = Interpreter.objects.filter(worker=self.build.worker)
        constraint = self.definition.python or f"={settings.DEFAULT_PYTHON}"
        versions = here.matching(constraint)
        if not versions:
            there = ", ".join(here.versions()) or "none"
            self.give_up(
                Failure.PYTHON_MISSING,
                f"Python {constraint.lstrip('=')} is not on the worker. There are {there}.",
            )
        version = next(
            (version for version in versions if lock and _minor(version) == _minor(lock.python)), versions[0]
        )
        self.say(f"Python {version}")
        self.rooms.interpreter = here.get(version=version).path
        return version, self.rooms.interpreter

    def resolve(self, lock, interpreter):
        """Return the lock to install: the one to take, where it fits, or a new one."""
        build, platform = self.build, uv.this_platform()
        private_wheels.fetch_all(self)
        unfit = lock and self.why_not(lock, interpreter, platform)
        if lock and not unfit:
            self.say(
                f"Taking the lock {lock} that {'was asked for' if build.asked_lock else 'is kept for this image key'}"
            )
        elif build.asked_lock:
            told = f"The lock {lock} is for Python {lock.python} on {lock.platform}, which this worker does not have."
            self.give_up(Failure.PYTHON_MISSING, told)
        else:
            if lock:
                self.say(f"The lock {lock} that is kept {unfit}, so packages are resolved anew")
                build.is_refresh = True
            python, packages = packages_of(self, interpreter[0] if interpreter else "", platform)
            lock = Lock.objects.store(python, platform, packages)
        build.lock, build.previous_lock = lock, build.previous_lock if build.is_refresh else None
        if build.previous_lock:  # perhaps of another version with this image key
            VersionLock.objects.offer(build.version, build.previous_lock, build.asked_by)
        fields = {"lock": lock, "previous_lock": build.previous_lock, "is_refresh": build.is_refresh}
        Build.objects.filter(pk=build.pk).update(**fields)
        packages = lock.values()
        for package in packages:
            build = f" {package.build}" if package.build else ""
            self.log.write(
                f"  {package.name} {package.version}{build}{'' if package.direct else '  (transitive)'}\n".encode()
            )
        self.say(f"{count(len(packages), 'package')} locked")
        return lock

    def why_not(self, lock, interpreter, platform):
        """Why a lock is not taken: it is for another platform or Python, unless it brings one, or not allowed by now."""
        if lock.platform != platform or (interpreter and _minor(lock.python) != _minor(interpreter[0])):
            there = "" if lock.platform == platform else f" on {lock.platform}"
            return f"is for Python {lock.python}{there}"
        is_asked = lock == self.build.asked_lock  # which then fails with the sentence of the policy
        if not is_asked and lock_policy.refusals(lock.values(), self.portal_rules):
            return "has what the rules of the portal refuse"
        return ""

    def moved_nothing(self):
        """End with the build that installed this very lock, if there is one. Return whether it did."""
        ended = self.build.finish_as_moved_nothing()
        if ended:
            self.say(f"Build {self.build.reused_from} has installed exactly this already")
            self.log.flush()
        return ended

    def ask_conda(self, question, seconds, step, cache, notes=None):
        """Ask the child that is conda for us. Return its answer."""
        ask = {"room": self.rooms.of_conda(cache), "environ": self.environ | self.credentials.environ, "notes": notes}
        return conda.ask(question, self.work, lambda command: self.call(command, seconds, step, **ask))

    # What all steps do

    @property
    def private(self):
        """What a resolver is told of the private wheels."""
        return [(wheel.sha256, wheel.filename, wheel.size) for wheel in self.wheels]

    def ask(self, command, room, environ, unless=None):
        """Run a resolver. Return whether it has answered; it has to, where there is no `unless`."""
        where = {"cwd": self.work, "room": room, "environ": environ}
        return self.call(command, settings.RESOLVE_SECONDS, "resolve", unless=unless, **where) is not None

    def wheel_of(self, package, python, conda):
        """What a package is built into that comes as source, beside these Packages of conda."""
        return sdists.wheel_of(self, package, python, conda)

    def link(self, packages, platform):
        """Link the conda packages into the prefix, unless that was done. Return how many bytes were fetched."""
        fetched = 0 if self.is_linked else link(self, packages, platform)
        self.is_linked = True
        return fetched

    def call(self, command, seconds, step, *, room, cwd=None, environ=None, notes=None, unless=None):
        """Run a tool in a room, its output into the log. Return the end of that output, if it went well.

        `notes` takes things out of that output. With `unless` nothing is written before the tool ends; should it fail
        and have said what that pattern matches, nothing at all, and None is returned.
        """
        tail = Tail(self.log.lines)

        def output(data):
            tail.write(data)
            self.log.write(data)

        redactor, held = Redactor(self.unspoken(), output), []
        filters = [redactor]
        if notes:
            notes.output = redactor.write
            filters.insert(0, notes)
        limits = process.Limits.of(seconds, settings.BUILD_MEMORY)
        try:
            slow = Failure.SOLVER_TIMEOUT if step == "resolve" else Failure.TIMEOUT
            with self.ends_in_time(step, seconds, slow):
                code = process.run(
                    [str(part) for part in command],
                    cwd=cwd or settings.PREFIXES,  # so that logs name the prefix and not where it stands
                    environ=environ or self.environ,
                    limits=limits,
                    output=held.append if unless else filters[0].write,
                    beat=self.warning_beat(step, seconds, tail),
                    room=room,
                    usage=self.usage,
                )
        finally:
            said = b"".join(held)
            is_excused = bool(unless and re.search(unless.encode(), said))
            if not is_excused:
                redactor.write(said)
            for each in filters:
                each.flush()
        self.log.flush()
        if code and is_excused:
            return None
        if code:
            self.fail(code, step, tail)
        return tail.text

    def fail(self, code, step, tail):
        self.say(f"This step ended with exit code {code}")
        if self.usage.ran_out_of_memory:
            self.give_up(Failure.OUT_OF_MEMORY, out_of_memory(settings.BUILD_MEMORY))
        diagnosis = diagnose(tail.text, step, settings.BUILD_MEMORY)
        line = diagnosis.line and tail.lines_before + diagnosis.line
        raise Diagnosed(replace(diagnosis, line=line))

    def warning_beat(self, step, seconds, tail):
        """Return a beat that says in the log, once, that the time limit is near."""
        began, is_said = time.monotonic(), False

        def beat():
            nonlocal is_said
            if not is_said and time.monotonic() - began > WARN_AT * seconds:
                is_said, lines = True, self.log.lines
                self.say(f"Warning: the {step} step has used {WARN_AT:.0%} of its time limit of {seconds:,} s")
                tail.write(b"\n" * (self.log.lines - lines))  # so that lines of the tail keep their numbers
            return self.beat()

        return beat

    @contextmanager
    def ends_in_time(self, step, seconds, failure=Failure.TIMEOUT):
        """Say in the build why something was ended before it came to its end."""
        try:
            yield
        except process.TooSlow:
            self.give_up(failure, f"The {step} step took longer than its limit of {seconds:,} s.")
        except process.Stopped:
            self.log.flush()
            if stopping.is_set():
                self.give_up(Failure.STOPPED, "The portal was stopped while this build ran. Build again.")
            raise Taken from None

    def unspoken(self):
        """What may not come into the log, and what is written instead: secrets, and where the work is done here."""
        words = secrets_of([settings.INDEX_URL, *uv.proxies()]) | self.credentials.words()
        words |= {f"{settings.PREFIXES}/": "", f"{settings.CACHE}/": "cache/"}
        for work in {str(self.work), str(self.work.resolve())}:
            for spelled in {work, quote(work)}:
                words |= {f"file://{spelled}/{WHEELS}/": "", f"{spelled}/{WHEELS}/": "", spelled: "work"}
        return words

    def beat(self):
        """Flush the log, and now and then say that we are alive. Return whether to go on."""
        self.log.flush_if_due()
        if self.progress:
            self.progress.write_if_due()
        if time.monotonic() - self.heard >= HEARTBEAT:
            self.heard = time.monotonic()
            self.watch_disk()
            return self.build.hear() and not stopping.is_set()
        return not stopping.is_set()

    def say(self, line):
        self.log.say(redact(line, self.unspoken()))

    def give_up(self, failure, reason):
        reason = redact(reason, self.unspoken())
        self.say(reason)
        raise Diagnosed(Diagnosis(failure, reason, self.log.lines))
