"""Builds a version: resolve, install, check. One function, `run`; the rest are its steps."""

import errno
import logging
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

from . import fetch, process, uv
from . import lock as locks
from .diagnosis import Diagnosis, diagnose
from .failures import Failure
from .log import LogWriter
from .models import Build, Lock, Status, Step
from .redact import Redactor, redact, secrets_of

log = logging.getLogger(__name__)

WHEELS = "wheels"  # folder of the private ones, in the folder of the work
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


def resolvable(line):
    """A PipLine as the resolver gets it, a private wheel by the file that was fetched."""
    return line.from_source(f"file:{WHEELS}/{line.wheel.filename}" if line.wheel else line.url)


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
            interpreter = self.check_buildable()
            packages = self.resolve(interpreter)
            step.summary = count(len(packages), "package")
        with self.step(Step.Name.INSTALL) as step:
            self.install(interpreter, packages)
            step.summary = f"{sum(package.size for package in packages) / 1e6:.1f} MB of wheels"
        with self.step(Step.Name.CHECK) as step:
            direct = [package.name for package in packages if package.direct]
            step.summary = f"{count(self.check(direct), 'module')} imported"

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
        try:
            yield step
        finally:
            self.log.flush()
        self.build.steps.filter(pk=step.pk, status=Status.RUNNING).update(
            status=Status.SUCCEEDED, ended=timezone.now(), summary=step.summary
        )

    # The steps

    def check_buildable(self):
        """Return (version, path) of the interpreter, or fail with the sentence that says why there is none."""
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
        if wanted.conda_packages:
            named = ", ".join(spec.name for spec in wanted.conda_packages[:5])
            self.give_up(
                Failure.NOT_BUILDABLE,
                f"Conda packages cannot be resolved by this portal, and the definition asks for {named}. "
                "Definitions of pip packages alone can be built: move them to pip.",
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
        return self.find_interpreter()

    def check_disk(self):
        free = shutil.disk_usage(self.work).free // 1_000_000
        if free < settings.MIN_FREE_DISK:
            self.give_up(
                Failure.DISK_FULL,
                f"The disk of the worker has {free:,} MB free; a build starts with {settings.MIN_FREE_DISK:,} MB or more.",
            )

    def find_interpreter(self):
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
        python, platform = interpreter[0], uv.this_platform()
        self.fetch_wheels()
        lock = Lock.objects.first_good(self.build.image_key)
        if lock and lock.platform == platform and lock.python.rsplit(".", 1)[0] == python.rsplit(".", 1)[0]:
            self.say(f"Taking the lock {lock} of the first build of this image key")
        else:
            lock = self.make_lock(python, platform)
        self.build.lock = lock
        Build.objects.filter(pk=self.build.pk).update(lock=lock)
        packages = [locks.Package(*row) for row in lock.packages.values_list(*locks.Package.__annotations__)]
        for package in packages:
            self.log.write(f"  {package.name} {package.version}{'' if package.direct else '  (transitive)'}\n".encode())
        self.say(f"{count(len(packages), 'package')} locked")
        return packages

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

    def make_lock(self, python, platform):
        wanted = self.definition.pip_requirements
        self.say(f"Resolving {count(len(wanted), 'requirement')}, wheels only")
        (self.work / "requirements.in").write_text("".join(f"{resolvable(line)}\n" for line in wanted))
        options = self.definition.pip_options
        command = uv.compile_lock("requirements.in", "pylock.toml", python, platform, options)
        self.call(command, settings.RESOLVE_SECONDS, "resolve", cwd=self.work)
        pylock = self.work / "pylock.toml"
        try:
            private = [(wheel.sha256, wheel.filename, wheel.size) for wheel in self.wheels]
            packages = locks.read_pylock(pylock.read_text(), python, platform, wanted, private)
        except ValueError as fault:
            self.give_up(Failure.NO_WHEEL, str(fault))
        return Lock.objects.store(python, platform, packages)

    def install(self, interpreter, packages):
        python, path = interpreter
        pylock = self.work / "pylock.locked.toml"
        pylock.write_text(locks.write_pylock(packages, ".".join(python.split(".")[:2]), WHEELS))
        self.say(f"Installing {count(len(packages), 'package')}, every hash required")
        self.call(uv.make_prefix(self.prefix.name, path), 60, "install")
        if packages:
            self.call(uv.sync(self.prefix.name, pylock), settings.INSTALL_SECONDS, "install")
        shutil.rmtree(self.work / WHEELS)  # before code of the packages runs beside them

    def check(self, direct):
        """Return how many modules were imported."""
        self.call(uv.check(self.prefix.name), 120, "check")
        if not direct:
            return 0
        self.say("Importing what the definition names")
        command = [self.prefix / "bin" / "python", "-I", process.LIMITED.with_name("import_check.py"), *direct]
        # Code of the packages runs here: it gets neither the index, nor the way there, nor our cache.
        said = self.call(command, settings.CHECK_SECONDS, "check", cwd=self.work, environ=uv.bare_environ(self.work))
        return sum(line.startswith("ok ") for line in said.splitlines())

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

    def unspoken(self):
        """What may not come into the log, and what is written instead: secrets, and where the work is done here."""
        words = secrets_of([settings.INDEX_URL, *uv.proxies()])
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
        self.log.say(redact(line, self.unspoken()))

    def give_up(self, failure, reason):
        reason = redact(reason, self.unspoken())
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
