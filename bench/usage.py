"""Measure the audit on a portal of many years: `DATABASE_URL=postgresql://… python -m bench.usage [--keep] [--small]`.

Makes a database of its own beside the one that is named: 10,000 environments, 100,000 versions, 5,000 locks of 300
packages, 1,000,000 runs. Then asks, and prints how long the server takes, and the plans of the slowest.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import time
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

DATABASE = "envportal_bench"
WORKSPACES, CORE = 100, 60
LICENCES = ("MIT", "BSD-3-Clause", "Apache-2.0", "GPL-3.0-only", "PSF-2.0")
START = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 1200
MANY = (10_000, 100_000, 5_000, 1_000_000)  # environments, versions, locks, runs
QUESTIONS = [
    {"package": "core-3", "version": "<1.4"},
    {"package": "core-3", "version": "<1.4", "of": "runs"},
    {"package": "core-3", "version": "<1.4", "of": "builds"},
    {"package": "core-0"},
    {"package": "core-0", "of": "runs"},
    {"package": "rare-7", "version": ">=1.2,<2"},
    {"package": "rare-1500"},
    {"package": "core-9", "version": "1.7", "manager": "pip", "how": "direct"},
    {"package": "core-9", "latest": "true"},
    {"package": "core-5", "version": ">1.2", "workspace": "space-7"},
    {"package": "core-5", "since": "2025-11-01", "until": "2025-12-01"},
    {"package": "core-5", "since": "2025-11-01", "until": "2025-12-01", "of": "runs"},
    {"package": "core-5", "person": "person-17"},
    {"package": "core-5", "how": "declared"},
    {"licence": "GPL"},
    {"sha256": hashlib.sha256(b"rare-7 1.3").hexdigest()},
    {"image": "base/image-3"},
]


class Years:
    """The rows of a portal of many years, written by COPY, as no portal would, but all that its constraints allow."""

    def __init__(self, cursor, environments, versions, locks, runs):
        self.cursor, self.dice = cursor, random.Random(1)  # noqa: S311
        self.environments, self.versions, self.locks, self.runs = environments, versions, locks, runs
        self.per = self.versions // self.environments
        self.names = [f"core-{n}" for n in range(CORE)] + [f"rare-{n}" for n in range(3000)]
        self.lock_of = [self.dice.randrange(self.locks) + 1 for _ in range(self.versions)]

    def fill(self):
        self.cursor.execute(
            "INSERT INTO auth_user (id, username, password, is_superuser, is_staff, is_active, first_name, last_name,"
            " email, date_joined) VALUES (1, 'auditor', '', true, true, true, '', '', '', now())"
        )
        self.copy("environments_workspace", self.all_workspaces())
        self.copy("environments_environment", self.all_environments())
        self.copy("environments_version", self.all_versions())
        self.copy("environments_declared", self.all_declared())
        self.copy("builds_lock", self.all_locks())
        self.copy("builds_lockedpackage", self.all_packages())
        self.copy("builds_build", self.all_builds())
        self.copy("runs_use", self.all_uses())
        self.copy("runs_run", self.all_runs())
        began = time.perf_counter()
        self.cursor.execute(
            "UPDATE runs_use u SET runs = r.n, last_used = r.last FROM (SELECT version_id, count(*) n,"
            " max(started) last FROM runs_run GROUP BY version_id) r WHERE r.version_id = u.version_id"
        )
        self.cursor.execute("VACUUM ANALYZE")
        print(f"  uses and statistics in {time.perf_counter() - began:.0f} s", flush=True)

    def copy(self, table, rows):
        """Write rows, each {column: value} of the same columns; what else may not be null is empty."""
        began, many, first = time.perf_counter(), 1, next(rows)
        empty = _columns_without_default(self.cursor, table, first)
        names = ", ".join(f'"{column}"' for column in (*first, *empty))
        with self.cursor.copy(f"COPY {table} ({names}) FROM STDIN") as target:
            target.write_row([*first.values(), *empty.values()])
            for many, row in enumerate(rows, 2):  # noqa: B007, the last number is how many
                target.write_row([*row.values(), *empty.values()])
        print(f"  {many:>9,} {table} in {time.perf_counter() - began:.0f} s", flush=True)

    def all_workspaces(self):
        for n in range(WORKSPACES):
            yield {"id": n + 1, "name": f"space-{n}", "created": START}

    def all_environments(self):
        for n in range(self.environments):
            facts = {"created": START, "changed": START, "created_by_id": 1}
            facts |= {"last_number": self.per, "latest_number": self.per}
            yield {"id": n + 1, "workspace_id": n % WORKSPACES + 1, "name": f"env-{n}", "description": ""} | facts

    def all_versions(self):
        for n in range(self.versions):
            keys = {"identity": f"{n:064x}", "image_key": f"azureml/azureml_{n:032x}"}
            facts = {"document": "{}", "findings": "[]", "author_id": 1, "created": START + timedelta(days=n % DAYS)}
            yield {"id": n + 1, "environment_id": n // self.per + 1, "number": n % self.per + 1} | keys | facts

    def all_declared(self):
        for n in range(self.versions):
            for kind, name, constraint in (
                *(("pip", self.names[self.dice.randrange(CORE)], "") for _ in range(9)),
                ("image", f"base/image-{self.dice.randrange(40)}", "1"),
            ):
                yield {"version_id": n + 1, "kind": kind, "name": name, "constraint": constraint}

    def all_locks(self):
        for n in range(self.locks):
            facts = {"python": "3.11.4", "platform": "linux-64", "is_reported": False, "created": START}
            yield {"id": n + 1, "digest": f"{n:064x}"} | facts

    def all_packages(self):
        for n in range(self.locks):
            names = [*self.dice.sample(self.names[:CORE], 40), *self.dice.sample(self.names[CORE:], 260)]
            yield from (self.package(n + 1, name) for name in names)

    def package(self, lock, name):
        version = f"1.{min(19, int(self.dice.expovariate(0.25)))}"
        return {
            "lock_id": lock,
            "manager": "conda" if len(name) % 2 else "pip",
            "name": name,
            "version": version,
            "url": f"https://example.org/{name}",
            "sha256": hashlib.sha256(f"{name} {version}".encode()).hexdigest(),
            "size": 1000,
            "direct": self.dice.random() < 0.1,
            "licence": LICENCES[zlib.crc32(name.encode()) % 5 if not name.endswith("7") else 3],
            "requested_by": '["core-1"]',
        }

    def all_builds(self):
        for n in range(self.versions):
            facts = {"status": "succeeded", "chain": "[]", "prefix": "p", "worker": "w", "asked_by_id": 1}
            times = {"created": START, "sent_at": START, "finished": START}
            key = {"version_id": n + 1, "image_key": f"azureml/azureml_{n:032x}", "lock_id": self.lock_of[n]}
            yield {"id": str(uuid.UUID(int=n + 1))} | key | facts | times

    def all_uses(self):
        for n in range(self.versions):
            keys = {"workspace_id": n // self.per % WORKSPACES + 1, "environment_id": n // self.per + 1}
            keys |= {"version_id": n + 1, "lock_id": self.lock_of[n]}
            yield {"id": n + 1} | keys | {"builds": 1, "runs": 0, "last_used": START}

    def all_runs(self):
        people = [f"person-{n}" for n in range(200)]
        for n in range(self.runs):
            version = min(self.versions - 1, int(self.dice.expovariate(4 / self.versions)))
            started = START + timedelta(minutes=self.dice.randrange(DAYS * 1440))
            yield {
                "id": str(uuid.UUID(int=self.dice.getrandbits(128))),
                "workspace_id": version // self.per % WORKSPACES + 1,
                **{"version_id": version + 1, "use_id": version + 1, "lock_id": self.lock_of[version]},
                **{"evidence": "locked", "name": f"job-{n}", "person": self.dice.choice(people)},
                **{"script": "train.py", "status": "completed", "recorded_by_id": 1},
                **{"started": started, "ended": started + timedelta(minutes=5), "recorded": started},
            }


def _columns_without_default(cursor, table, named):
    """Columns that the rows have to name as well, with an empty value each."""
    cursor.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'NO'"
        " AND column_default IS NULL AND is_identity = 'NO'",
        [table],
    )
    empty = {"boolean": False, "jsonb": "[]", "integer": 0, "smallint": 0, "bigint": 0}
    return {name: empty.get(kind, "") for name, kind in cursor.fetchall() if name not in named}


def ask(rounds):
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    client = Client()
    client.force_login(get_user_model().objects.get(username="auditor"))
    pages = [(f"audit {json.dumps(asked)}", reverse("audit"), asked) for asked in QUESTIONS]
    pages += [
        ("runs of a workspace", reverse("runs", args=["space-7"]), {}),
        ("runs, filtered", reverse("runs", args=["space-7"]), {"person": "person-3", "since": "2025-01-01"}),
        ("environments", reverse("environments", args=["space-7"]), {}),
        ("versions", reverse("environment", args=["space-7", "env-7"]), {}),
        ("home", reverse("home"), {}),
    ]
    slowest, audits = ("", 0.0), []
    for title, url, asked in pages:
        took = []
        for _ in range(rounds):
            began = time.perf_counter()
            answer = client.get(url, asked)
            took.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.content[:500]
        print(f"{statistics.median(took) * 1000:7.0f} ms  max {max(took) * 1000:5.0f}  {title}", flush=True)
        if title.startswith("audit"):
            audits += took
            with CaptureQueriesContext(connection) as queries:
                client.get(url, asked)
            slow = max(queries.captured_queries, key=lambda query: float(query["time"]))
            slowest = max(slowest, (slow["sql"], float(slow["time"])), key=lambda pair: pair[1])
    audits.sort()
    p95 = audits[int(0.95 * len(audits))]
    print(f"range queries: median {statistics.median(audits) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {slowest[0]}")
        print(
            f"the slowest query, {slowest[1] * 1000:.0f} ms:\n"
            + "\n".join(line for (line,) in cursor.fetchall())[:6000]
        )


@contextlib.contextmanager
def own_database(name, keep=False):
    """Have Django and child processes use a database beside that of DATABASE_URL. Yield what connects to it.

    It is made anew, and dropped at the end, unless it is kept; one that was kept is there with all it had.
    """
    import psycopg

    url = os.environ["DATABASE_URL"]
    mine = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    os.environ |= {"DATABASE_URL": mine, "DJANGO_SETTINGS_MODULE": "envportal.settings", "ALLOWED_HOSTS": "*"}
    with psycopg.connect(url, autocommit=True) as server:
        there = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if there and not keep:
            server.execute(f"DROP DATABASE {name}")
        if not (there and keep):
            server.execute(f"CREATE DATABASE {name}")
            for command in (["migrate"], ["collectstatic", "--no-input"]):
                subprocess.run([sys.executable, "manage.py", *command, "--verbosity", "0"], check=True)
        try:
            yield lambda: psycopg.connect(mine, autocommit=True)
        finally:
            if not keep:
                server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="use the database of the last time, and leave it there")
    parser.add_argument("--small", action="store_true", help="a tenth of it")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with own_database(DATABASE, options.keep) as connect:
        with connect() as connection:
            if not connection.execute("SELECT 1 FROM runs_run LIMIT 1").fetchone():
                began, scale = time.perf_counter(), 10 if options.small else 1
                Years(connection.cursor(), *(n // scale for n in MANY)).fill()
                print(f"filled in {time.perf_counter() - began:.0f} s")
        import django

        django.setup()
        ask(options.rounds)


if __name__ == "__main__":
    main()
