"""Measure one act that tells 2,000 people, and sending what it made: `python -m bench.notices`.

Once on SQLite and, where BENCH_POSTGRESQL names a server, once on PostgreSQL. Mails and webhooks go to receivers on
loopback, sent by four processes at once.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from contextlib import contextmanager
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .portal import on_each_database

PEOPLE = 2000
PROCESSES = 4


def main():
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with receivers() as (mails, calls):
        measure(mails, calls)


def measure(mails, calls):
    from builds import advisory_import

    people = make_people()
    fill("one", people)
    lock = make_lock()
    build_in("one", people[0], lock)
    row("act", "queries", "in", "notices", "mails", "webhooks")
    with TemporaryAdvisories() as file:
        act("an advisory, 2,000 people in one workspace", lambda: advisory_import.run(file("GHSA-one", "1.0")))
        for n in range(0, PEOPLE, 4):
            fill(f"team-{n}", people[n : n + 4])
            build_in(f"team-{n}", people[n], lock)
        act("an advisory, 2,000 people in 500 workspaces", lambda: advisory_import.run(file("GHSA-two", "1.0")))
    curation = copy_everywhere(people)
    by = people[0]
    ends = {"stage": "deprecated", "ends": date.today() + timedelta(days=90), "reason": "It is old."}
    act("the end of a curated environment, 2,000 copies", lambda: curation.change(by, **ends))
    send_all(mails, calls)


def act(words, what):
    """Do it, counting queries, and say what it made."""
    from django.db import connection

    from environments.models import Delivery, Notice

    said = Counter()

    def counted(execute, *args):
        said["queries"] += 1
        return execute(*args)

    tables = (Notice.objects, Delivery.objects.filter(hook=None), Delivery.objects.filter(user=None))
    before = [rows.count() for rows in tables]
    with connection.execute_wrapper(counted):
        began = time.perf_counter()
        what()
        took = time.perf_counter() - began
    made = [rows.count() - count for rows, count in zip(tables, before, strict=True)]
    row(words, f"{said['queries']:,}", f"{took:.2f} s", *(f"{count:,}" for count in made))


def make_people():
    from django.contrib.auth import get_user_model

    user = get_user_model()
    names = [f"person-{n}" for n in range(PEOPLE)]
    user.objects.bulk_create(user(username=name, email=f"{name}@example.org", password="!") for name in names)  # noqa: S106
    return list(user.objects.filter(username__in=names).order_by("pk"))


def fill(name, people):
    """A workspace with a webhook, of whose people the first one is its owner."""
    from environments.models import Hook, Membership, Role, Workspace
    from environments.notice_models import Kind

    workspace = Workspace.objects.create(name=name)
    Membership.objects.bulk_create(
        Membership(workspace=workspace, user=user, role=Role.VIEWER if n else Role.OWNER)
        for n, user in enumerate(people)
    )
    Hook.make(workspace, os.environ["BENCH_RECEIVER"], Kind.values, people[0])
    return workspace


def make_lock():
    from builds.lock import Package
    from builds.models import Lock

    url = "https://files.example.org/demo-1.0-py3-none-any.whl"
    return Lock.objects.store("3.11.7", "linux-64", [Package("pip", "demo", "1.0", url, "a" * 64, 10, True)])


def build_in(name, by, lock):
    from django.utils import timezone

    from builds.models import Build
    from environments.models import Workspace

    environment = Workspace.objects.get(name=name).add_environment("science", by)
    version = environment.register(wanted(), by)[0]
    facts = {"status": "succeeded", "finished": timezone.now(), "lock": lock, "asked_by": by}
    Build.objects.create(version=version, image_key=version.image_key, **facts)


def copy_everywhere(people):
    """A curated environment from which somebody in a workspace of their own made another, for each of them."""
    from environments.models import Workspace

    curated = Workspace.objects.shelf().add_environment("AzureML-Bench", people[0])
    curation = curated.begin_life()
    curation.change(people[0], stage="current")
    origin = curated.register(wanted(), people[0])[0]
    for n, user in enumerate(people):
        copy = fill(f"own-{n}", [user]).add_environment("copy", user)
        copy.register(wanted(), user, origin=origin)
    return curation


def wanted():
    from environments import definition

    return definition.read(definition.compose("3.11", [], [], ["demo==1.0"], {}))


class TemporaryAdvisories(tempfile.TemporaryDirectory):
    """Makes exports with one advisory that concerns a version of the package `demo`."""

    def __enter__(self):
        self.folder = Path(super().__enter__())
        return self.file

    def file(self, name, version):
        package = {"package": {"ecosystem": "PyPI", "name": "demo"}, "versions": [version]}
        entry = {"id": name, "modified": "2026-01-01T00:00:00Z", "summary": "A fault", "affected": [package]}
        path = self.folder / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.json", json.dumps(entry))
        return str(path)


def send_all(mails, calls):
    """Send what waits by several processes at once, and say whether anything came twice."""
    from environments.models import Delivery
    from environments.notice_models import State

    waiting = Delivery.objects.filter(state=State.WAITING).count()
    began = time.perf_counter()
    senders = [subprocess.Popen([sys.executable, "-m", "bench.notices", "send"]) for _ in range(PROCESSES)]
    for sender in senders:
        sender.wait(1200)
    took = time.perf_counter() - began
    states = Counter(Delivery.objects.values_list("state", flat=True))
    twice = sum(count - 1 for count in (Counter(mails) + Counter(calls)).values())
    print(f"\n{waiting:,} sent by {PROCESSES} processes in {took:.1f} s: {len(mails):,} mails, {len(calls):,} calls")
    print(f"came twice: {twice}; states: {dict(states)}")


def send():
    """As a worker does it, without its pauses."""
    import django

    django.setup()
    from environments import outbox
    from environments.models import Delivery

    while Delivery.objects.due().exists():
        outbox.send_due()


@contextmanager
def receivers():
    """Yield (ids of the mails, ids of the calls) that came, in lists that grow."""
    from aiosmtpd.controller import Controller

    mails, calls = [], []

    class Mailbox:
        async def handle_DATA(self, server, session, envelope):
            head = envelope.content.decode().split("\r\n\r\n")[0]
            mails.append(next(line for line in head.split("\r\n") if line.startswith("Message-ID:")))
            return "250 taken"

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            calls.append(self.headers["webhook-id"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["BENCH_RECEIVER"].split(":")[2].strip("/"))), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mailbox = Controller(Mailbox(), hostname="127.0.0.1", port=int(os.environ["ENVPORTAL_EMAIL"].split(":")[2]))
    mailbox.start()
    try:
        yield mails, calls
    finally:
        mailbox.stop()
        server.shutdown()


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)
    if cells[0] == "act":
        print("|---" * len(cells) + "|", flush=True)


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    if sys.argv[1:] == ["here"]:
        main()
    elif sys.argv[1:] == ["send"]:
        send()
    else:
        os.environ["BENCH_RECEIVER"] = f"http://127.0.0.1:{free_port()}/"
        os.environ["ENVPORTAL_EMAIL"] = f"smtp://127.0.0.1:{free_port()}"
        os.environ["ENVPORTAL_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
        on_each_database("bench.notices", "here")
