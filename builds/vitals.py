"""What a worker says of itself with each beat: what it is made of, and how its machine is."""

import os
import platform
import shutil
import tomllib
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings

from . import uv

STARTED = datetime.now(UTC)


def read():
    """{field of a Worker: value}; None for what this system does not tell."""
    return made_of() | {
        "load": _load(),
        "free_disk": shutil.disk_usage(settings.PREFIXES if settings.PREFIXES.exists() else settings.VAR).free,
        "free_memory": free_memory(),
        "started": STARTED,
    }


@cache
def made_of():
    return {
        "version": _own_version(),
        "uv": _version("uv"),
        "rattler": _version("py-rattler"),
        "platform": f"{uv.this_platform()}, {platform.system()} {platform.release()}"[:60],
        "cores": os.cpu_count() or 0,
    }


def _own_version():
    # It is run from its folder, and not installed.
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    return project["project"]["version"][:40]


def _version(name):
    try:
        return version(name)[:40]
    except PackageNotFoundError:
        return ""


def _load():
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def free_memory():
    """Bytes that can be had without swapping, or None. Source: MemAvailable of Linux."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else None
