"""What a workspace installs: which locks count, what is said of each package, and as which files."""

import asyncio
import csv
import json
import re
from dataclasses import replace

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.urls import reverse

from builds.inventory import Inventory
from builds.models import LicenceRules, Lock, VersionLock
from builds.tests.advisory_cast import JINJA
from builds.tests.diff_cast import conda, pip
from events.models import Event

MIT = {"licence": "MIT"}


def text_of(answer):
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


def content(answer):
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


@pytest.fixture
def lock(workspace, editor, wanted):
    """Register a version of an environment with a lock of these packages that builds take."""
    numbers = iter(range(100))

    def lock(name, *packages, platform="linux-64", version=None):
        environment = workspace.environments.filter(name=name).first() or workspace.add_environment(name, editor)
        version = version or environment.register(wanted(f"idna=={next(numbers)}"), editor)[0]
        made = Lock.objects.store("3.11.7", platform, packages)
        VersionLock.objects.keep(version, made, editor, is_refresh=VersionLock.objects.filter(version=version).exists())
        return version

    return lock


@pytest.fixture
def lines(workspace):
    """{name: (versions, environments)} of an inventory."""

    def lines(**asked):
        inventory = Inventory(workspace, **asked)
        found = inventory.lines(inventory.names(inventory.packages).order_by("name", "manager"))
        return {f"{line.manager} {line.name}": (line.versions, line.environments) for line in found}

    return lines


def test_the_newest_locked_version_of_each_environment_counts(lock, lines, workspace, editor, wanted):
    lock("one", pip("idna", "3.9"), pip("gone"))
    lock("one", pip("idna", "3.10"))
    lock("two", pip("idna", "3.9"), conda("idna", "3.9"))
    workspace.environments.get(name="two").register(wanted("never-built"), editor)
    assert lines() == {"conda idna": (["3.9"], 1), "pip idna": (["3.10", "3.9"], 2)}
    assert lines(every=True) == {"conda idna": (["3.9"], 1), "pip gone": (["1.0"], 1), "pip idna": (["3.10", "3.9"], 2)}


def test_after_a_refresh_the_new_lock_counts_and_other_platforms_count_beside_it(lock, lines):
    version = lock("one", pip("idna", "3.9"))
    lock("one", pip("idna", "3.10"), version=version)
    lock("one", pip("idna", "3.8"), platform="linux-aarch64", version=version)
    assert lines() == {"pip idna": (["3.10", "3.8"], 1)}


def test_a_lock_that_was_only_looked_at_does_not_count(lock, lines, version, editor):
    VersionLock.objects.offer(version, Lock.objects.store("3.11.7", "linux-64", [pip("idna")]), editor)
    assert lines() == {}


def test_a_newer_version_whose_lock_was_only_looked_at_leaves_the_one_before(lock, lines, workspace, editor, wanted):
    lock("one", pip("idna"))
    newer = workspace.environments.get(name="one").register(wanted("six"), editor)[0]
    VersionLock.objects.offer(newer, Lock.objects.store("3.11.7", "linux-64", [pip("six")]), editor)
    assert lines() == {"pip idna": (["1.0"], 1)}


def test_another_workspace_is_not_in_it(lock, stranger, workspace):
    lock("one", pip("idna"))
    elsewhere = Inventory(stranger.memberships.get().workspace)
    assert (elsewhere.counts["packages"], elsewhere.packages.count()) == (0, 0)
    assert Inventory(workspace).counts == {"packages": 1, "locked": 1, "environments": 1, "unlocked": 0}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["gnu", "idna", "jinja2"]),
        ({"q": "n"}, ["gnu", "idna", "jinja2"]),
        ({"q": "JIN ja"}, ["jinja2"]),
        ({"manager": "conda"}, ["gnu"]),
        ({"licence": "gpl"}, ["gnu"]),
        ({"verdict": "denied"}, ["gnu"]),
        ({"verdict": "allowed"}, ["idna"]),
        ({"verdict": "unknown"}, ["jinja2"]),
        ({"advisories": "known"}, ["jinja2"]),
        ({"q": "nothing"}, []),
    ],
)
def test_each_filter_narrows_the_list(api, lock, advisories, workspace, owner, asked, names):
    LicenceRules.objects.decide(workspace, {"allowed": ["MIT"], "review": [], "denied": ["GPL-3.0-only"]}, "", owner)
    lock("one", pip("idna", **MIT), pip("jinja2", "3.1.5", licence="BSD"), conda("gnu", licence="GPL-3.0-only"))
    data = api(owner).get(reverse("api-inventory", args=["team"]), asked).json()
    assert [each["package"] for each in data["results"]] == names
    assert data["counts"]["packages"] == 3


