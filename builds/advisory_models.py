"""Advisories as rows, which releases of locks they mean, and who ignores which of them until when."""

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from environments.faults import UserFault
from environments.models import Workspace
from events.models import Verb
from events.record import record

from . import osv
from .cvss import WORDS
from .pypi_names import is_assessable, pypi_name

# The name of the lock that keeps an import and the storing of locks apart, in PostgreSQL.
MATCHING = 7_360_341
LONGEST_REASON = 1000


def release_of(package):
    """What matches are looked up by. Neither names nor managers have a slash."""
    return f"{package.manager}/{package.name}/{package.version}"


class AdvisoryQuerySet(models.QuerySet):
    def named(self, text):
        """Those that have this id or alias; a CVE may be told by more than one."""
        return self.filter(pk__in=AdvisoryName.objects.filter(name__iexact=text.strip()).values("advisory"))

    def about(self, package):
        return self.filter(affected__name=package)


class Advisory(models.Model):
    """One advisory of the export that was imported last."""

    osv_id = models.CharField(max_length=100, unique=True)
    aliases = models.JSONField(default=list)
    summary = models.CharField(max_length=osv.LONGEST_SUMMARY, blank=True)
    severity = models.CharField(max_length=10, blank=True, choices=[(word, word) for word in WORDS])
    score = models.FloatField(null=True, help_text="base score of the vector, where that is of CVSS 3")
    vector = models.CharField(max_length=200, blank=True)
    url = models.TextField(blank=True, help_text="the advisory's own page, as it says itself")
    modified = models.DateTimeField()
    digest = models.CharField(max_length=64, help_text="of all that was read, so that an equal one is left alone")

    objects = AdvisoryQuerySet.as_manager()

    class Meta:
        ordering = ["-modified", "-pk"]
        indexes = [models.Index(fields=["-modified", "-id"], name="advisory_by_age")]

    def __str__(self):
        return self.osv_id

    def get_absolute_url(self):
        return reverse("advisory", args=[self.osv_id])

    @property
    def names(self):
        return [self.osv_id, *self.aliases]


class AdvisoryName(models.Model):
    """The id or an alias of an advisory."""

    advisory = models.ForeignKey(Advisory, models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "advisory"], name="advisory_name_once")]
        indexes = [models.Index(models.functions.Upper("name"), name="advisory_by_name")]

    def __str__(self):
        return self.name


class Affected(models.Model):
    """What an advisory says of one project."""

    advisory = models.ForeignKey(Advisory, models.CASCADE, related_name="affected")
    name = models.CharField(max_length=osv.LONGEST_NAME)
    versions = models.JSONField(default=list)
    ranges = models.JSONField(default=list)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["name", "advisory"], name="affected_once")]

    def __str__(self):
        return self.name

    @property
    def value(self):
        ranges = tuple(tuple((kind, at) for kind, at in events) for events in self.ranges)
        return osv.Affected(self.name, frozenset(self.versions), ranges)

    @property
    def words(self):
        """The ranges as a person writes them: ≥ 2.0, < 3.1.6."""
        signs = {osv.INTRODUCED: "≥", osv.FIXED: "<", osv.LAST_AFFECTED: "≤"}
        texts = [
            ", ".join(f"{signs[kind]} {at}" for kind, at in events if (kind, at) != (osv.INTRODUCED, "0"))
            or "every version"
            for events in self.ranges
        ]
        return "; ".join(texts) or f"{len(self.versions):,} version{'' if len(self.versions) == 1 else 's'} by name"


class AdvisoryMatchManager(models.Manager):
    def of_packages(self, packages):
        """The matches that there should be for these packages, as rows that are not saved yet."""
        releases = {}
        for package in packages:
            if is_assessable(package):
                release = (package.manager, package.name, package.version)
                releases.setdefault(pypi_name(package), set()).add(release)
        names, found = list(releases), []
        for start in range(0, len(names), 500):
            for affected in Affected.objects.filter(name__in=names[start : start + 500]).iterator(chunk_size=500):
                found += self._of(affected, releases[affected.name])
        return found

    def _of(self, affected, releases):
        value = affected.value
        for manager, name, version in releases:
            if value.has(version):
                fixed = value.fixed_after(version)[:255]
                row = AdvisoryMatch(
                    advisory_id=affected.advisory_id, manager=manager, name=name, version=version, fixed=fixed
                )
                row.release = release_of(row)
                yield row

    def add(self, packages):
        """Match the packages of a lock that is new. In the transaction that stores it."""
        keep_apart(is_import=False)
        self.bulk_create(self.of_packages(packages), ignore_conflicts=True, batch_size=500)


