"""What a workspace installs: the packages of the locks of its environments, each once, and what is known of them."""

import uuid
from dataclasses import replace
from functools import cached_property
from itertools import groupby, islice
from operator import itemgetter

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Value
from django.db.models.functions import Concat
from django.utils import timezone
from packaging.version import InvalidVersion, Version

from environments import wheel_urls
from envportal.pages import Pages

from . import workspace_sbom
from .advisories import Assessment
from .licensing import Licensing
from .lock import Package
from .models import AdvisoryMatch, LicenceRules, LockedPackage, VersionLock

FIELDS = tuple(Package.__annotations__)
NAMED = ("name", "manager")
# What tells apart what is said of one release: licences are learnt later, and certain channels alone are assessed.
RELEASE = (*NAMED, "version", "licence", "channel", "url")
AT_ONCE = 200  # packages for which an export fetches versions and environments together
COLUMNS = (
    *("package", "manager", "versions", "environments", "licences", "verdict"),
    *("advisories", "ignored", "assessed"),
)


class ByPackage(Pages):
    ordering = NAMED


class Inventory:
    """The packages of a workspace; of the newest locked version of each environment, or of `every` version."""

    def __init__(self, workspace, every=False):
        self.workspace, self.every = workspace, every
        kept = VersionLock.objects.in_workspace(workspace)
        self.rows = kept.kept() if every else kept.of_newest_versions()

    @property
    def scope(self):
        return "every locked version" if self.every else "the newest locked version of each environment"

    @property
    def packages(self):
        """The LockedPackages, as often as locks have them."""
        return LockedPackage.objects.filter(lock__in=self.rows.values("lock"))

    @cached_property
    def policy(self):
        return LicenceRules.objects.for_workspace(self.workspace)

    @cached_property
    def counts(self):
        """{packages, environments, locked, unlocked}: how many names, and of how many environments nothing is known."""
        found = self.rows.aggregate(locked=Count("version__environment", distinct=True))
        environments = self.workspace.environments.count()
        found |= {"environments": environments, "unlocked": environments - found["locked"]}
        return found | {"packages": self.names(self.packages).count()}

    @staticmethod
    def names(packages):
        """Names with managers, each once, as dicts."""
        return packages.order_by().values(*NAMED).distinct()

    def licensed(self, packages, verdict):
        """Of these packages those whose licence has this verdict."""
        said = packages.order_by().values_list("licence", flat=True).distinct()
        return packages.filter(licence__in=[text for text in said if self.policy.verdict(text) == verdict])

    @staticmethod
    def advised(packages):
        """Of these packages those that an advisory means."""
        release = Concat(OuterRef("manager"), Value("/"), OuterRef("name"), Value("/"), OuterRef("version"))
        return packages.of_pypi().filter(Exists(AdvisoryMatch.objects.filter(release=release)))

    def lines(self, names):
        """What is said of each of these names, by the same number of queries however many there are."""
        names = list(names)
        called = [name["name"] for name in names]
        releases = {}
        for row in self.packages.filter(name__in=called).order_by().values(*RELEASE).distinct():
            releases.setdefault((row["name"], row["manager"]), []).append(_package(row))
        uses = self.rows.filter(lock__packages__name__in=called).order_by()
        uses = uses.values_list("lock__packages__name", "lock__packages__manager")
        environments = {
            (name, manager): count
            for name, manager, count in uses.annotate(count=Count("version__environment", distinct=True))
        }
        assessment = Assessment([package for found in releases.values() for package in found], self.workspace)
        keys = [(name["name"], name["manager"]) for name in names]
        return [Line(key, releases.get(key, []), environments.get(key, 0), assessment, self.policy) for key in keys]

    def everything(self, names):
        """All lines as dicts, as they come from the database."""
        rows = names.order_by(*NAMED).iterator(chunk_size=AT_ONCE)
        while batch := list(islice(rows, AT_ONCE)):
            for line in self.lines(batch):
                yield line.as_data()

    # The bill of materials

    def bill(self):
        """The software bill of materials, as texts one after the other."""
        versions = tuple(self._versions())
        subject = workspace_sbom.Subject(self.workspace.name, uuid.uuid4(), timezone.now(), self.scope, versions)
        return workspace_sbom.pieces(subject, self._each_package(), self._by_lock())

    def _versions(self):
        with_python = set(self.packages.filter(manager="conda", name="python").values_list("lock", flat=True))
        rows = self.rows.select_related("version__environment", "lock").order_by("version__environment__name", "pk")
        for row in rows.defer("version__document", "version__source", "version__findings").iterator(chunk_size=500):
            version, lock = row.version, row.lock
            python = "" if lock.pk in with_python else lock.python
            facts = (version.environment.name, version.number, lock.digest, lock.platform, python, version.image_key)
            yield workspace_sbom.LockedVersion(*facts)

    def _each_package(self):
        """In the order of `workspace_sbom.each_once`; of equal files one first that says its licence."""
        order = ("manager", "name", "version", "sha256", "build", "channel", "subdir", "-licence")
        fields = [field for field in FIELDS if field not in ("direct", "requested_by", "size")]
        rows = self.packages.order_by(*order).values(*fields).distinct().iterator(chunk_size=2000)
        return (self._addressed(Package(**row, size=0, direct=False)) for row in rows)

    def _by_lock(self):
        fields = ("manager", "name", "version", "build", "channel", "subdir", "sha256", "url")
        rows = self.packages.order_by("lock").values("lock__digest", *fields).iterator(chunk_size=2000)
        for digest, packages in groupby(rows, itemgetter("lock__digest")):
            yield digest, [_package(row | {"licence": ""}) for row in packages]

    def _addressed(self, package):
        """A private wheel by the address at which members fetch it."""
        private = wheel_urls.parse_reference(package.url)
        if not private:
            return package
        path = wheel_urls.WheelUrl(self.workspace.name, *private).path
        return replace(package, url=settings.PUBLIC_URL.rstrip("/") + path)


