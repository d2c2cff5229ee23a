from datetime import timedelta

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from environments.faults import UserFault
from environments.models import Interpreter
from events.models import Verb
from events.record import record

# A worker that was not heard of for this long is not running.
WORKER_SILENCE = timedelta(seconds=60)


class State(models.TextChoices):
    """What a worker does with new builds."""

    TAKING = "taking builds"
    DRAINING = "draining"
    SILENT = "not heard of"


class WorkerQuerySet(models.QuerySet):
    def alive(self):
        return self.filter(heard_at__gte=timezone.now() - WORKER_SILENCE, left_at=None)

    def taking(self):
        """Those that take new builds."""
        return self.alive().filter(is_draining=False)


class Worker(models.Model):
    """A process that builds, and when it was heard of last."""

    name = models.CharField(max_length=255, unique=True)
    slots = models.PositiveSmallIntegerField(help_text="builds at once")
    heard_at = models.DateTimeField()
    is_sandboxed = models.BooleanField(default=False)
    sandbox_note = models.TextField(blank=True, help_text="whether its builds are confined, as a sentence")

    # What it is and has, as it says with each beat.
    version = models.CharField(max_length=40, blank=True, help_text="of envportal")
    uv = models.CharField(max_length=40, blank=True)
    rattler = models.CharField("py-rattler", max_length=40, blank=True)
    platform = models.CharField(max_length=60, blank=True)
    cores = models.PositiveSmallIntegerField(default=0)
    load = models.FloatField(null=True, help_text="processes that want to run, over the last minute")
    free_disk = models.PositiveBigIntegerField(null=True, help_text="bytes, where installed packages are")
    free_memory = models.PositiveBigIntegerField(null=True, help_text="bytes that can be had without swapping")
    started = models.DateTimeField(null=True)

    # A drained worker takes no new build, also after it was started again, until somebody says otherwise.
    is_draining = models.BooleanField(default=False)
    left_at = models.DateTimeField(null=True, help_text="when it ended, of one that stays drained")

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    @property
    def host(self):
        return self.name.rpartition("@")[2]

    @property
    def is_alive(self):
        return self.left_at is None and self.heard_at >= timezone.now() - WORKER_SILENCE

    @property
    def is_other(self):
        """Whether it runs another version than whoever asks: what it builds may come out otherwise."""
        return self.version not in ("", settings.VERSION)

    @property
    def state(self):
        """One of the words that pages and the API say."""
        if not self.is_alive:
            return State.SILENT
        return State.DRAINING if self.is_draining else State.TAKING

    def drain(self, is_draining=True):
        """Take no new builds, or take them again. Return whether that changed anything."""
        with transaction.atomic():
            rows = Worker.objects.filter(pk=self.pk, is_draining=not is_draining)
            won = rows.update(is_draining=is_draining) == 1
            if won:
                record(Verb.CHANGED, self, None, {"is_draining": not is_draining}, {"is_draining": is_draining})
        self.is_draining = is_draining
        return won

    def forget(self):
        """Take one that is not running off the list. Raise UserFault for one that runs."""
        with transaction.atomic():
            self.refresh_from_db(from_queryset=Worker.objects.select_for_update())
            if self.is_alive:
                raise UserFault(f"{self} is running: it was heard of a moment ago. Drain it and end it first.")
            record(Verb.DELETED, self, None, {"is_draining": self.is_draining})
            Interpreter.objects.filter(worker=self.name).delete()
            self.delete()
