"""Bad luck on purpose: a whole portal on a PostgreSQL and a Redis of its own, whose processes are killed while it builds.

Every wheel comes from an index on loopback, so that a build takes a second.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path

import psycopg
import pytest

from builds.tests import loopback
from envportal.tests.running import Portal, free_port
from envportal.tests.wheel_maker import make_wheel

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

BUILDS = 100
SEED = int(os.environ.get("FAULTS_SEED", time.time()))


def wait_until(what, seconds, words):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.2)
    return pytest.fail(f"{words}: not within {seconds} s")


class Redis:
    """Keeps nothing over its death, so that every message in it is lost."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Postgres:
    """A cluster of its own, run by the user postgres where we are root."""

    def __init__(self, folder):
        self.folder, self.port = folder / "data", free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self.bin = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
        if self.user:
            shutil.chown(folder, "postgres")
        self.call("initdb", "-D", self.folder, "-U", "postgres", "-A", "trust", "--no-sync")

    def call(self, tool, *arguments):
        subprocess.run([*self.user, self.bin / tool, *arguments], check=True, stdout=subprocess.DEVNULL)

    def start(self):
        options = ["-p", str(self.port), "-k", str(self.folder), "-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"]
        command = [*self.user, self.bin / "postgres", "-D", self.folder, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers, 30, "PostgreSQL answers")

    def answers(self):
        with contextlib.suppress(psycopg.Error), psycopg.connect(self.url, connect_timeout=2):
            return True
        return False

    def stop(self):
        """As pg_ctl does in immediate mode: no good-bye, recovery at the next start."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)

    def rows(self, query):
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()


class Index:
    """An index with wheels that are made when they are put there."""

    def __init__(self, registry):
        self.registry = registry
        self.url = f"{registry.url}simple"

    def put(self, name, code="x = 1\n", body=None):
        wheel, file = make_wheel(name, "1.0", code=code), f"{name}-1.0-py3-none-any.whl"
        self.registry.pages[f"/files/{file}"] = body or ("application/octet-stream", wheel)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
        self.registry.pages[f"/files/{file}.metadata"] = ("text/plain", metadata)
        told = {"core-metadata": {"sha256": sha256(metadata).hexdigest()}}
        entry = told | {"filename": file, "url": f"{self.registry.url}files/{file}", "size": len(wheel)}
        self.registry.put_files(name.replace("_", "-"), entry | {"hashes": {"sha256": sha256(wheel).hexdigest()}})


@pytest.fixture(scope="module")
def index():
    with loopback.serve() as registry:
        yield Index(registry)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    # Below /tmp itself, because the user postgres may not enter the folders of a test.
    folder = Path(f"/tmp/envportal-faults-{os.getpid()}")  # noqa: S108
    folder.mkdir()
    (folder / "pg").mkdir()
    (folder / "redis").mkdir()
    postgres, redis = Postgres(folder / "pg"), Redis(folder / "redis")
    postgres.start()
    redis.start()
    yield postgres, redis
    redis.kill()
    postgres.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def portal(servers, index, tmp_path_factory):
    postgres, redis = servers
    portal = Portal(tmp_path_factory.mktemp("portal"), postgres.url)
    portal.environ |= {"CELERY_BROKER_URL": redis.url, "ENVPORTAL_INDEX_URL": index.url}
    portal.start()
    portal.token()
    yield portal
    portal.stop()


def insist(portal, method, path, body=None, seconds=150):
    """Call the API until somebody answers who is not about to die. What is killed often is started again in 30 s."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            status, answer = portal.call(method, path, body)
            if status < 500:
                return answer
        except (OSError, HTTPException, json.JSONDecodeError):
            pass
        if time.monotonic() > deadline:
            return pytest.fail(f"{path} did not answer in {seconds} s")
        time.sleep(0.3)


def version_of(portal, *pip):
    """Register a definition. Return the path of its version."""
    name = f"e-{sha256(repr((pip, time.time())).encode()).hexdigest()[:10]}"
    insist(portal, "POST", "workspaces/default/environments/", {"name": name})
    path = f"workspaces/default/environments/{name}/versions/"
    wanted = {"python": {"condaDependencies": {"dependencies": [{"pip": list(pip)}]}}}
    insist(portal, "POST", path, {"definition": wanted})
    return f"{path}1/"


def end_of(portal, pk, seconds=150):
    def ended():
        build = insist(portal, "GET", f"builds/{pk}/")
        return build if build["status"] not in ("queued", "running") else None

    return wait_until(ended, seconds, f"build {pk} has ended")


def assert_built(build):
    assert (build["status"], build["reason"]) == ("succeeded", "")


