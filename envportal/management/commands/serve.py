import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from envportal import nearby

LOOK = 0.2  # seconds between looks at the processes
GRACE = 15  # seconds they have to end
# A part that dies sooner than this after its start is given a longer pause each time.
STEADY = 20
LONGEST_PAUSE = 30


@dataclass
class Part:
    """One process of the portal, started again when it ends."""

    name: str
    command: list
    process: subprocess.Popen | None = None
    started: float = 0
    pause: float = 0
    due: float = field(default=0)

    def start(self):
        # A session of its own, so that Ctrl-C reaches us alone and we end the parts in order.
        self.process = subprocess.Popen(
            self.command, cwd=settings.BASE_DIR, start_new_session=True, preexec_fn=partial(end_with_us, os.getpid())
        )
        self.started, self.due = time.monotonic(), 0

    def plan_restart(self):
        lived = time.monotonic() - self.started
        self.pause = 0.5 if lived > STEADY else min(LONGEST_PAUSE, max(0.5, self.pause * 2))
        self.due = time.monotonic() + self.pause

    def end(self, signum):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signum)


class Command(BaseCommand):
    help = "Serve the whole portal: web, worker and scheduler. Ctrl-C ends all of them."

    def add_arguments(self, parser):
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"))

    def handle(self, *args, **options):
        host, port = options["host"], options["port"]
        self.check_port(host, port)
        # Where the worker, which is started below, finds the web process.
        os.environ.setdefault("ENVPORTAL_URL", f"http://{near(host)}:{port}")
        call_command("setup", stdout=self.stdout)
        self.parts = [Part(name, command) for name, command in commands(host, port).items()]
        self.is_ending = self.is_ready = False
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self.end_all)
        for part in self.parts:
            part.start()
        while not self.is_ending:
            self.look(host, port)
            time.sleep(LOOK)
        self.wait_for_all()

    def check_port(self, host, port):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (OSError, OverflowError) as fault:
                raise CommandError(f"Port {port} of {host} cannot be used: {fault}. Set PORT.") from fault

    def look(self, host, port):
        """Start again what ended, and say so; say when the portal is ready for the first time."""
        for part in self.parts:
            code = part.process.poll()
            if code is not None and not part.due:
                part.plan_restart()
                self.say(f"{part.name} ended with {describe(code)}; starting it again in {part.pause:g} s")
            elif part.due and time.monotonic() >= part.due:
                part.start()
        if not self.is_ready and is_healthy(host, port):
            self.is_ready = True
            self.say(f"ready at http://{host}:{port}")

    def end_all(self, signum, frame):
        self.is_ending = True

    def wait_for_all(self):
        self.say("ending")
        for part in reversed(self.parts):
            part.end(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and any(part.process.poll() is None for part in self.parts):
            time.sleep(0.05)
        for part in self.parts:
            if part.process.poll() is None:
                self.say(f"{part.name} did not end in {GRACE} s and is killed")
                part.end(signal.SIGKILL)
            part.process.wait()
        self.say("ended")

    def say(self, text):
        self.stdout.write(f"envportal: {text}")
        self.stdout.flush()


def commands(host, port):
    """The commands of the parts by name."""
    # In a container root is the usual user; celery's warning about it is long and would be all one sees.
    quiet = ["-W", "ignore:You're running the worker with superuser"]
    celery = [sys.executable, *quiet, "-m", "celery", "--app", "envportal", "--quiet"]
    # Threads, because a build's work is done by child processes: when this one process dies, so does all of it.
    pool = ["--pool", "threads", "--concurrency", str(settings.BUILDS_AT_ONCE)]
    return {
        "web": [
            # Static files are small and sent from memory; that they are read in one go is no fault.
            *(sys.executable, "-W", "ignore:StreamingHttpResponse must consume"),
            *("-m", "uvicorn", "envportal.asgi:application", "--host", host, "--port", str(port)),
            *("--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3", "--lifespan", "off"),
            "--no-proxy-headers",  # events say where a request comes from, and ENVPORTAL_PROXIES whose word is taken
        ],
        "worker": [*celery, "worker", *pool, "--loglevel", "WARNING", "--without-gossip", "--without-mingle"],
        "scheduler": [*celery, "beat", "--loglevel", "WARNING", "--pidfile="],
    }


def end_with_us(parent):
    """Called in a part that is being started: have the kernel end it should the supervisor be killed (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)


def near(host):
    """The address at which this machine reaches what listens on `host`."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{address}]" if ":" in address else address


def is_healthy(host, port):
    connection = http.client.HTTPConnection(near(host), port, timeout=1)
    try:
        connection.request("GET", "/healthz", headers=nearby.headers(near(host)))
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):  # nobody listens yet
        return False
    finally:
        connection.close()


def describe(code):
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
