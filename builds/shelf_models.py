"""What resolving the curated environments anew has shown last."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.models import Environment, Version

from .lock_models import Lock

EVERY = timedelta(days=1)
AGAIN = timedelta(hours=1)  # after one that failed: an index may have been away


class OutlookQuerySet(models.QuerySet):
    def claim(self, version):
        """Have the row of a curated environment if it is time to look at this version. Return it, or None.

        Of two that ask at the same time one gets it.
        """
        now = timezone.now()
        row, is_new = self.get_or_create(environment=version.environment, defaults={"version": version, "at": now})
        if is_new:
            return row
        is_due = Q(at__lt=now - EVERY) | (~Q(failure="") & Q(at__lt=now - AGAIN)) | ~Q(version=version)
        mine = self.filter(is_due, pk=row.pk, at=row.at).update(at=now, version=version)
        if not mine:
            return None
        row.refresh_from_db()
        return row

    def for_curators(self):
        """Of what is kept up, with all that the page says."""
        found = self.exclude(environment__curation__stage="archived").exclude(Q(lock=None) & Q(failure=""))
        return found.select_related("environment__workspace", "environment__curation", "version", "lock", "kept")


class Outlook(models.Model):
    """The latest version of a curated environment resolved anew, beside the lock that is kept."""

    environment = models.OneToOneField(Environment, models.CASCADE, related_name="outlook")
    version = models.ForeignKey(Version, models.CASCADE, related_name="+")
    at = models.DateTimeField()
    failure = models.TextField(blank=True, help_text="why it could not be resolved, as a sentence")
    lock = models.ForeignKey(Lock, models.PROTECT, null=True, related_name="+")
    kept = models.ForeignKey(Lock, models.PROTECT, null=True, related_name="+")
    moved = models.PositiveIntegerField(default=0, help_text="packages that would change")
    words = models.CharField(max_length=200, blank=True)
    size = models.PositiveBigIntegerField(default=0, help_text="bytes to download")
    known = models.JSONField(default=list, help_text="advisories of the lock that is kept")
    fixed = models.JSONField(default=list, help_text="of these, what the newer packages fix")
    introduced = models.JSONField(default=list)
    is_assessed = models.BooleanField(default=False, help_text="whether advisories were there to hold it against")

    objects = OutlookQuerySet.as_manager()

    class Meta:
        ordering = ["environment__name"]

    def __str__(self):
        return f"{self.version}, {self.words or self.failure}"

    @property
    def waits(self):
        """Whether there is something for curators to do."""
        return bool(self.failure or self.moved or self.known)
