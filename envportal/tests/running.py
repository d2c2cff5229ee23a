"""A running portal for tests: started as a user starts it, with folders, port and database of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import psycopg
import pytest

PASSWORD = "a password for tests"
HERE = "{}.{}".format(*sys.version_info[:2])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Portal:
    """A running portal with folders, port and database of its own."""

    def __init__(self, var, database_url):
        self.var, self.port = var, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = os.environ | {
            "ENVPORTAL_VAR": str(var),
            "SECRET_KEY": "for tests",
            "ENVPORTAL_ADMIN_PASSWORD": PASSWORD,
            "ENVPORTAL_MIN_FREE_DISK": "100",
            "ENVPORTAL_AHEAD_MB": "0",  # only what a test asks for is built
            "ENVPORTAL_REQUESTS_PER_PERSON": "0",  # a test asks as one person what a hundred would
            "ENVPORTAL_REQUESTS_PER_ADDRESS": "0",
            "ENVPORTAL_SUGGESTIONS": "off",  # no test fetches the names of a real index
            "PORT": str(self.port),
        }
        if database_url:
            self.environ["DATABASE_URL"] = database_url
        self.log = var / "serve.log"

    def start(self):
        self.began = time.monotonic()
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"], env=self.environ, stdout=out, stderr=subprocess.STDOUT
            )
        self.wait(lambda: "ready at" in self.said(), 60, "the portal is ready")
        return time.monotonic() - self.began

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(40)

    def said(self):
        return self.log.read_text()

    def wait(self, what, seconds, words):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                pytest.fail(f"The portal ended:\n{self.said()[-3000:]}")
            if answer := what():
                return answer
            time.sleep(0.1)
        return pytest.fail(f"{words}: not within {seconds} s\n{self.said()[-2000:]}")

    def manage(self, *arguments):
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, env=self.environ, check=True, capture_output=True, text=True, timeout=300).stdout

    def token(self):
        if not hasattr(self, "_token"):
            self._token = self.manage("createtoken", "admin").strip()
        return self._token

    def call(self, method, path, body=None):
        """Call the API; return (status, answer)."""
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.token()}")
        request.add_header("Content-Type", "application/json")
        data = json.dumps(body).encode() if body is not None else None
        try:
            with urllib.request.urlopen(request, data, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as fault:
            return fault.code, json.load(fault)

    def fetch(self, path):
        """Call the API for something that is text."""
        request = urllib.request.Request(
            f"{self.url}/api/v1/{path}", headers={"Authorization": f"Bearer {self.token()}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def register(self, *pip):
        name = f"e-{uuid.uuid4().hex[:8]}"
        status, _ = self.call("POST", "workspaces/default/environments/", {"name": name})
        assert status == 201
        wanted = {"python": {"condaDependencies": {"dependencies": [f"python={HERE}", {"pip": list(pip)}]}}}
        path = f"workspaces/default/environments/{name}/versions/"
        status, _ = self.call("POST", path, {"definition": wanted})
        assert status == 201
        return f"{path}1/"

    def ask(self, version):
        return self.call("POST", f"{version}builds/")[1]["id"]

    def build(self, pk):
        return self.call("GET", f"builds/{pk}/")[1]

    def wait_for_step(self, pk, name, status, seconds=60):
        def there():
            return any(step["name"] == name and step["status"] == status for step in self.build(pk)["steps"])

        self.wait(there, seconds, f"{name} is {status}")

    def wait_for_end(self, pk, seconds=120):
        def ended():
            build = self.build(pk)
            return build if build["status"] not in ("queued", "running") else None

        return self.wait(ended, seconds, "the build has ended")

    def parts(self):
        """Process ids of web, worker and scheduler by name."""
        found = {}
        for pid in children(self.process.pid):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            name = next((n for n in ("uvicorn", "worker", "beat") if n in command), None)
            if name:
                found[name] = pid
        return found


def children(pid):
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def tree(pid):
    below = []
    for task in Path(f"/proc/{pid}/task").glob("*/children") if Path(f"/proc/{pid}").exists() else ():
        for child in task.read_text().split():
            below += [int(child), *tree(int(child))]
    return below


def are_gone(pids):
    return not any(Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


def run_sql(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
