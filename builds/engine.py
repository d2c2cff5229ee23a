"""Builds a version: resolve, install, check. One function, `run`; the rest are its steps."""

import errno
import logging
import os
import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings
from django.db import connection
from django.utils import timezone

from environments.findings import errors
from environments.models import Interpreter

from . import caches, conda, fetch, licences, process, sandbox, uv
from . import lock as locks
from .diagnosis import Diagnosed, Diagnosis, diagnose, out_of_memory
from .failures import Failure
from .log import LogWriter
from .models import Build, Lock, LockedPackage, Status, Step, VersionLock
from .redact import Redactor, redact, secrets_of
from .resolve import WHEELS, packages_of
from .rooms import IMPORT_CHECK, Rooms

log = logging.getLogger(__name__)

CONDA, PIP = LockedPackage.Manager.CONDA, LockedPackage.Manager.PIP
WARN_AT = 0.8  # of a time limit
HEARTBEAT = 2.0  # seconds between saying that we work on it, and so the longest that a cancel waits

# Set when the worker is told to end. Builds then fail with a sentence instead of being cut off.
stopping = threading.Event()


class Taken(Exception):
    """The build ended elsewhere while we worked on it: cancelled, or given up as lost."""


def run(build, worker=""):
    """Build, unless somebody else does or did. Whatever happens, the build is ended when this returns."""
    if not build.move_to(Status.RUNNING, worker=worker):
        return
    prefix, work = settings.PREFIXES / str(build.pk), settings.WORK / str(build.pk)
    try:
        if build.finish_from_twin():
            return
        work.mkdir(parents=True)
        settings.PREFIXES.mkdir(parents=True, exist_ok=True)
        with caches.in_use():
            Attempt(build, prefix, work).run()
        build.finish(Status.SUCCEEDED, prefix=prefix.name)
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
    """Remove what a build that did not succeed has made on this machine."""
    for folder in (settings.WORK, settings.PREFIXES):
        shutil.rmtree(folder / str(build.pk), ignore_errors=True)


def size_of(folder):
    """Bytes of all files below."""
    return sum(os.lstat(os.path.join(here, name)).st_size for here, _, files in os.walk(folder) for name in files)


def filename_of(package):
    return unquote(urlsplit(package.url).path.rsplit("/", 1)[-1])


