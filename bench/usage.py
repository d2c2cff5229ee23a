"""Measure the audit on a portal of many years: `DATABASE_URL=postgresql://… python -m bench.usage [--keep] [--small]`.

Makes a database of its own beside the one that is named: 10,000 environments, 100,000 versions, 5,000 locks of 300
packages, 1,000,000 runs. Then asks, and prints how long the server takes, and the plans of the slowest.
"""

import argparse
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
START = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 1200
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


def copy(cursor, table, columns, rows):
    began, many = time.perf_counter(), 0
    names = ", ".join(f'"{column}"' for column in columns)
    with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as target:
        for many, row in enumerate(rows, 1):  # noqa: B007, the last number is how many
            target.write_row(row)
    print(f"  {many:>9,} {table} in {time.perf_counter() - began:.0f} s", flush=True)


def fill(cursor, small):
    """Write the rows by COPY, as no portal would, but all that its own constraints allow."""
    scale = 10 if small else 1
    environments, versions, locks, runs = (n // scale for n in (10_000, 100_000, 5_000, 1_000_000))
    dice = random.Random(1)  # noqa: S311
    names = [f"core-{n}" for n in range(CORE)] + [f"rare-{n}" for n in range(3000)]
    cursor.execute(
        "INSERT INTO auth_user (id, username, password, is_superuser, is_staff, is_active, first_name, last_name,"
        " email, date_joined) VALUES (1, 'auditor', '', true, true, true, '', '', '', now())"
    )
    copy(
        cursor, "environments_workspace", ("id", "name", "created"),
        ((n + 1, f"space-{n}", START) for n in range(WORKSPACES)),
    )  # fmt: skip
    copy(
        cursor, "environments_environment",
        ("id", "workspace_id", "name", "description", "created", "changed", "created_by_id", "last_number", "latest_number"),
        ((n + 1, n % WORKSPACES + 1, f"env-{n}", "", START, START, 1, *[versions // environments] * 2)
         for n in range(environments)),
    )  # fmt: skip
    per = versions // environments
    copy(
        cursor, "environments_version",
        ("id", "environment_id", "number", "document", "source", "source_digest", "identity", "image_key", "findings",
         "author_id", "message", "created"),
        ((n + 1, n // per + 1, n % per + 1, "{}", "", "", f"{n:064x}", f"azureml/azureml_{n:032x}", "[]", 1, "",
          START + timedelta(days=n % DAYS)) for n in range(versions)),
    )  # fmt: skip
    copy(
        cursor, "environments_declared", ("version_id", "kind", "name", "constraint"),
        (row for n in range(versions) for row in (
            *((n + 1, "pip", names[dice.randrange(CORE)], "") for _ in range(9)),
            (n + 1, "image", f"base/image-{dice.randrange(40)}", "1"))),
    )  # fmt: skip
    copy(
        cursor, "builds_lock", ("id", "digest", "python", "platform", "is_reported", "created"),
        ((n + 1, f"{n:064x}", "3.11.4", "linux-64", False, START) for n in range(locks)),
    )  # fmt: skip
    licences = ["MIT", "BSD-3-Clause", "Apache-2.0", "GPL-3.0-only", "PSF-2.0"]

    def packages():
        for n in range(locks):
            for name in [*dice.sample(names[:CORE], 40), *dice.sample(names[CORE:], 260)]:
                version = f"1.{min(19, int(dice.expovariate(0.25)))}"
                sha256 = hashlib.sha256(f"{name} {version}".encode()).hexdigest()
                licence = licences[zlib.crc32(name.encode()) % 5 if not name.endswith("7") else 3]
                manager = "conda" if len(name) % 2 else "pip"
                yield (
                    *(n + 1, manager, name, version, f"https://example.org/{name}", sha256, 1000),
                    *(dice.random() < 0.1, "", "", "", licence, '["core-1"]'),
                )

    copy(
        cursor, "builds_lockedpackage",
        ("lock_id", "manager", "name", "version", "url", "sha256", "size", "direct", "build", "channel", "subdir",
         "licence", "requested_by"),
        packages(),
    )  # fmt: skip
    lock_of = [dice.randrange(locks) + 1 for _ in range(versions)]
    columns = [
        *("id", "version_id", "image_key", "status", "failure", "reason", "quote", "chain", "lock_id", "prefix"),
        *("worker", "asked_by_id", "created", "sent_at", "finished"),
    ]
    with_default = _columns_without_default(cursor, "builds_build", columns)
    copy(
        cursor, "builds_build", [*columns, *with_default],
        ((str(uuid.UUID(int=n + 1)), n + 1, f"azureml/azureml_{n:032x}", "succeeded", "", "", "", "[]", lock_of[n],
          "p", "w", 1, START, START, START, *with_default.values()) for n in range(versions)),
    )  # fmt: skip
    copy(
        cursor,
        "runs_use",
        ("id", "workspace_id", "environment_id", "version_id", "lock_id", "builds", "runs", "last_used"),
        ((n + 1, n // per % WORKSPACES + 1, n // per + 1, n + 1, lock_of[n], 1, 0, START) for n in range(versions)),
    )
    people = [f"person-{n}" for n in range(200)]

    def all_runs():
        for n in range(runs):
            version = min(versions - 1, int(dice.expovariate(4 / versions)))
            started = START + timedelta(minutes=dice.randrange(DAYS * 1440))
            yield (
                *(str(uuid.UUID(int=dice.getrandbits(128))), version // per % WORKSPACES + 1),
                *(version + 1, version + 1, lock_of[version]),
                *("", "locked", "", "", f"job-{n}", dice.choice(people), "train.py", "", "", "completed"),
                *(started, started + timedelta(minutes=5), started, 1),
            )

    copy(
        cursor, "runs_run",
        ("id", "workspace_id", "version_id", "use_id", "lock_id", "image_key", "evidence", "image_digest", "name",
         "external_id", "person", "script", "code_revision", "host", "status", "started", "ended", "recorded", "recorded_by_id"),
        all_runs(),
    )  # fmt: skip
    began = time.perf_counter()
    cursor.execute(
        "UPDATE runs_use u SET runs = r.n, last_used = r.last FROM (SELECT version_id, count(*) n, max(started) last"
        " FROM runs_run GROUP BY version_id) r WHERE r.version_id = u.version_id"
    )
    cursor.execute("VACUUM ANALYZE")
    print(f"  uses and statistics in {time.perf_counter() - began:.0f} s", flush=True)


def _columns_without_default(cursor, table, named):
    """Columns that the rows have to name as well, with an empty value each."""
    cursor.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'NO'"
        " AND column_default IS NULL AND is_identity = 'NO'",
        [table],
    )
    empty = {"boolean": False, "jsonb": "[]", "integer": 0, "bigint": 0}
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
        counts = getattr(answer.context.get("answer"), "counts", "") if answer.context else ""
        print(f"{statistics.median(took) * 1000:7.0f} ms  max {max(took) * 1000:5.0f}  {title}  {counts}", flush=True)
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="use the database of the last time, and leave it there")
    parser.add_argument("--small", action="store_true", help="a tenth of it")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    import psycopg

    url = os.environ["DATABASE_URL"]
    mine = urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))
    with psycopg.connect(url, autocommit=True) as server:
        there = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if there and not options.keep:
            server.execute(f"DROP DATABASE {DATABASE}")
            there = None
        if not there:
            server.execute(f"CREATE DATABASE {DATABASE}")
    os.environ |= {"DATABASE_URL": mine, "DJANGO_SETTINGS_MODULE": "envportal.settings", "ALLOWED_HOSTS": "*"}
    import django

    django.setup()
    if not there:
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True)
        began = time.perf_counter()
        with psycopg.connect(mine, autocommit=True) as connection:
            fill(connection.cursor(), options.small)
        print(f"filled in {time.perf_counter() - began:.0f} s")
    ask(options.rounds)
    if not options.keep:
        from django.db import connections

        connections.close_all()
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f"DROP DATABASE {DATABASE}")


if __name__ == "__main__":
    main()
