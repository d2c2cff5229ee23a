"""Builds a version: resolve, install, check. One function, `run`; the rest are its steps."""

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

from environments.findings import errors
from environments.models import Interpreter

from . import conda, fetch, licences, process, uv
from . import lock as locks
from .diagnosis import Diagnosis, diagnose
from .failures import Failure
from .log import LogWriter
from .models import Build, Lock, LockedPackage, Status, Step
from .redact import Redactor
from .resolve import WHEELS, make_lock

log = logging.getLogger(__name__)

CONDA, PIP = LockedPackage.Manager.CONDA, LockedPackage.Manager.PIP
HEARTBEAT = 2.0  # seconds between saying that we work on it, and so the longest that a cancel waits

# Set when the worker is told to end. Builds then fail with a sentence instead of being cut off.
stopping = threading.Event()


class BuildFailed(Exception):
    """The build ends here, for the reason in the Diagnosis that is its argument."""


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
        Attempt(build, prefix, work).run()
        build.finish(Status.SUCCEEDED, prefix=prefix.name)
    except Taken:
        pass
    except BuildFailed as fault:
        diagnosis = fault.args[0]
        build.fail(diagnosis.failure, diagnosis.reason, diagnosis.line)
    except Exception as fault:
        log.exception("build %s", build.pk)
        if not connection.in_atomic_block:
            connection.close()  # should that be what failed, the next query opens another
        if getattr(fault, "errno", None) == errno.ENOSPC:
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


