"""The whole portal, started as a user starts it: supervisor, web, worker, scheduler, browser, kill.

On the database and the broker that the environment names, or on the default that needs no server.
"""

import os
import re
import signal
import subprocess
import time
import urllib.request
import uuid

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import expect

from envportal.tests.running import HERE, are_gone, tree

pytestmark = [pytest.mark.portal, pytest.mark.timeout(400)]

FIVE = ["idna", "rich", "python-dateutil", "requests", "packaging"]


def fill_packages(page, packages, has_script):
    for n, package in enumerate(packages):
        page.locator("[name=pip_name]").nth(n).fill(package)
        if n < len(packages) - 1:
            page.locator("button[value=add-pip]").click()
            expect(page.locator("[name=pip_name]")).to_have_count(n + 2)
            if has_script:
                expect(page.locator("[name=pip_name]").nth(n + 1)).to_be_focused()


def test_from_the_browser_to_a_built_prefix(portal, open_page):
    page = open_page()
    page.get_by_role("link", name="New environment in default").click()
    name = f"first-{uuid.uuid4().hex[:6]}"
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Python version").fill(HERE)
    fill_packages(page, FIVE, has_script=True)
    page.get_by_role("button", name="Register and build").click()
    pressed = time.monotonic()
    expect(page.locator("ol.lines li").first).to_be_visible(timeout=10_000)
    assert time.monotonic() - pressed < 2
    expect(page.get_by_role("status").get_by_text("Succeeded")).to_be_visible(timeout=120_000)
    expect(page.locator("#poll")).to_have_count(0)
    seen = page.locator("ol.lines li code").all_text_contents()
    page.reload()
    assert page.locator("ol.lines li code").all_text_contents() == seen
    assert [int(n) for n in page.locator("ol.lines li > a").all_text_contents()] == list(range(1, len(seen) + 1))
    pk = page.url.rstrip("/").rsplit("/", 1)[-1]
    build = portal.build(pk)
    assert [step["status"] for step in build["steps"]] == ["succeeded"] * 4
    assert {package["name"] for package in build["packages"] if package["direct"]} == set(FIVE)
    python = portal.var / "prefixes" / pk / "bin" / "python"
    code = "import idna, rich, dateutil, requests, packaging; print(requests.__version__)"
    assert subprocess.run([python, "-c", code], capture_output=True, check=True, text=True).stdout.strip()
    page.get_by_role("link", name="Locked packages").click()
    packages = page.get_by_role("region", name=re.compile("^Packages"))
    expect(packages.get_by_role("row", name=re.compile("^requests "))).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("^Lock "))).to_be_visible()


def test_everything_works_without_script(open_page):
    page = open_page("/workspaces/default/new/", java_script_enabled=False)
    page.goto(page.url)
    page.get_by_label("Name", exact=True).fill(f"plain-{uuid.uuid4().hex[:6]}")
    page.get_by_label("Python version").fill(HERE)
    fill_packages(page, ["idna", "six", "nosuch"], has_script=False)
    page.locator("button[value=remove-pip-2]").click()
    expect(page.locator("[name=pip_name]")).to_have_count(2)
    page.get_by_role("button", name="Register and build").click()
    for _ in range(60):
        if page.get_by_text("Succeeded").count():
            break
        time.sleep(1)
        page.reload()
    expect(page.get_by_text("Succeeded")).to_be_visible()
    assert page.locator("ol.lines li").count() > 10


