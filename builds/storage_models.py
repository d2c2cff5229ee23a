"""What takes room where, as workers count it, and which clean-ups there were."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

# A machine that was not counted for this long has no worker any more, and is not shown.
GONE = timedelta(days=7)


class MachineQuerySet(models.QuerySet):
    def known(self):
        return self.filter(counted_at__gte=timezone.now() - GONE)


class Machine(models.Model):
    """A machine that workers run on. Prefixes and caches are on its disk, and are removed by its own workers alone."""

    name = models.CharField(max_length=255, unique=True)
    counted_at = models.DateTimeField(null=True)
    cleaned_at = models.DateTimeField(null=True, help_text="when its caches were cleaned up")
    free = models.PositiveBigIntegerField(default=0, help_text="bytes that nobody uses of the disk of prefixes")

    objects = MachineQuerySet.as_manager()

    def __str__(self):
        return self.name


class DiskUse(models.Model):
    """What one kind of files takes on a machine."""

    class Kind(models.TextChoices):
        PREFIXES = "prefixes", "Installed packages"
        WORK = "work", "Builds that run"
        PIP = "uv", "Package cache, pip"
        CONDA = "conda", "Package cache, conda"
        CHANNELS = "channels", "Indexes of channels"
        NAMES = "names", "Names for suggestions"
        ANSWERS = "answers", "Answers of the index"
        TRASH = "trash", "Being removed"

    machine = models.ForeignKey(Machine, models.CASCADE, related_name="uses")
    kind = models.CharField(max_length=10, choices=Kind)
    size = models.PositiveBigIntegerField(help_text="bytes")
    files = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["machine", "kind"], name="kind_once_on_machine")]

    def __str__(self):
        return f"{self.get_kind_display()} on {self.machine}"


class Cleanup(models.Model):
    """One clean-up of everything. Workers clean the caches of their machine when they see a new one."""

    started = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", help_text="empty: the schedule"
    )
    builds = models.PositiveIntegerField(default=0, help_text="whose files were freed")
    size = models.PositiveBigIntegerField(default=0, help_text="bytes of these")

    class Meta:
        ordering = ["-started", "-pk"]

    def __str__(self):
        return f"{self.started:%Y-%m-%d %H:%M}"
