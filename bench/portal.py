"""A portal for measuring: started as a user starts it, with a folder, a port and a database of its own."""

import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

import psycopg

HERE = Path(__file__).resolve().parent.parent
SERVER = "BENCH_POSTGRESQL"  # address of a server on which databases may be made and dropped


@contextlib.contextmanager
def databases():
    """Yield {name: address} of the empty databases to measure on: SQLite, and PostgreSQL where SERVER names one."""
    found = {"SQLite": ""}
    server = os.environ.get(SERVER, "").rstrip("/")
    if not server:
        print(f"PostgreSQL is left out: {SERVER} is not set")
        yield found
        return
    name = f"bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield found | {"PostgreSQL": f"{server}/{name}"}
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def environ(var, database):
    """The environment variables of a portal that stands in the folder `var`."""
    return os.environ | {
        "ENVPORTAL_VAR": str(var),
        "SECRET_KEY": "for measuring",
        "ENVPORTAL_SUGGESTIONS": "off",
        "ENVPORTAL_ADMIN_PASSWORD": "only for measuring",
        "DJANGO_SETTINGS_MODULE": "envportal.settings",
        **({"DATABASE_URL": database} if database else {}),
    }


def on_each_database(module, *arguments):
    """Run a module of ours once for each database, in a process and a folder of its own each time."""
    print(machine())
    with databases() as found:
        for name, address in found.items():
            print(f"\n{name}", flush=True)
            with tempfile.TemporaryDirectory() as var:
                subprocess.run([sys.executable, "-m", module, *arguments], env=environ(var, address), check=True)


def machine():
    """What figures depend on, in a line."""
    load = os.getloadavg()[0]
    return f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}"


class Portal:
    """Web, worker and scheduler, asked through the API."""

    def __init__(self, var, database):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.var, self.url = Path(var), f"http://127.0.0.1:{port}"
        self.environ = environ(var, database) | {"PORT": str(port)}

    def __enter__(self):
        self.log = (self.var / "serve.log").open("wb")
        command = [sys.executable, "manage.py", "serve"]
        self.process = subprocess.Popen(command, cwd=HERE, env=self.environ, stdout=self.log, stderr=self.log)
        self.wait_until_ready()
        self.token = self.manage("createtoken", "admin").strip()
        return self

    def __exit__(self, *fault):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        self.log.close()

    def wait_until_ready(self):
        for _ in range(600):
            said = (self.var / "serve.log").read_text()
            if "ready at" in said:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.process.terminate()
        sys.exit(f"The portal did not start:\n{said[-2000:]}")

    def manage(self, *arguments):
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=HERE, env=self.environ, check=True, capture_output=True, text=True)
        return done.stdout

    def call(self, path, body=None, method="POST"):
        """Call the API and return its answer."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data, headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310, our own
            return answer.read()

    def get(self, path):
        return json.loads(self.call(path, method="GET"))
