"""Measure the advisories of PyPI on a portal of many locks: `DATABASE_URL=postgresql://… python -m bench.advisories`.

Makes a database of its own beside the one that is named, with 5,000 locks of 300 packages that 5,000 versions were
built with, and an export in the form in which OSV publishes that of PyPI: 20,000 JSON files in a zip. Imports it three
times (new, the same again, a day later), each in a process of its own, whose memory is told; then asks the pages.
"""

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .usage import CORE, Years, own_database

ENTRIES = 20_000
MANY = (500, 5_000, 5_000, 20_000)  # environments, versions, locks, runs
# Half of the real export are packages that were put there to do harm, and nobody's lock has them.
MALICE, GITHUB = ENTRIES // 2, ENTRIES // 4
DAY_LATER = 40  # entries that a day adds or changes
START = datetime(2021, 1, 1, tzinfo=UTC)
VECTORS = (
    ("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
    ("CVSS_V3", "CVSS:3.0/AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:L/A:N"),
    ("CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"),
)


class Export:
    """20,000 advisories: of packages that locks have, of many that no lock has, withdrawn ones, and CVEs told twice."""

    def __init__(self, seed=2):
        self.dice = random.Random(seed)  # noqa: S311
        self.used = [f"core-{n}" for n in range(CORE)] + [f"rare-{n}" for n in range(3000)]

    def write(self, path, days=0):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for n in range(ENTRIES):
                entry = self.entry(n)
                if n >= ENTRIES - DAY_LATER * days:
                    entry["summary"] += ", as is known since today"
                archive.writestr(f"{entry['id']}.json", json.dumps(entry))
        return str(path)

    def entry(self, n):
        if n < MALICE:
            return self.document(f"MAL-2024-{n}", f"typo-{n}", [], [{"introduced": "0"}], n)
        name = self.used[n % len(self.used)] if n % 3 else f"other-{n}"
        versions = [f"1.{minor}" for minor in range(self.dice.randrange(1, 12))]
        end = {"fixed": f"1.{len(versions)}"} if n % 4 else {"last_affected": versions[-1]}
        events = [{"introduced": "0"}, end]
        if n % 5 == 0:
            events += [{"introduced": "2.0rc1"}, {"fixed": "2.0.post1"}]
        # Each CVE is told by GitHub and by PyPA: the second half of these repeats the first.
        cve, is_of_github = f"CVE-2024-{(n - MALICE) % GITHUB}", n < MALICE + GITHUB
        identifier = f"GHSA-{n:04d}-aaaa-bbbb" if is_of_github else f"PYSEC-2024-{n}"
        entry = self.document(identifier, name, versions, events, n) | {"aliases": [cve]}
        if is_of_github:
            entry["severity"] = [dict(zip(("type", "score"), VECTORS[n % 3], strict=True))]
            entry["database_specific"] = {"severity": "HIGH", "cwe_ids": ["CWE-79"], "github_reviewed": True}
        if n % 50 == 0:
            entry["withdrawn"] = "2024-06-01T00:00:00Z"
        return entry

    def document(self, identifier, name, versions, events, n):
        moment = (START + timedelta(hours=n)).isoformat().replace("+00:00", "Z")
        commits = {"type": "GIT", "repo": f"https://git.example.org/{name}", "events": [{"introduced": "0"}]}
        return {
            "schema_version": "1.7.3",
            "id": identifier,
            "modified": moment,
            "published": moment,
            "summary": f"{name} does what it should not",
            "details": "What happens, who found it, and what one can do about it. " * self.dice.randrange(5, 60),
            "references": [{"type": "ADVISORY", "url": f"https://advisories.example.org/{identifier}"}],
            "affected": [
                {
                    "package": {"name": name, "ecosystem": "PyPI", "purl": f"pkg:pypi/{name}"},
                    "ranges": [{"type": "ECOSYSTEM", "events": events}, commits],
                    "versions": versions or [f"0.{minor}" for minor in range(n % 7 + 1)],
                    "database_specific": {"source": f"https://git.example.org/advisories/{identifier}.json"},
                }
            ],
        }


def imported(path):
    """Import a file in this process, and print what that took."""
    import django

    django.setup()
    from builds import advisory_import

    before, began = _memory(), time.perf_counter()
    done = advisory_import.run(path)
    assert not done.fault, done.fault
    took = time.perf_counter() - began
    told = f"{done.advisories:,} read, {done.changed:,} changed, {done.removed:,} removed"
    print(f"{took:7.1f} s  memory {before} to {_memory()} MB  {told}", flush=True)


def _memory():
    """The most that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def ask(rounds):
    """Ask for each page, and print how long it takes and by how many queries."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from builds.models import AdvisoryMatch

    print(f"{AdvisoryMatch.objects.count():,} matches")
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(get_user_model().objects.get(username="auditor"))
    for title, url, asked in pages():
        took = []
        for _ in range(rounds):
            began = time.perf_counter()
            answer = client.get(url, asked)
            took.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.content[:500]
        with CaptureQueriesContext(connection) as queries:
            client.get(url, asked)
        print(f"{statistics.median(took) * 1000:7.0f} ms  {len(queries):3} queries  {title}", flush=True)


def pages():
    """(title, address, what is asked)."""
    from django.db.models import Count
    from django.urls import reverse

    from builds.models import AdvisoryName, Lock
    from environments.models import Version

    for title, order in (("fewest", "n"), ("most", "-n")):
        name = AdvisoryName.objects.filter(name__startswith="CVE", advisory__matches__isnull=False)
        name = name.annotate(n=Count("advisory__matches")).order_by(order, "name").first().name
        for of in ("versions", "runs"):
            yield f"audit of the CVE of {title} matches, {of}", reverse("audit"), {"advisory": name, "of": of}
    version = Version.objects.get(environment__name="env-7", number=2)
    yield "lock", reverse("lock", args=[Lock.objects.filter(builds__version=version).get().digest]), {}
    yield "version", version.get_absolute_url(), {}
    yield "diff of two versions", f"{version.environment.get_absolute_url()}diff/", {"from": "1", "to": "2"}
    yield "advisories", reverse("advisories"), {}
    yield "inventory", reverse("inventory", args=[version.environment.workspace.name]), {}


def main():
    if sys.argv[1:2] == ["import"]:
        imported(sys.argv[2])
        return
    with own_database("envportal_bench_advisories") as connect, tempfile.TemporaryDirectory() as folder:
        with connect() as connection:
            Years(connection.cursor(), *MANY).fill()
        export = Path(folder, "all.zip")
        for title, days in (("new", 0), ("the same again", 0), ("a day later", 1)):
            Export().write(export, days)
            print(f"{title}, {ENTRIES:,} files, {export.stat().st_size / 1e6:.0f} MB", flush=True)
            subprocess.run([sys.executable, "-m", "bench.advisories", "import", export], check=True)
        ask(7)


if __name__ == "__main__":
    main()