def test_a_line_says_the_worst_licence_and_what_advisories_know(api, lock, advisories, workspace, owner):
    LicenceRules.objects.decide(workspace, {"allowed": ["MIT"], "review": [], "denied": []}, "", owner)
    lock("one", pip("jinja2", "3.1.5", **MIT))
    lock("two", pip("jinja2", "3.1.6", licence="BSD License"))
    lock("three", conda("jinja2", "3.1.5", channel="https://c.example.org/ours"))
    conda_line, pip_line = api(owner).get(reverse("api-inventory", args=["team"])).json()["results"]
    assert pip_line == {
        "package": "jinja2",
        "manager": "pip",
        "versions": ["3.1.6", "3.1.5"],
        "environments": 2,
        "licences": ["BSD License", "MIT"],
        "verdict": "unknown",
        "advisories": [JINJA],
        "ignored": [],
        "assessed": "assessed",
    }
    assert (conda_line["advisories"], conda_line["assessed"]) == ([], "not assessed")


def test_the_page_shows_it_and_what_is_not_counted(client, lock, viewer, workspace, editor):
    client.force_login(viewer)
    address = reverse("inventory", args=["team"])
    assert "Nothing is locked yet" in text_of(client.get(address))
    lock("one", pip("idna", "3.10", **MIT))
    workspace.add_environment("empty", editor)
    page = text_of(client.get(address))
    assert "1 package in the newest locked version of each environment of team." in page
    assert "Not counted: 1 of 2 environments was never built" in page
    assert "idna pip 3.10 MIT no policy not assessed 1" in page
    assert "No package matches" in text_of(client.get(address, {"q": "zzz"}))
    assert client.get(address, {"verdict": "x"}).status_code == 422
    assert client.get(address, {"q": "\0"}).status_code == 422


def test_a_long_list_is_turned_page_by_page(api, lock, viewer):
    lock("one", *(pip(f"p{n:03}") for n in range(60)), conda("p010"))
    caller, address, seen = api(viewer), reverse("api-inventory", args=["team"]), []
    while address:
        data = caller.get(address).json()
        seen += [(each["package"], each["manager"]) for each in data["results"]]
        address = data["next"]
    assert seen == sorted([(f"p{n:03}", "pip") for n in range(60)] + [("p010", "conda")])


def test_a_spreadsheet_has_all_lines_and_runs_none_of_them(client, lock, viewer):
    lock("one", pip("idna", "3.10", licence="=HYPERLINK(1)"), pip("six", "1.17"))
    lock("two", pip("six", "1.16"))
    client.force_login(viewer)
    rows = list(csv.DictReader(content(client.get(reverse("inventory-export", args=["team"]))).splitlines()))
    assert [(row["package"], row["versions"], row["licences"]) for row in rows] == [
        ("idna", "3.10", "'=HYPERLINK(1)"),
        ("six", "1.17, 1.16", "not said"),
    ]
    narrowed = content(client.get(reverse("api-inventory-export", args=["team"]), {"q": "six"}))
    assert len(narrowed.splitlines()) == 2
    event = Event.objects.filter(verb="exported").first()
    assert (event.object, event.workspace, event.person) == ("inventory as csv", "team", "vera")


@pytest.mark.parametrize("name", ["inventory-bill", "api-inventory-bill"])
def test_the_bill_of_a_workspace_is_valid_and_has_each_file_once(client, lock, viewer, wheel, name):
    private = replace(pip("demo-pkg", sha256="b"), url=f"wheels/{wheel.sha256}/{wheel.filename}")
    lock("one", pip("idna", "3.9"))
    lock("one", pip("idna", "3.10"), private)
    lock("two", pip("idna", "3.10", licence="BSD-3-Clause"), conda("python", "3.11.7", sha256="c"))
    client.force_login(viewer)
    text = content(client.get(reverse(name, args=["team"])))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    said = json.loads(text)
    named = [(each["type"], each["name"], each["version"]) for each in said["components"]]
    assert named == [
        ("application", "one", "2"),
        ("application", "two", "1"),
        ("platform", "python", "3.11.7"),
        ("library", "python", "3.11.7"),
        ("library", "demo-pkg", "1.0"),
        ("library", "idna", "3.10"),
    ]
    demo, idna = said["components"][-2:]
    assert demo["externalReferences"][0]["url"].endswith(f"/workspaces/team/wheels/{wheel.sha256}/{wheel.filename}")
    assert idna["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    one, two = (each["dependsOn"] for each in said["dependencies"][1:])
    assert [len(one), len(two)] in ([3, 2], [2, 3])
    every = json.loads(content(client.get(reverse(name, args=["team"]), {"versions": "every"})))
    assert sum(each["name"] == "idna" for each in every["components"]) == 2


def test_a_bill_costs_the_same_queries_however_many_versions(client, lock, viewer, django_assert_num_queries):
    client.force_login(viewer)
    for n in range(3):
        lock(f"e{n}", pip("idna", f"3.{n}"), pip("six"))
        client.get(reverse("inventory-bill", args=["team"]))
        with django_assert_num_queries(8):
            content(client.get(reverse("inventory-bill", args=["team"])))


def test_a_file_is_sent_in_pieces_under_asgi_too(lock, workspace):
    """Else the server would gather all of it first."""
    from environments import exports

    taken = []

    def rows():
        for n in range(1000):
            taken.append(n)
            yield {"n": n}

    async def first():
        answer = exports.as_csv(rows(), ["n"], "n.csv")
        async for piece in answer:
            return piece

    assert asyncio.run(first()).startswith(b"n\r\n0\r\n1\r\n")
    assert len(taken) < 250
