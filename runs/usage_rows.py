"""The lists of an answer, line by line: the same for the page, the API and the exports."""

from itertools import islice

from django.db.models import Count, Max, prefetch_related_objects
from django.urls import reverse

from builds.advisory_models import release_of
from envportal.pages import ByAge, ByStart, Pages

AT_ONCE = 500  # rows of an export for which packages are fetched together
WHOSE = ("workspace", "environment", "version", "author")
PACKAGE = (
    *("package", "package_version", "manager", "build", "channel"),
    *("sha256", "licence", "direct", "needed_by", "others"),
)
ADVISED = ("advisory", "severity", "fixed")
DECLARED = ("package", "manager", "constraint")
NOBODYS = {"environment": None, "version": None, "author": None, "version_url": None}


class ByUse(Pages):
    ordering = ("-last_used", "-id")


class ById(Pages):
    ordering = ("-id",)


class _Rows:
    """One list of an Answer: `found` its rows, `pages` how they are turned, `line` what is said of each.

    What a line says beyond its row is fetched for a page at a time, by a fixed number of queries.
    """

    pages, related, before, after = None, (), (), ()

    def __init__(self, answer):
        self.answer, self.question = answer, answer.question

    @property
    def columns(self):
        """What a file has of each line, in this order."""
        if self.question.finds_versions:
            return (*self.before, *WHOSE, *DECLARED, *self.after)
        return (*self.before, *WHOSE, *PACKAGE, *(ADVISED if self.question.advisory else ()), "lock", *self.after)

    def lines(self, rows):
        rows = list(rows)
        prefetch_related_objects(rows, *self.related)
        self.prepare(rows)
        return [
            {"workspace": self.workspace_of(row).name, **_version_facts(self.version_of(row)), **row.what}
            | self.line(row)
            for row in rows
        ]

    def everything(self):
        """All lines, as they come from the database."""
        rows = self.found.order_by(*self.pages.ordering).iterator(chunk_size=AT_ONCE)
        while batch := list(islice(rows, AT_ONCE)):
            yield from self.lines(batch)

    def prepare(self, rows):
        """Give each row `what` of it answers the question: a constraint, or a package of its lock."""
        if self.question.finds_versions:
            self._give_constraints(rows)
        else:
            self._give_packages(rows)

    def _give_constraints(self, rows):
        """The first that the version declares, by name."""
        keys = {version.pk for row in rows if (version := self.version_of(row))}
        there = self.answer.declared.filter(version__in=keys).order_by("version", "-name", "-kind")
        declared = {each.version_id: each for each in there}
        for row in rows:
            each = declared.get(getattr(self.version_of(row), "pk", None))
            facts = (each.name, each.kind, each.constraint) if each else (None, None, None)
            row.what = dict(zip(DECLARED, facts, strict=True))

    def _give_packages(self, rows):
        """Of several that are meant the first that was asked for, by name, and how many others there are."""
        locks = {row.lock_id for row in rows if row.lock_id}
        there = self.answer.packages.filter(lock__in=locks).order_by("lock", "-direct", "name", "manager")
        by_lock = {}
        for package in there:
            by_lock.setdefault(package.lock_id, []).append(package)
        for row in rows:
            first, *others = by_lock.get(row.lock_id) or [None]
            row.what = self._package_facts(row.lock, first, len(others)) | {"lock": row.lock and row.lock.digest}

    def _package_facts(self, lock, package, others):
        names = PACKAGE + ADVISED if self.question.advisory else PACKAGE
        if not package:
            return dict.fromkeys(names)
        facts = {name: getattr(package, name) for name in ("manager", "build", "channel", "sha256", "licence")}
        facts |= {"package": package.name, "package_version": package.version, "others": others}
        # Who reports what is installed does not say what of it was asked for.
        facts |= {"direct": None if lock.is_reported else package.direct, "needed_by": ", ".join(package.requested_by)}
        return facts | (self._advised(package) if self.question.advisory else {})

    def _advised(self, package):
        """Which of the advisories mean it, and what helps."""
        matches = self.answer.matches.get(release_of(package), [])
        return {
            "advisory": ", ".join(match.advisory.osv_id for match in matches),
            "severity": next((match.advisory.severity for match in matches if match.advisory.severity), None),
            "fixed": next((match.fixed for match in matches if match.fixed), None),
        }

    def workspace_of(self, row):
        return row.workspace

    def version_of(self, row):
        return row.version


