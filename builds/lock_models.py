"""Locks as rows. Their content as values is in `lock.py`."""

import hashlib
import json
import uuid

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Case, OuterRef, Q, Subquery, When
from django.urls import reverse
from django.utils import timezone

from environments import wheel_urls
from environments.faults import UserFault
from environments.models import Version
from events.models import Verb
from events.record import record

from . import lock_files, sbom
from .advisory_models import AdvisoryMatch
from .lock import Package, is_source
from .pypi_names import CHANNELS
from .uv import this_platform

LONGEST_LICENCE = 200


def digest_of(python, platform, packages, is_reported=False):
    """What tells a lock from every other one, the same on every machine."""
    content = [python, platform, sorted((package.content for package in packages), key=lambda p: p["name"])]
    if is_reported:
        content += ["reported", sorted([package.manager, package.name, package.build] for package in packages)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class LockQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Locks that a version has, or a build of one, that this person may see."""
        versions = Version.objects.visible_to(user)
        return self.filter(Q(pk__in=versions.values("locks__lock")) | Q(pk__in=versions.values("builds__lock")))


class LockManager(models.Manager.from_queryset(LockQuerySet)):
    def store(self, python, platform, packages, is_reported=False):
        """Return the lock with this content, which is stored once, whoever resolves to it or reports it."""
        digest = digest_of(python, platform, packages, is_reported)
        facts = {"python": python, "platform": platform, "is_reported": is_reported}
        with transaction.atomic():
            lock, is_new = self.get_or_create(digest=digest, defaults=facts)
            if is_new:
                LockedPackage.objects.bulk_create(LockedPackage(lock=lock, **package.as_dict()) for package in packages)
                AdvisoryMatch.objects.add(packages)
        return lock

    def kept(self, reuse_key, platform=""):
        """The lock that builds of this reuse key take on that platform, ours unless it is said; or None."""
        row = VersionLock.objects.kept_for(reuse_key, platform or this_platform())
        return row and row.lock


class Lock(models.Model):
    """The exact packages that a definition resolves to, or that a run reported. Never changes."""

    digest = models.CharField(max_length=64, unique=True)
    python = models.CharField(max_length=32)
    platform = models.CharField(max_length=32)
    is_reported = models.BooleanField(default=False, help_text="said by a run about itself, not resolved")
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = LockManager()

    def __str__(self):
        return self.digest[:12]

    def get_absolute_url(self):
        return reverse("lock", args=[self.digest])

    @property
    def is_for_here(self):
        """Whether the builds of this portal can install it."""
        return self.platform == this_platform()

    def values(self):
        """Its Packages."""
        rows = self.packages.values_list(*Package.__annotations__)
        return [Package(*row[:-1], requested_by=tuple(row[-1])) for row in rows]

    @property
    def installed_size(self):
        """Bytes on disk of what a build of it installed; None before one did."""
        known = self.builds.filter(steps__name="install", steps__bytes__gt=0)
        return known.values_list("steps__bytes", flat=True).first()

    @property
    def files(self):
        """{name: words} of what it can be downloaded as."""
        return lock_files.available(set(self.packages.values_list("manager", flat=True)))

    def as_file(self, file, version, portal):
        """Return (content, content type) of one of `lock_files.FILES`. Raise UserFault where it cannot be said so."""
        return lock_files.render(file, self.locked(version, portal))

    def as_bill(self, version, portal):
        """Return its software bill of materials, as text. The same one has the same serial number."""
        serial = uuid.uuid5(uuid.NAMESPACE_URL, f"{portal}{version.get_absolute_url()}{self.digest}")
        locked, name = self.locked(version, portal), version.environment.name
        return sbom.render(sbom.Subject(name, version.number, version.image_key, serial, self.created, locked))

    def locked(self, version, portal):
        """It, with what files of other tools say beside it: they are named after one of its versions.

        `portal` is its address, at which private wheels are fetched.
        """
        wanted, workspace = version.definition, version.workspace.name

        def address(url):
            # Of a private wheel the lock says only which bytes it has.
            private = wheel_urls.parse_reference(url)
            return portal.rstrip("/") + wheel_urls.WheelUrl(workspace, *private).path if private else url

        return lock_files.Locked(
            version.environment.name,
            self.python,
            self.platform,
            lock_files.with_addresses(self.values(), address),
            tuple(wanted.channels),
            tuple(option.canonical for option in wanted.pip_options),
        )

    def add_licences(self, licences):
        """Say what was learnt of the pip packages once they were there, {name: licence}. What is said stays."""
        silent = list(self.packages.filter(manager=LockedPackage.Manager.PIP, licence=""))
        for package in silent:
            package.licence = licences.get(package.name, "")[:LONGEST_LICENCE]
        LockedPackage.objects.bulk_update([package for package in silent if package.licence], ["licence"], 500)


class VersionLockQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(version__in=Version.objects.visible_to(user))

    def kept(self):
        """Locks that builds take, or took before a refresh."""
        return self.filter(kept_at__isnull=False)

    def in_workspace(self, workspace):
        return self.filter(version__environment__workspace=workspace)

    def of_newest_versions(self):
        """Of kept rows those of the newest version of each environment that has one, and of each platform the newest."""
        there = VersionLock.objects.kept()
        newest = there.filter(version__environment=OuterRef("version__environment")).order_by("-version__number")
        same = there.filter(version=OuterRef("version"), lock__platform=OuterRef("lock__platform"))
        return self.kept().filter(
            version=Subquery(newest.values("version")[:1]), pk=Subquery(same.in_order().values("pk")[:1])
        )

    def in_order(self):
        """First the one that builds take: of the newest refresh, without one of the first."""
        newest = Case(When(is_refresh=True, then="kept_at")).desc()
        return self.order_by("-is_refresh", newest, "kept_at", "pk")

    def kept_for(self, reuse_key, platform):
        """The row of the lock that builds take: of the newest refresh, without one of the first. Or None."""
        rows = self.kept().filter(reuse_key=reuse_key, lock__platform=platform)
        return rows.select_related("lock").in_order().first()


class VersionLockManager(models.Manager.from_queryset(VersionLockQuerySet)):
    def holding(self, versions):
        """Those without which builds might get other packages. Where there is a build, that one says so already."""
        return self.filter(version__in=versions, kept_at__isnull=False, version__builds=None)

    def offer(self, version, lock, by):
        """Note that a lock was made for a version, to be looked at. Builds do not take it."""
        facts = {"by": by, "reuse_key": version.reuse_key}
        with transaction.atomic():
            version.hold()
            return self.get_or_create(version=version, lock=lock, defaults=facts)[0]

    def keep(self, version, lock, by, is_refresh=False):
        """Let builds take a lock: a refresh from now on, another one unless there was one before."""
        row = self.offer(version, lock, by)
        if is_refresh or not row.kept_at:
            row.kept_at, row.is_refresh = timezone.now(), is_refresh
            row.save(update_fields=["kept_at", "is_refresh"])
        return row

    def keep_by_hand(self, version, lock, by, is_refresh=False):
        """The same as an act of its own, not as a part of a build."""
        with transaction.atomic():
            row = self.keep(version, lock, by, is_refresh)
            after = {"digest": lock.digest, "platform": lock.platform}
            record(Verb.KEPT, row, version.workspace, after=after, by=by, name=f"{lock} of {version}")
        return row

    def lock_of(self, version, digest):
        """The lock with this digest, if it was made for the version. Raise UserFault otherwise."""
        row = self.filter(version=version, lock__digest=digest).select_related("lock").first()
        if not row:
            raise UserFault(f"No lock {digest[:12]} was made for version {version.number}.", "lock")
        return row.lock

    def adopt(self, version, lock, by):
        """Keep a lock that was looked at. Raise UserFault where a build has to show first that it works."""
        kept = Lock.objects.kept(version.reuse_key, lock.platform)
        if kept and kept != lock and lock.is_for_here:
            raise UserFault(f"A lock for {lock.platform} is kept once a build with it succeeds: ask for one.", "lock")
        return self.keep_by_hand(version, lock, by, is_refresh=bool(kept) and kept != lock)


class VersionLock(models.Model):
    """That a lock was made for a version: who asked for it first, and since when builds take it, if they do."""

    version = models.ForeignKey(Version, models.CASCADE, related_name="locks")
    lock = models.ForeignKey(Lock, models.PROTECT, related_name="versions")
    reuse_key = models.CharField(max_length=80, db_index=True, help_text="as Version.reuse_key says it")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now, editable=False)
    kept_at = models.DateTimeField(null=True, help_text="empty while it was only looked at")
    is_refresh = models.BooleanField(default=False, help_text="whether it took the place of another that was kept")

    IN_WORDS = ("kept lock", "kept locks")

    objects = VersionLockManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "lock"], name="lock_once_for_version")]

    def __str__(self):
        return f"{self.lock} of {self.version}"


class LockedPackageQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(lock__in=Lock.objects.visible_to(user))

    def names_by_use(self, manager):
        """Names, those in the most locks first."""
        used = self.filter(manager=manager).values("name").annotate(locks=models.Count("pk"))
        return used.order_by("-locks", "name").values_list("name", flat=True)

    def licences(self):
        """Every licence that a package says. From one to the next by the index: there are few, of millions of rows."""
        table = self.model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH RECURSIVE each_one AS (SELECT min(licence) AS licence FROM {table} WHERE licence > ''"  # noqa: S608
                f" UNION ALL SELECT (SELECT min(p.licence) FROM {table} p WHERE p.licence > each_one.licence)"
                " FROM each_one WHERE licence IS NOT NULL) SELECT licence FROM each_one WHERE licence IS NOT NULL"
            )
            return [licence for (licence,) in cursor.fetchall()]

    def of_pypi(self):
        """Those that may be projects of PyPI: see pypi_names."""
        is_channel = models.Q(pk__in=[])
        for channel in CHANNELS:
            is_channel |= models.Q(channel=channel) | models.Q(channel__endswith=f"/{channel}")
            is_channel |= models.Q(channel__endswith=f"/{channel}/")
        is_private = models.Q(url__startswith="wheels/")
        return self.filter((models.Q(manager="pip") & ~is_private) | (models.Q(manager="conda") & is_channel))

    def meant_by(self, advisories):
        """Those of releases that one of these advisories means."""
        releases, is_meant = {}, models.Q(pk__in=[])
        matches = AdvisoryMatch.objects.filter(advisory__in=advisories)
        for manager, name, version in matches.values_list("manager", "name", "version"):
            releases.setdefault((manager, name), set()).add(version)
        for (manager, name), versions in releases.items():
            is_meant |= models.Q(manager=manager, name=name, version__in=versions)
        return self.of_pypi().filter(is_meant)

    def versions_of(self, manager, name):
        return set(self.filter(manager=manager, name=name).values_list("version", flat=True))


class LockedPackage(models.Model):
    class Manager(models.TextChoices):
        CONDA = "conda"
        PIP = "pip"

    lock = models.ForeignKey(Lock, models.CASCADE, related_name="packages")
    manager = models.CharField(max_length=5, choices=Manager)
    name = models.CharField(max_length=255)
    version = models.CharField(max_length=255)
    url = models.TextField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="bytes to download")
    direct = models.BooleanField(help_text="asked for by the definition itself")
    build = models.CharField(max_length=255, blank=True, help_text="build string of a conda package")
    channel = models.TextField(blank=True, help_text="address of the channel or index")
    subdir = models.CharField(max_length=32, blank=True, help_text="platform of a conda package in its channel")
    licence = models.CharField(max_length=LONGEST_LICENCE, blank=True, help_text="as the package says it")
    requested_by = models.JSONField(
        default=list, blank=True, help_text="names of the packages in the lock that need it"
    )

    objects = LockedPackageQuerySet.as_manager()

    class Meta:
        ordering = ["-direct", "name"]
        constraints = [models.UniqueConstraint(fields=["lock", "manager", "name"], name="package_once_in_lock")]
        indexes = [
            models.Index(fields=["name", "manager", "version", "lock"], name="package_by_name"),
            models.Index(fields=["sha256", "lock"], name="package_by_hash"),
            models.Index(fields=["licence", "lock"], name="package_by_licence"),
        ]

    def __str__(self):
        return f"{self.name} {self.version}"

    @property
    def is_source(self):
        return is_source(self.manager, self.url)
