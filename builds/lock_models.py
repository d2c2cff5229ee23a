"""Locks as rows. Their content as values is in `lock.py`."""

import hashlib
import json

from django.db import connection, models, transaction
from django.utils import timezone

from environments.models import Version

from .lock import Package

GOOD = "succeeded"  # the status of a build whose lock is kept
LONGEST_LICENCE = 200


class LockQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Locks that a build has which the person sees."""
        return self.filter(builds__version__in=Version.objects.visible_to(user)).distinct()


class LockManager(models.Manager.from_queryset(LockQuerySet)):
    def store(self, python, platform, packages, is_reported=False):
        """Return the lock with this content, which is stored once, whoever resolves to it or reports it."""
        content = [python, platform, sorted((package.content for package in packages), key=lambda p: p["name"])]
        if is_reported:
            content += ["reported", sorted([package.manager, package.name, package.build] for package in packages)]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        facts = {"python": python, "platform": platform, "is_reported": is_reported}
        with transaction.atomic():
            lock, is_new = self.get_or_create(digest=digest, defaults=facts)
            if is_new:
                LockedPackage.objects.bulk_create(LockedPackage(lock=lock, **package.as_dict()) for package in packages)
        return lock

    def first_good(self, reuse_key):
        """The lock that the first successful build of this reuse key used; it is kept until a refresh."""
        return self.filter(builds__reuse_key=reuse_key, builds__status=GOOD).order_by("builds__finished").first()


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

    def values(self):
        """Its Packages."""
        rows = self.packages.values_list(*Package.__annotations__)
        return [Package(*row[:-1], requested_by=tuple(row[-1])) for row in rows]

    def add_licences(self, licences):
        """Say what was learnt of the pip packages once they were there, {name: licence}. What is said stays."""
        silent = list(self.packages.filter(manager=LockedPackage.Manager.PIP, licence=""))
        for package in silent:
            package.licence = licences.get(package.name, "")[:LONGEST_LICENCE]
        LockedPackage.objects.bulk_update([package for package in silent if package.licence], ["licence"], 500)


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
