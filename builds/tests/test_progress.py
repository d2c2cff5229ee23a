"""How far an install is: counted from what the tools did, seen while it goes on, seldom written."""

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from builds import progress
from builds.models import Step
from builds.progress import FETCHED, LINKED, MARK, MarkedLines, Progress


@pytest.fixture
def step(build):
    build.move_to("running", worker="w")
    build.steps.filter(name="install").update(status="running")
    return build.steps.get(name="install")


def counts(step):
    step.refresh_from_db()
    return step.packages, step.fetched, step.linked


def test_counts_grow_and_never_pass_the_whole(step):
    counted = Progress(step)
    counted.packages = 2
    counted.reach(LINKED, 1)
    counted.reach(LINKED, 0)
    for _ in range(5):
        counted.add(FETCHED)
    counted.write()
    assert counts(step) == (2, 2, 1)


def test_a_thousand_packages_are_not_a_thousand_writes(step):
    counted, began = Progress(step), time.monotonic()
    counted.packages = 1000
    with CaptureQueriesContext(connection) as queries:
        for _ in range(1000):
            counted.add(LINKED)
            counted.write_if_due()
            time.sleep(0.001)
        counted.write()
    assert counts(step) == (1000, 0, 1000)
    assert len(queries) <= (time.monotonic() - began) / progress.EVERY + 2


def test_nothing_new_is_not_written(step):
    counted = Progress(step)
    counted.packages = 3
    counted.write()
    with CaptureQueriesContext(connection) as queries:
        counted.write()
    assert len(queries) == 0


def test_lines_for_us_are_counted_and_not_shown(step):
    counted, shown = Progress(step), []
    counted.packages = 3
    lines = MarkedLines(counted)
    lines.output = shown.append
    for data in (b"  numpy\n" + MARK + b"link", b"ed\n  six\n", MARK + b"fetched\n", MARK + b"other\n", b"end"):
        lines.write(data)
    lines.flush()
    assert b"".join(shown) == b"  numpy\n  six\n" + MARK + b"other\nend"
    assert counted.counts == {FETCHED: 1, LINKED: 1}


def test_the_page_shows_a_bar_with_words_while_it_installs(client, viewer, step):
    Step.objects.filter(pk=step.pk).update(packages=84, fetched=80, linked=61)
    client.force_login(viewer)
    page = client.get(step.build.get_absolute_url()).content.decode()
    assert '<progress max="168" value="141" aria-label="Packages fetched and linked"></progress>' in page
    assert "80 of 84 fetched, 61 linked" in page
    Step.objects.filter(pk=step.pk).update(status="succeeded", summary="done")
    assert "<progress" not in client.get(step.build.get_absolute_url()).content.decode()


def test_the_api_says_the_counts(api, viewer, step):
    Step.objects.filter(pk=step.pk).update(packages=84, fetched=80, linked=61)
    steps = api(viewer).get(f"/api/v1/builds/{step.build_id}/").json()["steps"]
    said = {name: steps[1][name] for name in ("name", "packages", "fetched", "linked")}
    assert said == {"name": "install", "packages": 84, "fetched": 80, "linked": 61}
    assert [each["name"] for each in steps] == ["resolve", "install", "check", "pack"]


@pytest.fixture
def seen(monkeypatch):
    """What is written of an install, in order."""
    seen, write = [], Progress.write

    def noted(self):
        write(self)
        if self.packages:
            seen.append((self.counts[FETCHED], self.counts[LINKED]))

    monkeypatch.setattr(Progress, "write", noted)
    monkeypatch.setattr(progress, "EVERY", 0)
    return seen


def test_pip_packages_are_counted_as_they_come(installed, seen, settings, tmp_path):
    settings.CACHE = tmp_path / "an empty cache"
    build, _ = installed("idna==3.10", "python-dateutil==2.9.0.post0")
    assert counts(build.steps.get(name="install")) == (3, 3, 3)
    assert seen == sorted(seen)
    assert seen[-1] == (3, 3)


def test_what_is_in_the_cache_counts_as_fetched(installed, seen):
    build, _ = installed("idna==3.10", "python-dateutil==2.9.0.post0")
    assert counts(build.steps.get(name="install")) == (3, 3, 3)


def test_conda_packages_are_counted_and_those_of_pip_after_them(installed, conda, seen):
    build, _ = installed("python-dateutil==2.9.0.post0", conda=["joblike", "zlib-like=1.2"])
    assert counts(build.steps.get(name="install")) == (7, 7, 7)
    assert any(0 < linked < 7 for _, linked in seen)