def leftovers(var):
    """Processes that stand in the folder of the portal."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(var) in command or os.readlink(folder / "cwd").startswith(str(var)):
                found.append(command)
    return found


class Chaos(threading.Thread):
    """Kills something every second or three until it is told to stop."""

    def __init__(self, portal, postgres, redis, seed):
        super().__init__(daemon=True)
        self.portal, self.postgres, self.redis = portal, postgres, redis
        self.random, self.over, self.done = random.Random(seed), threading.Event(), []  # noqa: S311

    def run(self):
        acts = [self.kill_part] * 8 + [self.lose_broker] * 2 + [self.restart_database]
        while not self.over.wait(self.random.uniform(1, 3)):
            self.random.choice(acts)()

    def kill_part(self):
        name = self.random.choice(["worker", "worker", "uvicorn", "beat"])
        pid = self.portal.parts().get(name)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.done.append(name)

    def lose_broker(self):
        self.redis.kill()
        time.sleep(self.random.uniform(0, 3))
        self.redis.start()
        self.done.append("broker")

    def restart_database(self):
        self.postgres.stop()
        time.sleep(self.random.uniform(0, 1))
        self.postgres.start()
        self.done.append("database")


def test_a_hundred_builds_end_whatever_is_killed(portal, servers, index):
    postgres, redis = servers
    print(f"FAULTS_SEED={SEED}")
    names = [f"small_{n}" for n in range(BUILDS // 2)]
    for name in names:
        index.put(name)
    chaos = Chaos(portal, postgres, redis, SEED)
    chaos.start()
    # Each definition is asked for twice, so that many wait for their twin.
    asked = []
    try:
        for name in [*names, *names]:
            version = version_of(portal, name)
            asked.append(insist(portal, "POST", f"{version}builds/")["id"])
            time.sleep(0.3)
    finally:
        chaos.over.set()
        chaos.join(60)
    print(f"{len(chaos.done)} killed: { {name: chaos.done.count(name) for name in set(chaos.done)} }")
    assert len(chaos.done) > 10
    ended = [end_of(portal, pk) for pk in asked]
    assert {build["status"] for build in ended} <= {"succeeded", "failed"}
    assert all(build["reason"] for build in ended if build["status"] == "failed")
    # What failed by bad luck alone works when it is asked for again.
    for build in ended:
        if build["status"] == "failed":
            path = f"workspaces/{build['workspace']}/environments/{build['environment']}/versions/{build['version']}/"
            again = insist(portal, "POST", f"{path}builds/")["id"]
            assert_built(end_of(portal, again))
    check_everything(portal, postgres)


def check_everything(portal, postgres):
    """Exactly one end each; a good build has a prefix that works, and nothing else has one."""
    assert postgres.rows("SELECT count(*) FROM builds_build WHERE status IN ('queued', 'running')") == [(0,)]
    assert postgres.rows("SELECT count(*) FROM builds_step WHERE status IN ('queued', 'running')") == [(0,)]
    per_key = "SELECT reuse_key FROM builds_build WHERE prefix <> '' GROUP BY reuse_key HAVING count(*) > 1"
    assert postgres.rows(per_key) == []
    prefixes = {prefix for (prefix,) in postgres.rows("SELECT prefix FROM builds_build WHERE prefix <> ''")}
    folders = portal.var / "prefixes"
    wait_until(lambda: {folder.name for folder in folders.iterdir()} == prefixes, 60, "only good prefixes are kept")
    for prefix in prefixes:
        code = "import importlib.metadata as m; [__import__(d.name) for d in m.distributions() if d.name != 'pip']"
        subprocess.run([folders / prefix / "bin" / "python", "-c", code], check=True, timeout=60)
    assert list((portal.var / "work").iterdir()) == []


def test_a_broker_that_is_down_delays_a_build_and_loses_none(portal, servers, index):
    _, redis = servers
    index.put("patient")
    redis.kill()
    try:
        version = version_of(portal, "patient")
        pk = insist(portal, "POST", f"{version}builds/")["id"]
        assert insist(portal, "GET", f"builds/{pk}/")["status"] == "queued"
    finally:
        redis.start()
    assert_built(end_of(portal, pk))


def test_a_database_that_restarts_in_the_middle_ends_no_build_twice(portal, servers, index):
    postgres, _ = servers
    index.put("slow", code="import time; time.sleep(12)\n")
    pk = insist(portal, "POST", f"{version_of(portal, 'slow')}builds/")["id"]
    wait_until(lambda: step(portal, pk, "check") == "running", 60, "the check runs")
    postgres.stop()
    time.sleep(1)
    postgres.start()
    build = end_of(portal, pk)
    assert build["status"] in ("succeeded", "failed")
    index.put("after")
    assert (
        end_of(portal, insist(portal, "POST", f"{version_of(portal, 'after')}builds/")["id"])["status"] == "succeeded"
    )
    check_everything(portal, postgres)


def step(portal, pk, name):
    return next(s["status"] for s in insist(portal, "GET", f"builds/{pk}/")["steps"] if s["name"] == name)


def test_a_message_that_is_delivered_often_builds_once(portal, servers, index):
    index.put("once", code="import time; time.sleep(4)\n")
    pk = insist(portal, "POST", f"{version_of(portal, 'once')}builds/")["id"]
    code = f"from builds.tasks import run_build; [run_build.delay('{pk}') for _ in range(10)]"
    portal.manage("shell", "-c", code)
    assert_built(end_of(portal, pk))
    assert portal.fetch(f"builds/{pk}/log/").count("Building ") == 1


def test_a_network_that_is_cut_in_the_middle_of_a_download_fails_with_a_reason(portal, servers, index):
    code = f"x = {random.randbytes(100_000).hex()!r}\n"  # noqa: S311
    wheel = make_wheel("cut", "1.0", code=code)

    def half(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(wheel)))
        handler.end_headers()
        handler.wfile.write(wheel[: len(wheel) // 2])
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)

    index.put("cut", code, half)
    version = version_of(portal, "cut")
    build = end_of(portal, insist(portal, "POST", f"{version}builds/")["id"])
    assert (build["status"], build["failure"]) == ("failed", "network")
    index.put("cut", code)
    assert_built(end_of(portal, insist(portal, "POST", f"{version}builds/")["id"]))


def test_nothing_is_left_when_the_portal_ends(portal, servers):
    portal.stop()
    wait_until(lambda: leftovers(portal.var) == [], 20, "no process is left")
    portal.start()
