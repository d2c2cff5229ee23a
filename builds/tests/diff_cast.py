"""Locks and versions that tests of the diff compare."""

from django.utils import timezone

from builds.lock import Package
from builds.models import Build, Lock

FORGE = "https://channels.example.org/forge"


def pip(name, version="1.0", sha256="a", direct=True, size=10, **more):
    url = f"https://files.example.org/{name}-{version}-py3-none-any.whl"
    return Package("pip", name, version, url, sha256 * 64, size, direct, **more)


def conda(name, version="1.0", build="h0_0", sha256="a", direct=True, size=10, channel=FORGE, **more):
    url = f"{channel}/linux-64/{name}-{version}-{build}.conda"
    return Package("conda", name, version, url, sha256 * 64, size, direct, build, channel, "linux-64", **more)


def built(environment, by, definition, *packages, python="3.11.7", message=""):
    """Register a version with a good build that locked these packages."""
    version, _ = environment.register(definition, by, message)
    lock = Lock.objects.store(python, "linux-64", packages)
    Build.objects.create(
        version=version,
        image_key=version.image_key,
        status="succeeded",
        asked_by=by,
        lock=lock,
        finished=timezone.now(),
    )
    return version
