"""The lists of an answer, line by line: the same for the page, the API and the exports."""

from itertools import islice

from django.db.models import Count, Max, prefetch_related_objects
from django.urls import reverse

from builds.models import Build
from environments.declared import Declared
from envportal.pages import ByAge, ByStart, Pages

from .models import Run

AT_ONCE = 500  # rows of an export for which packages are fetched together


class ByUse(Pages):
    ordering = ("-last_used", "-id")


class ById(Pages):
    ordering = ("-id",)


class _Rows:
    """One list of an Answer: `found` its rows, `pages` how they are turned, `line` what is said of each.

    What a line says beyond its row is fetched for a page at a time, by a fixed number of queries.
    """

    columns, related = (), ()

    def __init__(self, answer):
        self.answer = answer

    def lines(self, rows):
        rows = list(rows)
        prefetch_related_objects(rows, *self.related)
        self.prepare(rows)
        return [self.line(row) for row in rows]

    def prepare(self, rows):
        """Give each row its `package`: of several that are meant the first that was asked for, by name."""
        locks = set() if self.answer.question.finds_versions else {row.lock_id for row in rows if row.lock_id}
        there = self.answer.packages.filter(lock__in=locks).order_by("lock", "direct", "-name", "-manager")
        by_lock = {package.lock_id: package for package in there}
        for row in rows:
            row.package = by_lock.get(row.lock_id)

    def everything(self):
        """All lines, as they come from the database."""
        rows = self.found.order_by(*self.pages.ordering).iterator(chunk_size=AT_ONCE)
        while batch := list(islice(rows, AT_ONCE)):
            yield from self.lines(batch)

    @staticmethod
    def package_facts(package):
        if not package:
            return dict.fromkeys(PACKAGE)
        facts = {name: getattr(package, name) for name in ("manager", "build", "sha256", "licence", "direct")}
        facts |= {"package": package.name, "package_version": package.version, "channel": package.channel}
        return facts | {"needed_by": ", ".join(package.requested_by)}

    @staticmethod
    def version_facts(version):
        if not version:
            return {"environment": None, "version": None, "author": None, "version_url": None}
        return {
            "environment": version.environment.name,
            "version": version.number,
            "author": version.author.username,
            "version_url": version.get_absolute_url(),
        }


PACKAGE = (
    *("package", "package_version", "manager", "build", "channel"),
    *("sha256", "licence", "direct", "needed_by"),
)
WHOSE = ("workspace", "environment", "version", "author")


class UsedVersions(_Rows):
    """Versions whose lock has the package, and runs of what nobody registered, one line for each lock."""

    pages = ByUse
    columns = (*WHOSE, *PACKAGE, "lock", "builds", "runs", "last_used")
    related = ("workspace", "version__environment__workspace", "version__author", "lock")

    @property
    def found(self):
        return self.answer.uses

    def line(self, use):
        return {
            "workspace": use.workspace.name,
            **self.version_facts(use.version),
            **self.package_facts(use.package),
            "lock": use.lock.digest,
            "builds": use.builds,
            "runs": use.runs,
            "last_used": use.last_used,
        }


class DeclaringVersions(_Rows):
    """Versions whose definition names the package or the image."""

    pages = ById
    columns = (*WHOSE, "package", "manager", "constraint", "builds", "runs", "last_used")

    related = ("environment__workspace", "author")

    @property
    def found(self):
        return self.answer.versions

    def prepare(self, rows):
        keys = [row.pk for row in rows]
        there = Declared.objects.none() if self.answer.question.digest else self.answer.declared
        declared = {each.version_id: each for each in there.filter(version__in=keys)}
        builds = _by_version(Build.objects.succeeded(), keys, n=Count("pk"))
        runs = _by_version(Run.objects, keys, n=Count("pk"), last=Max("started"))
        for row in rows:
            row.declares = declared.get(row.pk)
            row.build_count = builds.get(row.pk, {"n": 0})["n"]
            row.run_count, row.last_run = runs.get(row.pk, {"n": 0})["n"], runs.get(row.pk, {}).get("last")

    def line(self, version):
        declares = version.declares
        return {
            "workspace": version.environment.workspace.name,
            **self.version_facts(version),
            "package": declares and declares.name,
            "manager": declares and declares.kind,
            "constraint": declares and declares.constraint,
            "builds": version.build_count,
            "runs": version.run_count,
            "last_used": version.last_run,
        }


class UsedBuilds(_Rows):
    pages = ByAge
    columns = ("build_id", *WHOSE, *PACKAGE, "lock", "asked_by", "created", "finished")

    related = ("version__environment__workspace", "version__author", "lock", "asked_by")

    @property
    def found(self):
        return self.answer.builds

    def line(self, build):
        return {
            "build_id": str(build.pk),
            "build_url": build.get_absolute_url(),
            "workspace": build.workspace.name,
            **self.version_facts(build.version),
            **self.package_facts(build.package),
            "lock": build.lock and build.lock.digest,
            "asked_by": build.asked_by.username,
            "created": build.created,
            "finished": build.finished,
        }


class UsedRuns(_Rows):
    pages = ByStart
    columns = (
        *("run_id", *WHOSE, *PACKAGE, "lock", "evidence", "name", "external_id", "person", "script"),
        *("code_revision", "host", "status", "started", "ended", "image_digest"),
    )

    related = ("workspace", "version__environment__workspace", "version__author", "lock")

    @property
    def found(self):
        return self.answer.runs

    def line(self, run):
        said = ("evidence", "name", "external_id", "person", "script", "code_revision", "host", "status")
        return {
            "run_id": str(run.pk),
            "run_url": reverse("run", args=[run.pk]),
            "workspace": run.workspace.name,
            **self.version_facts(run.version),
            **self.package_facts(run.package),
            "lock": run.lock and run.lock.digest,
            **{name: getattr(run, name) for name in (*said, "started", "ended", "image_digest")},
        }


def _by_version(rows, keys, **facts):
    """{version: facts} of builds or runs."""
    found = rows.filter(version__in=keys).order_by().values("version").annotate(**facts)
    return {row["version"]: row for row in found}


def rows_of(answer, of):
    """One of the lists of an answer: versions, builds or runs."""
    if of == "versions":
        return (DeclaringVersions if answer.question.finds_versions else UsedVersions)(answer)
    return {"builds": UsedBuilds, "runs": UsedRuns}[of](answer)
