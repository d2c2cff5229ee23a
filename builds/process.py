"""The one module that starts processes for builds. Linux and macOS."""

import os
import selectors
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

LIMITED = Path(__file__).with_name("limited.py")
BEAT = 0.25  # seconds between looks at the clock and at whoever may want us to stop
GRACE = 5  # seconds that a process tree has to be gone


class Stopped(Exception):
    """Somebody wanted the process to end before it did."""


class TooSlow(Exception):
    """The time limit was reached; the argument is the limit in seconds."""


@dataclass(frozen=True)
class Limits:
    """What one process tree may take."""

    seconds: float
    memory: int  # bytes: private ones for each process, resident ones for all of them
    processes: int = 4096  # and threads, of one user
    file_size: int = 10_000_000_000  # bytes
    open_files: int = 16_384

    @classmethod
    def of(cls, seconds, megabytes):
        return cls(seconds, megabytes * 1_000_000)


@dataclass
class Usage:
    """What process trees took that were run with it, one after the other."""

    peak_memory: int = 0  # bytes that all processes held at once
    ran_out_of_memory: bool = False

    def add(self, report):
        """Take in what a supervisor says at its end; one that was killed says nothing."""
        peak, _, cause = report.decode().partition(" ")
        self.peak_memory = max(self.peak_memory, int(peak or 0))
        self.ran_out_of_memory = self.ran_out_of_memory or cause == "memory"


def run(command, *, cwd, environ, limits, output, beat, room=None, usage=None):
    """Run a command and return its exit code, 128 + N when signal N ended it.

    `output` is called with bytes as they arrive, `beat` about four times a second whether or not there are
    any; when `beat` returns False the process tree is ended and Stopped is raised. The command starts with
    `environ` and nothing else, in a session of its own, with nothing on its standard input; in a `room` of
    `sandbox.py`, it sees nothing outside. What it took is added to `usage`, however it ends.
    """
    if room:
        command = room.enter(command, cwd)
    report, for_report = os.pipe()
    with closing(os.fdopen(report, "rb")) as reports:
        try:
            process = subprocess.Popen(
                _limited(command, limits, for_report),
                cwd=None if room else cwd,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[for_report],
            )
        finally:
            os.close(for_report)
        try:
            _follow(process, limits, output, beat)
            return process.wait()
        finally:
            _end(process)
            process.stdout.close()
            (usage or Usage()).add(reports.read())


def _follow(process, limits, output, beat):
    """Hand on what the process says until it ends, which a grandchild that keeps the pipe does not put off."""
    deadline = time.monotonic() + limits.seconds
    os.set_blocking(process.stdout.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        next_beat = 0.0
        while True:
            ended = process.poll() is not None
            if selector.select(0 if ended else BEAT):
                data = process.stdout.read(65536)
                if data:
                    output(data)
                elif data == b"":
                    process.wait(max(0.1, deadline - time.monotonic()))
                    return
            elif ended:
                return
            now = time.monotonic()
            if now > deadline:
                raise TooSlow(limits.seconds)
            if now >= next_beat:
                next_beat = now + BEAT
                if not beat():
                    raise Stopped


def _end(process):
    """End the supervisor, which ends everything below it; then the session, should the supervisor hang."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()


def _limited(command, limits, report):
    numbers = (os.getpid(), report, limits.memory, limits.processes, limits.file_size, limits.open_files)
    return [sys.executable, "-I", "-S", LIMITED, *map(str, numbers), *command]


def capture(command, *, environ, limits, room=None):
    """Run a short command and return what it writes to standard output. Raise OSError when it fails."""
    if room:
        command = room.enter(command, "/")
    try:
        with open(os.devnull, "wb") as nobody:
            ended = subprocess.run(
                _limited(command, limits, nobody.fileno()),
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                start_new_session=True,
                pass_fds=[nobody.fileno()],
                timeout=limits.seconds,
                check=True,
            )
    except subprocess.SubprocessError as fault:
        raise OSError(f"{command[0]}: {fault}") from fault
    return ended.stdout
