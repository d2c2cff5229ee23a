"""Builds that run in the process of the test, on a worker named `w`."""

import sys

from builds import engine, log
from builds.models import Build

HERE = "{}.{}".format(*sys.version_info[:2])


def run(build):
    """Build, and return the build as the database has it."""
    engine.run(Build.objects.with_subject().get(pk=build.pk), "w")
    build.refresh_from_db()
    return build


def said(build):
    return log.read(build).decode()