@pytest.mark.parametrize(("width", "theme"), [(1360, "light"), (360, "dark")])
def test_no_page_has_a_serious_finding_of_axe_or_scrolls_sideways(portal, open_page, theme, width):
    failed = portal.ask(portal.register("envportal-no-such-package-x1"))
    portal.wait_for_end(failed)
    good = portal.register("idna")
    built = portal.ask(good)
    portal.wait_for_end(built)
    name = good.split("/")[3]
    page = open_page(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 800})
    paths = ["/", "/workspaces/default/", "/workspaces/default/new/", f"/builds/{failed}/", f"/builds/{built}/"]
    paths += [
        f"/workspaces/default/environments/{name}/{rest}" for rest in ("", "versions/1/", "builds/", "new-version/")
    ]
    paths += [
        "/workspaces/default/new/from/",
        "/workspaces/default/wheels/",
        "/workspaces/default/builds/",
        "/diff/",
        "/events/",
    ]
    paths += [
        f"/workspaces/default/environments/{name}/{rest}" for rest in ("diff/", "diff/?view=text", "packages/pip/idna/")
    ]
    paths += ["/workspaces/default/people/", "/workspaces/default/leave/", "/new-workspace/"]
    paths += ["/account/tokens/", "/account/sessions/", "/account/password/"]
    paths += [f"/workspaces/default/{rest}" for rest in ("inventory/", "licences/")]
    paths += ["/licences/", "/provenance/", "/storage/", "/storage/?show=kept", "/storage/?show=workspaces"]
    paths += [
        f"/administration/{rest}"
        for rest in (
            "",
            "workers/",
            "queue/",
            "quotas/",
            "quotas/default/",
            "settings/",
            "people/",
            "people/new/",
            "people/1/",
        )
    ]
    paths += ["/workspaces/default/policies/", "/workspaces/default/policies/new/", "/administration/policies/"]
    paths += ["/administration/policies/new/?kind=package-blocked"]
    paths += [f"/builds/{built}/{rest}" for rest in ("rebuild/", "free/", "delete/")]
    paths += [f"/locks/{portal.build(built)['lock']}/{query}" for query in ("", "?why=pip/idna")]
    found = []
    for path in paths:
        page.goto(portal.url + path)
        found += [
            (path, v["id"]) for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")
        ]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append((path, "scrolls sideways"))
    page.context.clear_cookies()
    page.goto(f"{portal.url}/sign-in/")
    found += [
        ("/sign-in/", v["id"]) for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")
    ]
    assert found == []