def _package(row):
    """A row of the database as a Package, empty where it does not say."""
    empty = {"sha256": "", "size": 0, "direct": False}
    return Package(**empty | {name: value for name, value in row.items() if name in FIELDS})


class Line:
    """One package of an inventory, in all the versions that there are of it."""

    def __init__(self, key, packages, environments, assessment, policy):
        self.name, self.manager = key
        self.packages, self.environments = packages, environments
        self.versions = sorted({package.version for package in packages}, key=_by_release, reverse=True)
        self.licensing = Licensing(packages, policy)
        self._known = [assessment.of(package) for package in packages]

    @property
    def licences(self):
        """Names of them, the worst first."""
        return [group.name for group in self.licensing.groups]

    @property
    def verdict(self):
        """The worst of its licences; None where nothing is decided."""
        return self.licensing.groups[0].verdict if self.packages else None

    @property
    def is_assessed(self):
        """True, False, or None for some of its versions."""
        unknown = sum(found is None for found in self._known)
        return None if 0 < unknown < len(self._known) else not unknown

    def _findings(self, is_ignored):
        found = (finding for findings in self._known for finding in findings or ())
        return sorted({finding.advisory.osv_id for finding in found if bool(finding.ignored) == is_ignored})

    @cached_property
    def advisories(self):
        """Ids of what is known and not ignored."""
        return self._findings(False)

    @cached_property
    def ignored(self):
        return self._findings(True)

    def as_data(self):
        """It as the API and files have it, lists still as lists."""
        state = {True: "assessed", None: "partly assessed", False: "not assessed"}[self.is_assessed]
        return {
            "package": self.name,
            "manager": self.manager,
            "versions": self.versions,
            "environments": self.environments,
            "licences": self.licences,
            "verdict": self.verdict.key if self.verdict is not None else None,
            "advisories": self.advisories,
            "ignored": self.ignored,
            "assessed": state,
        }


def _by_release(text):
    """Versions as PEP 440 orders them, where it can; what it cannot read comes last, as texts."""
    try:
        return 1, Version(text), text
    except InvalidVersion:
        return 0, Version("0"), text