def count(number, noun):
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
        self.usage = process.Usage()
        self.rooms = Rooms(work, prefix, build.pk.int)
        self.wheels = list(build.version.wheels.select_related("workspace").order_by("filename"))

    def run(self):
        with self.step(Step.Name.RESOLVE) as step:
            self.check_buildable()
            lock = self.lock_to_take()
            interpreter = None if self.definition.conda_packages else self.find_interpreter(lock)
            lock = self.resolve(lock, interpreter)
            packages = lock.values()
            step.summary = count(len(packages), "package")
            step.downloaded = sum(wheel.size for wheel in self.wheels)
        if self.build.is_refresh and self.moved_nothing():
            return
        with self.step(Step.Name.INSTALL) as step:
            step.downloaded = self.install(interpreter, lock, packages)
            step.bytes = size_of(self.prefix)
            step.summary = f"{step.bytes / 1e6:.1f} MB, {step.downloaded / 1e6:.1f} MB fetched"
        with self.step(Step.Name.CHECK) as step:
            step.summary = f"{count(self.check(lock, packages), 'module')} imported"

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
        self.usage = process.Usage()
        try:
            yield step
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
                    f"{line.name or line.url} comes as source code, and this portal installs wheels only. "
                    "Name a release of it, or upload a wheel.",
                )
        if unfilled := [each.text for each in (*wanted.pip, *wanted.pip_options) if "$" in each.text]:
            self.give_up(
                Failure.NOT_BUILDABLE, f"“{unfilled[0]}” is to be filled in from outside, and nothing does that here."
            )
        self.check_disk()

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

    def lock_to_take(self):
        """The lock that was asked for, else the one that is kept; None for a refresh that looks for itself."""
        build = self.build
        build.previous_lock = Lock.objects.kept(build.image_key, uv.this_platform())
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
        self.fetch_wheels()
        if lock and self.fits(lock, interpreter, platform):
            self.say(
                f"Taking the lock {lock} that {'was asked for' if build.asked_lock else 'is kept for this image key'}"
            )
        elif build.asked_lock:
            told = f"The lock {lock} is for Python {lock.python} on {lock.platform}, which this worker does not have."
            self.give_up(Failure.PYTHON_MISSING, told)
        else:
            if lock:
                self.say(f"The lock {lock} that is kept is for Python {lock.python}, so packages are resolved anew")
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

    def fits(self, lock, interpreter, platform):
        """Whether a lock is for this platform, and for the Python that is there unless it brings one."""
        return lock.platform == platform and (interpreter is None or _minor(lock.python) == _minor(interpreter[0]))

    def moved_nothing(self):
        """End with the build that installed this very lock, if there is one. Return whether it did."""
        ended = self.build.finish_as_moved_nothing()
        if ended:
            self.say(f"Build {self.build.reused_from} has installed exactly this already")
            self.log.flush()
        return ended

    def fetch_wheels(self):
        """Fetch the private wheels from the portal, by addresses that open to whoever has them, for some minutes."""
        (self.work / WHEELS).mkdir()
        here = {(wheel.sha256, wheel.filename) for wheel in self.wheels}
        for url in self.definition.wheels:
            if (url.sha256, url.filename) not in here:
                self.give_up(Failure.WHEEL, f"The private wheel {url.filename} is not in {self.build.workspace}.")
        for wheel in self.wheels:
            self.say(f"Fetching the private wheel {wheel}, {count(wheel.size, 'byte')}")
            self.fetch_wheel(wheel, settings.RESOLVE_SECONDS)

    def fetch_wheel(self, wheel, seconds):
        facts = {"size": wheel.size, "sha256": wheel.sha256, "seconds": seconds}
        with self.ends_in_time("resolve", seconds):
            try:
                fetch.fetch(wheel.signed_url(), self.work / WHEELS / wheel.filename, **facts, beat=self.beat)
            except fetch.Refused as fault:
                told = f"The portal does not give out the private wheel {wheel}. It answered {fault}."
                self.give_up(Failure.WHEEL, told)
            except fetch.Unreachable as fault:
                told = f"The portal could not be reached to fetch the private wheel {wheel}: {fault}. "
                self.give_up(Failure.NETWORK, told + "Administrators say with ENVPORTAL_URL where workers reach it.")
            except fetch.WrongFile:
                told = f"{wheel} is not the file that was uploaded: its size or its hash is another."
                self.give_up(Failure.HASH_MISMATCH, told)

    def install(self, interpreter, lock, packages):
        """Make the prefix. Return how many bytes were fetched for it."""
        pip = [package for package in packages if package.manager == PIP]
        pylock = self.work / "pylock.locked.toml"
        pylock.write_text(locks.write_pylock(pip, ".".join(lock.python.split(".")[:2]) or "3", WHEELS))
        self.say(f"Installing {count(len(packages), 'package')}, every hash required")
        fetched = 0
        if interpreter:
            self.call(uv.make_prefix(self.prefix.name, interpreter[1]), 60, "install", room=self.rooms.of_tools())
        else:
            fetched += self.link(packages, lock.platform)
        put = uv.sync if interpreter else uv.add
        if pip and not self.put(put, pylock, held=True):
            fetched += self.fetch(pylock, pip)
            self.put(put, pylock)
        self.rooms.take_back()
        if pip:
            lock.add_licences(licences.read(self.prefix))
        shutil.rmtree(self.work / WHEELS)  # before code of the packages runs beside them
        return fetched

    def put(self, put, pylock, held=False):
        """Install from the cache, without the network. Return whether all was there; when not `held`, it has to be."""
        command = put(self.prefix.name, pylock)
        last_words = uv.NOT_IN_CACHE if held else None
        return self.call(command, settings.INSTALL_SECONDS, "install", room=self.rooms.of_tools(), unless=last_words)

    def fetch(self, pylock, packages):
        """Fetch what is not in the cache. Return how many bytes that was."""
        self.say("Fetching what is not here yet")
        folder = self.work / "fetched"
        notes = uv.FetchNotes()
        self.call(
            uv.fetch(self.prefix.name, pylock, folder),
            settings.INSTALL_SECONDS,
            "install",
            environ=self.environ | notes.ENVIRON,
            room=self.rooms.of_tools(network=True),
            notes=notes,
        )
        shutil.rmtree(folder)
        return sum(package.size for package in packages if filename_of(package) in notes.filenames)

    def link(self, packages, platform):
        """Fetch the conda packages, every hash required, and link them into the prefix. No script of theirs runs.

        Return how many bytes were fetched.
        """
        cache = self.rooms.cache("conda")
        before = {path.name for path in cache.iterdir()}
        question = conda.install_question(packages, self.prefix, platform, cache)
        room = self.rooms.of_conda(cache)
        answer = conda.ask(
            question, self.work, lambda command: self.call(command, settings.INSTALL_SECONDS, "install", room=room)
        )
        if "fault" in answer:
            self.give_up(*conda.explain_install(answer["fault"]))
        new = [package for package in packages if package.manager == CONDA and filename_of(package) not in before]
        return sum(package.size for package in new)

    def check(self, lock, packages):
        """Return how many modules were imported."""
        if not lock.python:
            return 0  # nothing here is for Python
        room, home = self.rooms.of_packages(), self.rooms.guests
        # Code of the packages runs from here on, in uv's check because of .pth files: it gets neither the index, nor
        # the way there, nor our cache.
        environ = uv.bare_environ(home) | uv.WITHOUT_CACHE
        self.call(uv.check(self.prefix.name), 120, "check", room=room, environ=environ)
        direct = self.named_directly(packages)
        if not direct:
            return 0
        self.say("Importing what the definition names")
        command = [self.prefix / "bin" / "python", "-I", IMPORT_CHECK, *direct]
        environ = uv.bare_environ(home)
        said = self.call(command, settings.CHECK_SECONDS, "check", room=room, cwd=home, environ=environ)
        return sum(line.startswith("ok ") for line in said.splitlines())

    def named_directly(self, packages):
        """The names, as Python has them, of what the definition itself asks for."""
        direct = [package for package in packages if package.direct]
        names = [package.name for package in direct if package.manager == PIP]
        for package in direct:
            if package.manager == CONDA and package.name != "python":
                names += conda.distributions(self.prefix, package)
        return list(dict.fromkeys(names))

    # What all steps do

    @property
    def private(self):
        """What a resolver is told of the private wheels."""
        return [(wheel.sha256, wheel.filename, wheel.size) for wheel in self.wheels]

    def ask(self, command, room):
        """Run a resolver."""
        self.call(command, settings.RESOLVE_SECONDS, "resolve", cwd=self.work, room=room)

    def call(self, command, seconds, step, *, room, cwd=None, environ=None, notes=None, unless=None):
        """Run a tool in a room, its output into the log. Return the end of that output, if it went well.

        `notes` takes things out of that output. With `unless` nothing is written before the tool ends; should it fail
        and have said these words, nothing at all, and None is returned.
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
            if not (unless and unless.encode() in said):
                redactor.write(said)
            for each in filters:
                each.flush()
        self.log.flush()
        if code and unless and unless.encode() in said:
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
        words = secrets_of([settings.INDEX_URL, *uv.proxies()])
        words |= {f"{settings.PREFIXES}/": "", f"{settings.CACHE}/": "cache/"}
        for work in {str(self.work), str(self.work.resolve())}:
            for spelled in {work, quote(work)}:
                words |= {f"file://{spelled}/{WHEELS}/": "", f"{spelled}/{WHEELS}/": "", spelled: "work"}
        return words

    def beat(self):
        """Flush the log, and now and then say that we are alive. Return whether to go on."""
        self.log.flush_if_due()
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


class Tail:
    """The end of what a tool wrote, in which the cause of a failure is looked for."""

    KEPT = 500_000  # bytes

    def __init__(self, lines_before):
        self.lines_before = lines_before
        self._data = bytearray()

    def write(self, data):
        self._data += data
        if len(self._data) > 2 * self.KEPT:
            self.lines_before += self._data.count(b"\n", 0, len(self._data) - self.KEPT)
            del self._data[: -self.KEPT]

    @property
    def text(self):
        return self._data.decode("utf-8", "replace")
