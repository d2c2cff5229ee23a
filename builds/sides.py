"""What a reference names, as a Side of a diff, for a person who may see it.

    3, prod              version 3 of the environment that the diff is about, or the one that a label points at
    team/science/3       a version of any environment; also with a label
    lock:<digest>        a lock alone
    build:<id>           what a build made of its version
    run:<id>             what a run ran in; its reader is in the app of runs

Whatever else can be compared adds a reader: `READERS["run"] = read_run` takes what follows `run:`.
"""

import re
import uuid
from dataclasses import replace

from django.http import Http404
from django.shortcuts import get_object_or_404

from environments.diff import written
from environments.faults import UserFault
from environments.label_names import REFERENCE
from environments.models import Version

from .comparison import Side
from .models import Build, Lock, Status

READERS = {}
_VERSION = re.compile(rf"(?:(?P<workspace>[\w-]+)/(?P<name>[A-Za-z0-9._-]+)/)?(?P<number>{REFERENCE})", re.ASCII)
HELP = "Write workspace/environment/3 for a version, lock:<digest>, build:<id> or run:<id>."


def read(reference, user, environment=None, field="from"):
    """Return the Side. Raise UserFault when the reference makes no sense, Http404 when the person sees no such thing.

    `environment` is the one whose versions a bare number names.
    """
    kind, colon, rest = reference.strip().partition(":")
    if colon and kind in READERS:
        return READERS[kind](rest, user, field)
    match = _VERSION.fullmatch(kind)
    if colon or not match or not (match["name"] or environment):
        raise UserFault(f"“{reference[:80]}” names nothing that can be compared. {HELP}", field)
    if not match["name"]:
        if not match["number"].isdecimal() and not environment.named(match["number"]):
            raise UserFault(
                f"“{reference[:80]}” names nothing that can be compared: no label of {environment} is called so. {HELP}",
                field,
            )
        return of_version(_version(user, match["number"], environment=environment))
    place = {"environment__workspace__name": match["workspace"], "environment__name": match["name"]}
    return of_version(_version(user, match["number"], **place))


def reads(kind):
    """Register a function (what follows the colon, user, field) → Side."""

    def register(reader):
        READERS[kind] = reader
        return reader

    return register


@reads("lock")
def _read_lock(digest, user, field):
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise UserFault("A lock is named by its digest, which has 64 hex digits.", field)
    return of_lock(get_object_or_404(Lock.objects.visible_to(user), digest=digest))


@reads("build")
def _read_build(text, user, field):
    try:
        pk = uuid.UUID(text)
    except ValueError as fault:
        raise UserFault("A build is named by its id, as its address has it.", field) from fault
    builds = Build.objects.visible_to(user).with_subject().select_related("lock", "version__author")
    return of_build(get_object_or_404(builds, pk=pk))


def _version(user, reference, **fields):
    versions = Version.objects.visible_to(user).select_related("environment__workspace", "author")
    if version := versions.filter(**fields).called(reference).first():
        return version
    raise Http404("There is no such version.")


def of_version(version):
    build = version.builds.locked().select_related("lock").order_by("-created").first()
    reference = f"{_place(version)}/{version.number}"
    return _side(version, reference, f"Version {version.number}", version.get_absolute_url(), build)


def of_build(build):
    title = f"Build {build.short_id} of version {build.version.number}"
    return _side(build.version, f"build:{build.pk}", title, build.get_absolute_url(), build)


def of_lock(lock):
    return Side(f"lock:{lock.digest}", f"Lock {lock.digest[:12]}", **locked(lock))


def of_draft(definition, conda, environment, preview):
    """What an editor holds and nobody has registered yet. `preview` says what it would install, or why it cannot."""
    number = environment.last_number + 1
    fields = {"no_lock": preview.failure.reason} if preview.failure else {}
    if not preview.failure:
        fields = {"python": preview.python, "platform": preview.platform, "packages": tuple(preview.packages)}
    place = f"{environment.workspace.name}/{environment.name}"
    text = written(definition, conda)
    return Side("draft", f"Draft of version {number}", "", place, definition, text, **fields)


def _side(version, reference, title, url, build):
    build = build or version.builds.order_by("-created").first()
    lock = build and build.lock
    fields = locked(lock) if lock else {"no_lock": _why(version, build)}
    text = written(version.definition, version.conda)
    return Side(
        reference, title, url, _place(version), version.definition, text, version=version, build=build, **fields
    )


def locked(lock):
    """The fields of a Side with this lock. What a run reported does not tell who was asked for."""
    packages = lock.values()
    if lock.is_reported:
        packages = [replace(package, direct=None) for package in packages]
    facts = {"digest": lock.digest, "python": lock.python, "platform": lock.platform}
    return facts | {"packages": tuple(packages)}


def _place(version):
    return f"{version.workspace.name}/{version.environment.name}"


def _why(version, build):
    if not build:
        return f"Version {version.number} was not built yet, so it has no lock."
    if build.is_unfinished:
        return f"The build of version {version.number} has not ended yet, so it has no lock."
    ended = {Status.FAILED: "failed", Status.CANCELLED: "was cancelled"}.get(build.status, "made none")
    return f"The last build of version {version.number} {ended}, so it has no lock."
