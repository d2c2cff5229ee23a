"""Builds on a file system that is too small for them: a real one, which root alone can mount."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from builds import log, uv
from builds.failures import Failure
from builds.models import Status
from envportal.tests.wheel_maker import make_wheel

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a small file system"),
]


@pytest.fixture
def small_disk(tmp_path, settings):
    """Have builds work on a file system of this many MB."""
    place = tmp_path / "small"
    place.mkdir()

    @contextmanager
    def small_disk(megabytes):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place], check=True)
        try:
            settings.PREFIXES, settings.WORK = place / "prefixes", place / "work"
            settings.CACHE = place / "cache"
            for folder in (settings.PREFIXES, settings.WORK, settings.CACHE):
                folder.mkdir()
            yield place
        finally:
            subprocess.run(["umount", place], check=True)

    return small_disk


@pytest.fixture
def build_of(live_server, workspace, editor, upload, settings, make):
    """Build a definition of one private wheel with 12 MB that cannot be made smaller."""
    settings.PORTAL_URL = live_server.url

    def build_of(code="", megabytes=12):
        more = [("demo_pkg/data.bin", os.urandom(megabytes * 500_000).hex())]
        wheel = workspace.add_wheel(upload(make_wheel(code=code, more=more)), editor)[0]
        return make(wheel.line("https://env.example.org"))

    return build_of


@pytest.mark.parametrize(
    ("megabytes", "step"), [(4, "resolve"), (24, "install"), (34, "install")], ids=["fetching", "unpacking", "copying"]
)
def test_a_disk_that_fills_up_in_the_middle_is_said_and_nothing_half_made_is_left(
    build_of, small_disk, settings, megabytes, step
):
    with small_disk(megabytes):
        build = build_of()
        assert (build.status, build.failure) == (Status.FAILED, Failure.DISK_FULL), log.read(build).decode()
        assert build.reason == "The disk of the worker is full."
        assert build.steps.get(status=Status.FAILED).name == step
        assert not list(settings.PREFIXES.iterdir())
        assert not list(settings.WORK.iterdir())


def test_with_room_enough_the_same_build_succeeds(build_of, small_disk):
    with small_disk(100):
        build = build_of()
        assert build.status == Status.SUCCEEDED, log.read(build).decode()


def test_a_package_that_fills_the_disk_while_it_is_imported_is_stopped(build_of, small_disk, settings):
    code = "import os\nfile = open('x', 'wb')\nwhile True: file.write(bytes(1_000_000))\n"
    with small_disk(100):
        build = build_of(code)
        assert (build.status, build.failure) == (Status.FAILED, Failure.DISK_FULL), log.read(build).decode()
        assert not list(settings.WORK.iterdir())


def test_a_build_that_would_take_the_last_of_the_disk_is_ended_before(build_of, small_disk, settings):
    code = "import time\nopen('x', 'wb').write(bytes(72_000_000))\ntime.sleep(30)\n"
    settings.MIN_FREE_DISK = 60
    with small_disk(100):
        build = build_of(code, megabytes=6)
        assert (build.status, build.failure) == (Status.FAILED, Failure.DISK_FULL), log.read(build).decode()
        assert "so this build was ended before it had none" in build.reason
        assert uv.cache().exists()
