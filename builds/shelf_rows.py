"""What the shelf shows of each curated environment: packages as they are locked, sizes, who uses it."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, F, Max, OuterRef, Subquery, Sum

from environments import pip_lines
from environments.models import Version, Workspace
from environments.portal_roles import curates

from .models import Build, LockedPackage, Step

SHOWN = 6  # packages by name
TOOLS = {"pip", "setuptools", "wheel"}  # which nobody chooses an environment by


@dataclass
class Row:
    """One environment. `version` is None before there is one, and `packages` are pairs of name and version."""

    environment: object
    version: Version | None = None
    packages: list = field(default_factory=list)
    asked: list = field(default_factory=list)  # all of it: name, constraint, locked version
    more: int = 0
    count: int = 0  # packages in the lock; 0 before there is one
    download: int = 0  # bytes
    installed: int = 0  # bytes on disk, where a build has shown it
    built: datetime | None = None  # when its lock was built last
    users: int = 0

    @property
    def status(self):
        """The state by the name of its icon."""
        return {"current": "succeeded", "preview": "queued", "archived": "cancelled"}.get(self.stage, self.stage)

    @property
    def stage(self):
        return self.environment.curation.stage


def rows(environments, user):
    """A Row for each, by the same few queries however many there are."""
    found = {environment.pk: Row(environment) for environment in environments}
    made = Build.objects.locked().filter(version=OuterRef("pk")).order_by("-created")
    latest = Version.objects.filter(environment__in=found, number=F("environment__latest_number"))
    for version in latest.annotate(
        lock_id=Subquery(made.values("lock")[:1]), built=Subquery(made.values("finished")[:1])
    ):
        found[version.environment_id].version, found[version.environment_id].built = version, version.built
    _tell_locks([row for row in found.values() if row.version])
    _count_users(found, user)
    return list(found.values())


def _tell_locks(rows):
    locks = {row.version.lock_id for row in rows if row.version.lock_id}
    packages = LockedPackage.objects.filter(lock__in=locks)
    totals = {lock: told for lock, *told in packages.order_by().values_list("lock").annotate(Count("pk"), Sum("size"))}
    versions = {}
    for lock, name, version in packages.filter(direct=True).values_list("lock", "name", "version"):
        versions.setdefault(lock, {})[name] = version
    pythons = dict(Build.objects.filter(lock__in=locks).order_by().values_list("lock", "lock__python").distinct())
    steps = Step.objects.filter(build__lock__in=locks, name=Step.Name.INSTALL, bytes__gt=0)
    sizes = dict(steps.order_by().values_list("build__lock").annotate(Max("bytes")))
    for row in rows:
        lock = row.version.lock_id
        row.count, row.download = totals.get(lock, (0, 0))
        row.installed = sizes.get(lock, 0)
        _name_packages(row, versions.get(lock, {}), pythons.get(lock, ""))


def _name_packages(row, versions, python):
    """What is asked for, in its order, each with the version that is locked."""
    wanted = row.version.definition
    row.asked = [
        (spec.name, spec.constraint.lstrip("="), python if spec.name == "python" else versions.get(spec.name, ""))
        for spec in wanted.conda
    ]
    row.asked += [(line.name, pip_lines.split(line.text)[1], versions.get(line.name, "")) for line in wanted.pip]
    shown = [(name, locked) for name, _, locked in row.asked if name and name not in TOOLS]
    row.packages, row.more = shown[:SHOWN], max(0, len(shown) - SHOWN)


def _count_users(found, user):
    """How many environments are made from each: for curators all, for others those that they may see."""
    copies = Version.objects.filter(number=F("environment__latest_number"), origin__environment__in=found)
    if not curates(user):
        copies = copies.filter(environment__workspace__in=Workspace.objects.worked_in_by(user))
    for pk, count in copies.order_by().values_list("origin__environment").annotate(Count("pk")):
        found[pk].users = count
