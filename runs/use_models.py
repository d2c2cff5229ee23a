"""Which locks were used by whom: the index that audits are answered from."""

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Greatest
from django.utils import timezone

from builds.models import Lock
from environments.models import Environment, Version, Workspace


class UseManager(models.Manager):
    def note(self, workspace, version, lock):
        """The row that says that a version had this lock in the workspace; without one, that something there had it.

        What is curated is used in many workspaces, each of which counts its own.
        """
        facts = {"workspace": workspace, "environment": version and version.environment}
        return self.get_or_create(version=version, lock=lock, **facts)[0]

    def count_build(self, build):
        """Count a build that succeeded. Called once, in the transaction that says so."""
        if build.lock_id:
            use = self.note(build.workspace, build.version, build.lock)
            self.filter(pk=use.pk).update(builds=F("builds") + 1)

    def count_run(self, workspace, version, lock, started):
        """Count a run that is being recorded, and return its Use; None where its packages are not known."""
        if not lock:
            return None
        use = self.note(workspace, version, lock)
        first = Q(runs=0)  # until then it says since when the version has the lock
        last_used = Case(When(first, then=Value(started)), default=Greatest(F("last_used"), started))
        self.filter(pk=use.pk).update(runs=F("runs") + 1, last_used=last_used)
        return use


class Use(models.Model):
    """That a version had a lock, and how many builds and runs had both. Never taken back.

    `version` is empty for runs in what nobody registered. Of versions without a run, `last_used` is when they had
    the lock first.
    """

    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    environment = models.ForeignKey(Environment, models.PROTECT, null=True, related_name="+")
    version = models.ForeignKey(Version, models.PROTECT, null=True, related_name="uses")
    lock = models.ForeignKey(Lock, models.PROTECT, related_name="uses")
    builds = models.PositiveIntegerField(default=0)
    runs = models.PositiveIntegerField(default=0)
    last_used = models.DateTimeField(default=timezone.now)

    objects = UseManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "lock", "workspace"], condition=Q(version__isnull=False), name="use_once"
            ),
            models.UniqueConstraint(
                fields=["workspace", "lock"], condition=Q(version__isnull=True), name="unregistered_use_once"
            ),
        ]
        indexes = [
            models.Index(fields=["lock", "-last_used", "-id"], name="use_of_lock"),
            models.Index(fields=["-last_used", "-id"], name="use_by_age"),
        ]

    def __str__(self):
        return f"{self.lock} in {self.version or self.workspace}"