def _version_facts(version):
    if not version:
        return NOBODYS
    return {
        "environment": version.environment.name,
        "version": version.number,
        "author": version.author.username,
        "version_url": version.get_absolute_url(),
    }


class UsedVersions(_Rows):
    """Versions whose lock has the package, and runs of what nobody registered, one line for each lock."""

    pages = ByUse
    related = ("workspace", "version__environment__workspace", "version__author", "lock")
    after = ("builds", "runs", "last_used")

    @property
    def found(self):
        return self.answer.uses

    def prepare(self, rows):
        super().prepare(rows)
        if self.question.is_about_time:  # a Use counts all runs, whoever ran them
            counted = _by("use", self.answer.runs, [row.pk for row in rows], n=Count("pk"))
            for row in rows:
                row.runs = counted[row.pk]["n"]

    def line(self, use):
        return {"builds": use.builds, "runs": use.runs, "last_used": use.last_used}


class DeclaringVersions(_Rows):
    """Versions whose definition names the package or the image."""

    pages = ById
    related = ("environment__workspace", "author")
    after = ("builds", "runs", "last_used")

    @property
    def found(self):
        return self.answer.versions

    def prepare(self, rows):
        super().prepare(rows)
        keys = [row.pk for row in rows]
        builds = _by("version", self.answer.builds, keys, n=Count("pk"))
        runs = _by("version", self.answer.runs, keys, n=Count("pk"), last=Max("started"))
        for row in rows:
            row.build_count = builds.get(row.pk, {"n": 0})["n"]
            row.run_count, row.last_run = runs.get(row.pk, {"n": 0})["n"], runs.get(row.pk, {}).get("last")

    def workspace_of(self, row):
        return row.environment.workspace

    def version_of(self, row):
        return row

    def line(self, version):
        return {"builds": version.build_count, "runs": version.run_count, "last_used": version.last_run}


class UsedBuilds(_Rows):
    pages = ByAge
    related = ("version__environment__workspace", "version__author", "lock", "asked_by")
    before, after = ("build_id",), ("asked_by", "created", "finished")

    @property
    def found(self):
        return self.answer.builds

    def line(self, build):
        return {
            "build_id": str(build.pk),
            "build_url": build.get_absolute_url(),
            "asked_by": build.asked_by.username,
            "created": build.created,
            "finished": build.finished,
        }


class UsedRuns(_Rows):
    pages = ByStart
    related = ("workspace", "version__environment__workspace", "version__author", "lock")
    before = ("run_id",)
    after = (
        *("evidence", "name", "external_id", "person", "script", "code_revision", "host"),
        *("status", "started", "ended", "image_digest"),
    )

    @property
    def found(self):
        return self.answer.runs

    def line(self, run):
        said = {name: getattr(run, name) for name in self.after}
        return {"run_id": str(run.pk), "run_url": reverse("run", args=[run.pk]), **said}


def _by(name, rows, keys, **facts):
    """{key: facts} of builds or runs, by what they are of."""
    found = rows.filter(**{f"{name}__in": keys}).order_by().values(name).annotate(**facts)
    return {row[name]: row for row in found}


def rows_of(answer, of):
    """One of the lists of an answer: versions, builds or runs."""
    if of == "versions":
        return (DeclaringVersions if answer.question.finds_versions else UsedVersions)(answer)
    return {"builds": UsedBuilds, "runs": UsedRuns}[of](answer)
