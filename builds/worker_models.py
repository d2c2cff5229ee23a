from datetime import timedelta

from django.db import models
from django.utils import timezone

# A worker that was not heard of for this long is not running.
WORKER_SILENCE = timedelta(seconds=60)


class WorkerQuerySet(models.QuerySet):
    def alive(self):
        return self.filter(heard_at__gte=timezone.now() - WORKER_SILENCE)


class Worker(models.Model):
    """A process that builds, and when it was heard of last."""

    name = models.CharField(max_length=255, unique=True)
    slots = models.PositiveSmallIntegerField(help_text="builds at once")
    heard_at = models.DateTimeField()
    is_sandboxed = models.BooleanField(default=False)
    sandbox_note = models.TextField(blank=True, help_text="whether its builds are confined, as a sentence")

    objects = WorkerQuerySet.as_manager()

    def __str__(self):
        return self.name