class AdvisoryMatch(models.Model):
    """That an advisory means a release that stands in a lock. Found once for each release, not for each lock."""

    advisory = models.ForeignKey(Advisory, models.CASCADE, related_name="matches")
    manager = models.CharField(max_length=5)
    name = models.CharField(max_length=255)
    version = models.CharField(max_length=255)
    release = models.CharField(max_length=520)
    fixed = models.CharField(max_length=255, blank=True, help_text="first version after it that is said to be fixed")

    objects = AdvisoryMatchManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "advisory"], name="advisory_once_for_release")]

    def __str__(self):
        return f"{self.advisory} for {self.release}"


def keep_apart(is_import):
    """Until this transaction ends no import ends while a lock is stored, and the other way round.

    Else a lock that is stored meanwhile would be held against the advisories of yesterday alone. Locks do not wait for
    each other. In SQLite only one transaction writes at a time.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            shared = "" if is_import else "_shared"
            cursor.execute(f"SELECT pg_advisory_xact_lock{shared}(%s)", [MATCHING])


class AdvisoryImportQuerySet(models.QuerySet):
    def last_good(self):
        return self.filter(fault="").first()


class AdvisoryImport(models.Model):
    """One import of advisories, how it ended, and what could not be read."""

    at = models.DateTimeField(default=timezone.now)
    source = models.CharField(max_length=500, help_text="without credentials")
    is_whole = models.BooleanField(default=False, help_text="an export, so that what it does not have is gone")
    advisories = models.PositiveIntegerField(default=0, help_text="that were read")
    changed = models.PositiveIntegerField(default=0, help_text="new ones among them, and those that say something else")
    removed = models.PositiveIntegerField(default=0, help_text="withdrawn, or not in the export any more")
    unread = models.PositiveIntegerField(default=0, help_text="entries that could not be read")
    told = models.JSONField(default=list, help_text="[entry, why it could not be read] of the first of these")
    fault = models.TextField(blank=True, help_text="why nothing was imported")

    objects = AdvisoryImportQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self):
        return f"{self.at:%Y-%m-%d %H:%M}"


class IgnoredQuerySet(models.QuerySet):
    def in_force(self):
        return self.filter(ended=None, until__gte=timezone.localdate())

    def for_workspace(self, workspace):
        """Those that count there: of all workspaces, and its own."""
        return self.filter(Q(workspace=None) | Q(workspace=workspace))

    def visible_to(self, user):
        return self.filter(Q(workspace=None) | Q(workspace__in=Workspace.objects.visible_to(user)))

    def ignore(self, advisory, workspace, reason, until, by):
        """Ignore an advisory in a workspace, or in all (None). What was said before about it there ends."""
        if not reason.strip():
            raise UserFault("Say why: whoever sees the advisory reads it.", "reason")
        if until < timezone.localdate():
            raise UserFault("The last day is over already.", "until")
        with transaction.atomic():
            self._end(advisory.osv_id, workspace, by)
            facts = {"reason": reason.strip(), "until": until}
            ignored = self.create(osv_id=advisory.osv_id, workspace=workspace, by=by, **facts)
            record(Verb.IGNORED, ignored, workspace, after=facts, by=by)
            return ignored

    def end(self, osv_id, workspace, by):
        """Take back that an advisory is ignored there. Return whether it was."""
        with transaction.atomic():
            if not self._end(osv_id, workspace, by):
                return False
            record(Verb.NOT_IGNORED, f"{osv_id} in {workspace or 'all workspaces'}", workspace, by=by)
            return True

    def _end(self, osv_id, workspace, by):
        there = self.select_for_update().filter(osv_id=osv_id, workspace=workspace, ended=None)
        return bool(there.update(ended=timezone.now(), ended_by=by))


class Ignored(models.Model):
    """That an advisory is known and accepted, why, by whom, and until when. Such a row is ended, never deleted."""

    # By its id, because the row of an advisory goes when that is withdrawn, and this is kept.
    osv_id = models.CharField(max_length=100)
    workspace = models.ForeignKey(Workspace, models.PROTECT, null=True, related_name="+", help_text="empty: all")
    reason = models.CharField(max_length=LONGEST_REASON)
    until = models.DateField(help_text="the last day on which it is ignored")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    ended = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    objects = IgnoredQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["osv_id", "workspace"],
                condition=Q(ended=None, workspace__isnull=False),
                name="ignored_once_in_workspace",
            ),
            models.UniqueConstraint(
                fields=["osv_id"], condition=Q(ended=None, workspace__isnull=True), name="ignored_once_everywhere"
            ),
        ]

    def __str__(self):
        return f"{self.osv_id} in {self.workspace or 'all workspaces'}"

    @property
    def is_in_force(self) -> bool:
        return self.ended is None and self.until >= timezone.localdate()
