"""Measure the diff of two locks of 500 packages, and a page of 50 versions with 200 each: `python -m bench.diff`.

Everything is made in a temporary folder, or in the database that DATABASE_URL names. What is printed are milliseconds:
of the clock, and of the processor alone, which says more on a machine that does other things, too.
"""

import os
import random
import statistics
import tempfile
import time
from pathlib import Path

PACKAGES, DIRECT = 500, 40
VERSIONS, IN_EACH, MOVED = 51, 200, 15
TIMES = 15


def main():
    with tempfile.TemporaryDirectory() as var:
        os.environ |= {"ENVPORTAL_VAR": var, "SECRET_KEY": "for measuring", "ENVPORTAL_SUGGESTIONS": "off"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "envportal.settings"
        Path(var, "static").mkdir()
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        measure()


def measure():
    from django.contrib.auth import get_user_model
    from django.core.cache import cache
    from django.test import Client

    from builds.comparison import Comparison, Side
    from builds.diff_data import as_data
    from builds.diff_markdown import write
    from builds.lock_diff import compare
    from environments.models import Workspace

    old, new = lock(PACKAGES, 1), lock(PACKAGES, 2)
    print(f"two locks of {PACKAGES} packages, each of them another")
    say("compare", lambda: compare(old, new))
    say("as data", lambda: as_data(Comparison(Side("1", "1", packages=old), Side("2", "2", packages=new))))
    say("as Markdown", lambda: write(Comparison(Side("1", "1", packages=old), Side("2", "2", packages=new))))
    person = get_user_model().objects.create_superuser(f"mira-{time.time_ns()}")
    workspace = Workspace.objects.create(name=f"bench-{time.time_ns()}")
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(person)
    large = workspace.add_environment("large", person)
    for number, packages in enumerate((old, new, lock(PACKAGES, 1, 40))):
        register(large, person, number, packages)
    diff = f"{large.get_absolute_url()}diff/"
    say("the page", lambda: get(client, f"{diff}?from=1&to=2"))
    say("the page, all rows", lambda: get(client, f"{diff}?from=1&to=2&all=1"))
    say("the page, 40 of them another", lambda: get(client, f"{diff}?from=3&to=1&q=package"))
    print(f"{VERSIONS - 1} versions with {IN_EACH} packages each")
    many = workspace.add_environment("many", person)
    for number, packages in enumerate(steps()):
        register(many, person, number, packages)
    say("the page, nothing known yet", lambda: (cache.clear(), get(client, many.get_absolute_url())))
    say("the page", lambda: get(client, many.get_absolute_url()))


def lock(many, seed, changed=None):
    """A lock whose first packages have versions of their own, all of them unless `changed` says how many."""
    dice = random.Random(seed)  # noqa: S311, made-up versions are no secret
    shown = many if changed is None else changed
    versions = {i: (dice.randint(0, 5), dice.randint(0, 20), dice.randint(0, 9)) for i in range(many)}
    return tuple(package(i, versions[i] if i < shown else (1, 0, 0)) for i in range(many))


def steps():
    """Locks of which each moves some versions of the one before."""
    dice = random.Random(1)  # noqa: S311
    versions = dict.fromkeys(range(IN_EACH), (1, 0, 0))
    for _ in range(VERSIONS):
        versions |= {i: (versions[i][0], versions[i][1] + 1, 0) for i in dice.sample(range(IN_EACH), MOVED)}
        yield tuple(package(i, version) for i, version in versions.items())


def package(i, version):
    from builds.lock import Package

    name, text, is_direct = f"package-{i}", ".".join(map(str, version)), i < DIRECT
    needed_by = () if is_direct else tuple({f"package-{i // 2}", f"package-{i // 3}"})
    digest = f"{hash((i, version)) & (2**256 - 1):064x}"
    if i % 2:
        return Package("pip", name, text, f"https://files.example.org/{name}-{text}.whl", digest, 10_000 + i, is_direct,
                       licence="MIT", requested_by=needed_by)  # fmt: skip
    channel = "https://channels.example.org/forge"
    return Package("conda", name, text, f"{channel}/linux-64/{name}-{text}-h0_0.conda", digest, 10_000 + i, is_direct,
                   "h0_0", channel, "linux-64", "MIT", needed_by)  # fmt: skip


def register(environment, person, number, packages):
    from builds.tests.diff_cast import built
    from environments import definition

    wanted = definition.read(definition.compose("3.11", [], [], [f"package=={number}"]))
    built(environment, person, wanted, *packages)


def get(client, path):
    answer = client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}.")


def say(what, act):
    act()
    clock, processor = [], []
    for _ in range(TIMES):
        began, busy = time.perf_counter(), time.process_time()
        act()
        clock.append((time.perf_counter() - began) * 1000)
        processor.append((time.process_time() - busy) * 1000)
    print(f"  {what:30} {statistics.median(clock):6.1f} clock, {statistics.median(processor):6.1f} processor")


if __name__ == "__main__":
    main()
