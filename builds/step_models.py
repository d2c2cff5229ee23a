"""The steps of a build, and the states that they and it are in."""

from django.db import models
from django.utils import timezone


class Status(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (Status.QUEUED, Status.RUNNING)
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


class Step(models.Model):
    class Name(models.TextChoices):
        RESOLVE = "resolve"
        INSTALL = "install"
        CHECK = "check"
        PACK = "pack"

    DOING = {Name.RESOLVE: "Resolving", Name.INSTALL: "Installing", Name.CHECK: "Checking", Name.PACK: "Packing"}

    build = models.ForeignKey("Build", models.CASCADE, related_name="steps")
    name = models.CharField(max_length=10, choices=Name)
    position = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=9, choices=Status, default=Status.QUEUED)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    offset = models.PositiveBigIntegerField(null=True, help_text="bytes of log before it")
    line = models.PositiveBigIntegerField(null=True, help_text="lines of log before it")
    summary = models.CharField(max_length=200, blank=True)
    peak_memory = models.PositiveBigIntegerField(null=True, help_text="bytes that its processes held at once")
    downloaded = models.PositiveBigIntegerField(null=True, help_text="bytes that it fetched")
    bytes = models.PositiveBigIntegerField(null=True, help_text="bytes on disk of what it made")
    packages = models.PositiveIntegerField(null=True, help_text="how many packages it is to install")
    fetched = models.PositiveIntegerField(default=0, help_text="how many of them are here")
    linked = models.PositiveIntegerField(default=0, help_text="how many of them are in the prefix")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["build", "name"], name="step_once")]

    def __str__(self):
        return self.name

    @property
    def about(self):
        """What it did, or why there is nothing to say."""
        return self.summary or ("Not reached" if self.status == Status.CANCELLED and not self.started else "")

    @property
    def is_counted(self):
        """Whether it is going on, and how far is known."""
        return self.status == Status.RUNNING and bool(self.packages)

    @property
    def packages_twice(self):
        """What `handled` comes to: each package is fetched, then linked."""
        return 2 * self.packages

    @property
    def handled(self):
        return self.fetched + self.linked

    @property
    def seconds(self):
        return max(0.0, ((self.ended or timezone.now()) - self.started).total_seconds()) if self.started else None