def test_a_list_filters_while_one_types_and_the_address_says_so(portal, open_page):
    name = portal.register("six").split("/")[3]
    portal.register("six", "idna")
    page = open_page("/workspaces/default/")
    page.get_by_label("Name or description").press_sequentially(name)
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(f"q={name}"))
    expect(page.get_by_label("Name or description")).to_be_focused()
    page.reload()
    expect(page.locator("#list tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Show all").click()
    expect(page.locator("#list tbody tr").nth(1)).to_be_visible()


def test_lines_appear_while_they_are_written(portal, open_page):
    page = open_page()  # signed in before the build begins, so that all of it is seen
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    pk = portal.ask(portal.register("polars", "pyarrow", "scikit-learn"))
    page.goto(f"{portal.url}/builds/{pk}/")
    counts = []
    deadline = time.monotonic() + 120
    while page.locator("#poll").count() and time.monotonic() < deadline:
        counts.append(page.locator("ol.lines li").count())
        page.wait_for_timeout(100)
    assert portal.wait_for_end(pk)["status"] == "succeeded"
    assert counts == sorted(counts)
    assert len(set(counts)) > 2


def test_a_cancel_ends_the_process_tree_within_seconds(portal):
    pk = portal.ask(portal.register("torch"))
    portal.wait_for_step(pk, "install", "running")
    below = portal.wait(lambda: tree(portal.parts()["worker"]), 20, "a tool runs")
    asked = time.monotonic()
    status, build = portal.call("POST", f"builds/{pk}/cancel/")
    assert (status, build["status"]) == (200, "cancelled")
    portal.wait(lambda: are_gone(below), 10, "the process tree is gone")
    assert time.monotonic() - asked < 6
    portal.wait(lambda: not (portal.var / "prefixes" / pk).exists(), 20, "its folder is gone")
    assert portal.build(pk)["status"] == "cancelled"


def test_a_queued_build_can_be_cancelled(portal):
    busy = [portal.ask(portal.register("torch", f"idna=={n}")) for n in ("3.10", "3.9", "3.8")]
    waiting = busy[-1]
    assert portal.build(waiting)["status"] == "queued"
    for pk in reversed(busy):
        assert portal.call("POST", f"builds/{pk}/cancel/")[0] == 200
    assert portal.build(waiting)["status"] == "cancelled"
    assert {portal.wait_for_end(pk)["status"] for pk in busy} == {"cancelled"}
    assert portal.wait_for_end(portal.ask(portal.register("six")))["status"] == "succeeded"


def test_a_killed_worker_is_a_failed_build_and_later_ones_work(portal):
    pk = portal.ask(portal.register("torch", "six"))
    portal.wait_for_step(pk, "install", "running")
    worker = portal.parts()["worker"]
    below = portal.wait(lambda: tree(worker), 20, "a tool runs")
    killed = time.monotonic()
    os.kill(worker, signal.SIGKILL)
    build = portal.wait_for_end(pk, 90)
    assert time.monotonic() - killed < 90
    assert (build["status"], build["reason"]) == ("failed", "worker lost")
    assert are_gone(below)
    assert "worker ended with signal SIGKILL" in portal.said()
    assert portal.wait_for_end(portal.ask(portal.register("six", "idna")))["status"] == "succeeded"


@pytest.mark.parametrize("part", ["uvicorn", "beat"])
def test_a_part_that_dies_is_started_again(portal, part):
    before = portal.parts()[part]
    os.kill(before, signal.SIGKILL)
    portal.wait(lambda: portal.parts().get(part) not in (None, before), 20, f"{part} is back")

    def answers():
        try:
            return urllib.request.urlopen(f"{portal.url}/healthz", timeout=2).status == 200
        except OSError:
            return False

    portal.wait(answers, 20, "the portal answers")


def test_ctrl_c_ends_everything_and_a_second_start_is_quick(portal):
    pk = portal.ask(portal.register("torch", "rich"))
    portal.wait_for_step(pk, "install", "running")
    everything = [portal.process.pid, *tree(portal.process.pid)]
    portal.stop()
    assert portal.process.returncode == 0
    assert are_gone(everything)
    portal.log.write_text("")
    took = portal.start()
    print(f"second start: {took:.1f} s")
    assert took < 15  # of which the machine may be busy for most
    build = portal.build(pk)
    assert (build["status"], build["failure"]) == ("failed", "stopped")


def test_a_killed_supervisor_leaves_nothing_behind(portal):
    everything = tree(portal.process.pid)
    os.kill(portal.process.pid, signal.SIGKILL)
    portal.process.wait()
    deadline = time.monotonic() + 20
    while not are_gone(everything) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert are_gone(everything)
    portal.log.write_text("")
    portal.start()


def test_a_hangup_ends_everything(portal):
    everything = tree(portal.process.pid)
    portal.process.send_signal(signal.SIGHUP)
    assert portal.process.wait(30) == 0
    assert are_gone(everything)
    portal.log.write_text("")
    portal.start()


def test_the_demo_fills_the_portal(portal):
    said = portal.manage("demo")
    assert "succeeded  churn-scoring 3" in said
    assert "reused     demand-lab 1" in said
    assert "failed     old-scipy 1" in said
    assert "0 builds" in portal.manage("demo")


def test_static_files_are_those_of_the_repository(portal):
    page = urllib.request.urlopen(f"{portal.url}/sign-in/").read().decode()
    sheet = re.search(r'href="(/static/css/ui\.[^"]+)"', page)[1]
    served = urllib.request.urlopen(portal.url + sheet).read().decode()
    assert served == (settings.BASE_DIR / "static" / "css" / "ui.css").read_text()