def count(number, noun):
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Attempt:
    """The work on one build: its folders, its log, its clock."""

    def __init__(self, build, prefix, work):
        self.build, self.prefix, self.work = build, prefix, work
        self.definition = build.version.definition
        self.log = LogWriter(build)
        self.heard = time.monotonic()
        self.environ = uv.environ(work)
        self.wheels = list(build.version.wheels.select_related("workspace").order_by("filename"))

    def run(self):
        with self.step(Step.Name.RESOLVE) as step:
            self.check_buildable()
            interpreter = None if self.definition.conda_packages else self.find_interpreter()
            lock = self.resolve(interpreter)
            packages = lock.values()
            step.summary = count(len(packages), "package")
        with self.step(Step.Name.INSTALL) as step:
            self.install(interpreter, lock, packages)
            kind = "packages" if any(package.manager == CONDA for package in packages) else "wheels"
            step.summary = f"{sum(package.size for package in packages) / 1e6:.1f} MB of {kind}"
        with self.step(Step.Name.CHECK) as step:
            step.summary = f"{count(self.check(lock, packages), 'module')} imported"

    @contextmanager
    def step(self, name):
        """Open a step, close it when its work is done. A failing one is closed by the end of the build."""
        step = self.build.steps.get(name=name)
        waiting = self.build.steps.filter(pk=step.pk, status=Status.QUEUED)
        if not waiting.update(status=Status.RUNNING, started=timezone.now(), offset=self.log.offset):
            raise Taken  # whoever ended the build ended its steps too
        try:
            yield step
        finally:
            self.log.flush()
        self.build.steps.filter(pk=step.pk, status=Status.RUNNING).update(
            status=Status.SUCCEEDED, ended=timezone.now(), summary=step.summary
        )

    # The steps

    def check_buildable(self):
        """Fail with the sentence that says why this cannot be built here, if there is such a reason."""
        self.say(f"Building {self.build.version} for {uv.this_platform()} on worker {self.build.worker or 'here'}")
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

    def check_disk(self):
        free = shutil.disk_usage(self.work).free // 1_000_000
        if free < settings.MIN_FREE_DISK:
            self.give_up(
                Failure.DISK_FULL,
                f"The disk of the worker has {free:,} MB free; a build starts with {settings.MIN_FREE_DISK:,} MB or more.",
            )

    def find_interpreter(self):
        """Return (version, path) of the interpreter for a definition that takes nothing from conda."""
        here = Interpreter.objects.filter(worker=self.build.worker)
        constraint = self.definition.python or f"={settings.DEFAULT_PYTHON}"
        versions = here.matching(constraint)
        if not versions:
            there = ", ".join(here.versions()) or "none"
            self.give_up(
                Failure.PYTHON_MISSING,
                f"Python {constraint.lstrip('=')} is not on the worker. There are {there}.",
            )
        self.say(f"Python {versions[0]}")
        return versions[0], here.get(version=versions[0]).path

    def resolve(self, interpreter):
        """Return the lock: the first good one of the image key, or a new one."""
        platform = uv.this_platform()
        self.fetch_wheels()
        lock = Lock.objects.first_good(self.build.image_key)
        if lock and self.fits(lock, interpreter, platform):
            self.say(f"Taking the lock {lock} of the first build of this image key")
        else:
            lock = make_lock(self, interpreter, platform)
        self.build.lock = lock
        Build.objects.filter(pk=self.build.pk).update(lock=lock)
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
        return lock.platform == platform and (
            interpreter is None or lock.python.rsplit(".", 1)[0] == interpreter[0].rsplit(".", 1)[0]
        )

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
        pip = [package for package in packages if package.manager == PIP]
        pylock = self.work / "pylock.locked.toml"
        pylock.write_text(locks.write_pylock(pip, ".".join(lock.python.split(".")[:2]) or "3", WHEELS))
        self.say(f"Installing {count(len(packages), 'package')}, every hash required")
        if interpreter:
            self.call(uv.make_prefix(self.prefix.name, interpreter[1]), 60, "install")
        else:
            self.link(packages, lock.platform)
        if pip:
            put = uv.sync if interpreter else uv.add
            self.call(put(self.prefix.name, pylock), settings.INSTALL_SECONDS, "install")
            lock.add_licences(licences.read(self.prefix))
        shutil.rmtree(self.work / WHEELS)  # before code of the packages runs beside them

    def link(self, packages, platform):
        """Fetch the conda packages, every hash required, and link them into the prefix. No script of theirs runs."""
        cache = settings.CACHE / "conda"
        cache.mkdir(parents=True, exist_ok=True)
        question = conda.install_question(packages, self.prefix, platform, cache)
        answer = conda.ask(question, self.work, lambda command: self.call(command, settings.INSTALL_SECONDS, "install"))
        if "fault" in answer:
            self.give_up(*conda.explain_install(answer["fault"]))

    def check(self, lock, packages):
        """Return how many modules were imported."""
        if not lock.python:
            return 0  # nothing here is for Python
        self.call(uv.check(self.prefix.name), 120, "check")
        direct = self.named_directly(packages)
        if not direct:
            return 0
        self.say("Importing what the definition names")
        command = [self.prefix / "bin" / "python", "-I", process.LIMITED.with_name("import_check.py"), *direct]
        # Code of the packages runs here: it gets neither the index, nor the way there, nor our cache.
        said = self.call(command, settings.CHECK_SECONDS, "check", cwd=self.work, environ=uv.bare_environ(self.work))
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

    def call(self, command, seconds, step, cwd=None, environ=None):
        """Run a tool, its output into the log. Return the end of that output, if it went well."""
        tail = Tail(self.log.lines)

        def output(data):
            tail.write(data)
            self.log.write(data)

        redactor = Redactor(self.unspoken(), output)
        limits = process.Limits.of(seconds, settings.BUILD_MEMORY)
        with self.ends_in_time(step, seconds):
            try:
                code = process.run(
                    [str(part) for part in command],
                    cwd=cwd or settings.PREFIXES,  # so that logs name the prefix and not where it stands
                    environ=environ or self.environ,
                    limits=limits,
                    output=redactor.write,
                    beat=self.beat,
                )
            finally:
                redactor.flush()
        self.log.flush()
        if code:
            self.say(f"This step ended with exit code {code}")
            diagnosis = diagnose(tail.text, step, settings.BUILD_MEMORY)
            line = diagnosis.line and tail.lines_before + diagnosis.line
            raise BuildFailed(replace(diagnosis, line=line))
        return tail.text

    @contextmanager
    def ends_in_time(self, step, seconds):
        """Say in the build why something was ended before it came to its end."""
        try:
            yield
        except process.TooSlow:
            self.give_up(Failure.TIMEOUT, f"The {step} step took longer than its limit of {seconds:,} s.")
        except process.Stopped:
            self.log.flush()
            if stopping.is_set():
                self.give_up(Failure.STOPPED, "The portal was stopped while this build ran. Build again.")
            raise Taken from None

    @contextmanager
    def says_conda_faults(self):
        """End the build for the reason in a CondaFault."""
        try:
            yield
        except conda.CondaFault as fault:
            self.give_up(*fault.args)

    @contextmanager
    def blames_conda(self, provided):
        """Where uv finds no solution, say which of the packages that it names came from conda."""
        try:
            yield
        except BuildFailed as fault:
            diagnosis = fault.args[0]
            said = set(re.findall(r"[a-z0-9][a-z0-9._-]*", diagnosis.reason))
            named = [f"{name} {version}" for name, version in provided.items() if name in said]
            if not named:
                raise
            reason = f"{diagnosis.reason} Conda provides {', '.join(named)}."
            raise BuildFailed(replace(diagnosis, failure=Failure.CONFLICT, reason=reason)) from fault

    def unspoken(self):
        """What no tool may write into the log, and what is written instead: where the work is done on this machine."""
        words = {f"{settings.PREFIXES}/": "", f"{settings.CACHE}/": "cache/"}
        for work in {str(self.work), str(self.work.resolve())}:
            for spelled in {work, quote(work)}:
                words |= {f"file://{spelled}/{WHEELS}/": "", f"{spelled}/{WHEELS}/": "", spelled: "work"}
        return words

    def beat(self):
        """Flush the log, and now and then say that we are alive. Return whether to go on."""
        self.log.flush_if_due()
        if time.monotonic() - self.heard >= HEARTBEAT:
            self.heard = time.monotonic()
            return self.build.hear() and not stopping.is_set()
        return not stopping.is_set()

    def say(self, line):
        self.log.say(line)

    def give_up(self, failure, reason):
        self.say(reason)
        raise BuildFailed(Diagnosis(failure, reason, self.log.lines))


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
