"""How long a build of a scientific environment takes, against venv and pip: `python -m bench.builds [RUNS]`.

Twelve packages are asked for, which is about thirty in the lock. A portal is started as a user starts it, on SQLite
and, where BENCH_POSTGRESQL names a server, on PostgreSQL; everything is asked through its API. Times are those from the
request to the end of the build, as the portal says them; of pip those from nothing to all packages there, the same
files by the same hashes with the same Python. All caches are folders of the measurement's own.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from .portal import Portal, databases, machine

WANTED = [
    *("numpy", "scipy", "pandas", "scikit-learn", "matplotlib", "seaborn", "statsmodels", "networkx", "sympy"),
    *("requests", "pyyaml", "tqdm"),
]
PYTHON = "{}.{}".format(*sys.version_info[:2])
PLACE = "workspaces/default/environments/"
FORGET_PREFIXES = "from builds.models import Build; Build.objects.update(prefix='')"


class Builds:
    """Builds of one portal, each of an environment that nobody built before."""

    def __init__(self, portal, moved):
        self.portal, self.moved = portal, moved
        self.made, self.times, self.steps = 0, {}, {}

    def register(self):
        """Return the path of a version of its own image key."""
        self.made += 1
        name = f"science-{self.made}"
        self.portal.call(PLACE, {"name": name})
        # A bound that changes nothing but the key.
        pip = [*WANTED[:-1], f"{WANTED[-1]}>=4.0.{self.made}"]
        wanted = {"python": {"condaDependencies": {"dependencies": [f"python={PYTHON}", {"pip": pip}]}}}
        self.portal.call(f"{PLACE}{name}/versions/", {"definition": wanted})
        return f"{PLACE}{name}/versions/1/builds/"

    def build(self, kind, version):
        """Ask for a build, wait for its end, and keep how long it took."""
        began = time.perf_counter()
        build = json.loads(self.portal.call(version))
        answered = time.perf_counter() - began
        while build["status"] in ("queued", "running"):
            time.sleep(0.3)
            build = self.portal.get(f"builds/{build['id']}/")
        if build["status"] != "succeeded":
            sys.exit(f"{kind}: {build['reason']}")
        took = answered if build["reused_from"] else seconds_between(build["created"], build["finished"])
        self.times.setdefault(kind, []).append(took)
        if not build["reused_from"]:
            told = {"wait": seconds_between(build["created"], build["started"])}
            told |= {step["name"]: step["seconds"] for step in build["steps"]}
            self.steps.setdefault(kind, []).append(told)
        return build

    def forget_caches(self):
        self.move_away("cache")

    def forget_prefixes(self):
        """Have the portal build again what it has built, as if a clean-up had been there."""
        self.move_away("prefixes")
        self.portal.manage("shell", "-c", FORGET_PREFIXES)

    def move_away(self, name):
        """Empty a folder. Removing is left to the end: some file systems make what is written next pay for it."""
        away = Path(tempfile.mkdtemp(prefix=name, dir=self.moved))
        for folder in filter(Path.is_dir, (self.portal.var / name).iterdir()):
            folder.rename(away / folder.name)

    def run(self):
        """Build once in each way. Return the path of the last build."""
        self.forget_caches()
        first = self.register()
        self.build("cold", first)
        self.forget_prefixes()
        self.build("warm, lock known", first)
        self.build("reused", first)
        build = self.build("warm, lock not known", self.register())
        self.forget_prefixes()
        return f"builds/{build['id']}/"

    def report(self):
        for kind, times in self.times.items():
            told = self.steps.get(kind)
            names = told[0] if told else ()
            parts = ", ".join(f"{name} {statistics.median(each[name] for each in told):.2f}" for name in names)
            print(row(kind, times), f"  {parts}" if parts else "")


class Pip:
    """What people do without the portal: `python -m venv`, then `pip install` of the same lock."""

    def __init__(self, lock, folder):
        self.lock, self.folder, self.times = lock, folder, {}

    def install(self, kind, *options):
        folder = tempfile.mkdtemp(dir=self.folder)
        requirements, prefix = Path(folder, "requirements.txt"), Path(folder, "prefix")
        requirements.write_bytes(self.lock)
        command = [prefix / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes", "--only-binary", ":all:", "-r", requirements, *options]
        environ = os.environ | {"PIP_CACHE_DIR": str(Path(self.folder, "cache"))}
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "venv", prefix], check=True)
        subprocess.run(command, env=environ, check=True, capture_output=True, timeout=1800)
        self.times.setdefault(kind, []).append(time.perf_counter() - began)

    def measure(self, runs):
        for n in range(runs):
            self.install("venv + pip, cold", "--no-cache-dir")
            if n == 0:
                self.install("to fill the cache")
            self.install("venv + pip, warm")
            self.install("… without bytecode", "--no-compile")
        del self.times["to fill the cache"]

    def report(self):
        for kind, times in self.times.items():
            print(row(kind, times))


def seconds_between(first, last):
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def row(kind, times):
    return f"{kind:22} {min(times):8.2f} {statistics.median(times):8.2f} {max(times):8.2f}"


def measure(database, runs, moved):
    """Return what was built, and its lock as pip reads it."""
    with tempfile.TemporaryDirectory() as var, Portal(var, database) as portal:
        builds = Builds(portal, moved)
        for _ in range(runs):
            last = builds.run()
        told = portal.get(last)
        confined = "confined" if told["is_sandboxed"] else "not confined"
        print(f"{len(WANTED)} packages asked for, {len(told['packages'])} in the lock, {confined}")
        builds.report()
        return builds, portal.call(f"{last}lock/requirements.txt", method="GET")


def compare(builds, pip):
    """Say how many times faster: medians, the bytecode that pip makes counted and not."""
    ours = statistics.median(builds.times["warm, lock known"])
    for kind, times in pip.times.items():
        if kind != "venv + pip, cold":
            print(f"a warm build is {statistics.median(times) / ours:.1f} times as fast as {kind}")


def main(runs=3):
    print(machine())
    print(f"{'seconds':22} {'min':>8} {'median':>8} {'max':>8}   of {runs} runs; medians of the steps")
    with tempfile.TemporaryDirectory() as moved, databases() as found:
        for name, address in found.items():
            print(f"\nenvportal on {name}", flush=True)
            builds, lock = measure(address, runs, moved)
        print("\nvenv + pip", flush=True)
        pip = Pip(lock, moved)
        pip.measure(runs)
        pip.report()
        compare(builds, pip)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
