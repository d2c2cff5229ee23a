"""What of an environment may change while its versions do not: labels, tags, and which versions are archived."""

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from events.models import Verb
from events.record import record

from . import label_names, tags
from .faults import UserFault

MOST_LABELS = 50


class Shown(models.TextChoices):
    """Which of what may be archived a list shows. The labels are the words of Azure."""

    ACTIVE = "", "ActiveOnly"
    ARCHIVED = "only", "ArchivedOnly"
    ALL = "all", "All"


class LabelManager(models.Manager):
    def point(self, environment, name, version, by):
        """Have a label point at a version of its environment. Return (label, whether it is new). Raise UserFault."""
        label_names.check(name)
        with transaction.atomic():
            environment.lock()
            label = self.select_related("version").filter(environment=environment, name=name).first()
            before = label and {"version": label.version.number}
            if not label:
                label = self._add(environment, name, version, by)
            elif label.version_id != version.pk:
                label.version, label.changed, label.changed_by = version, timezone.now(), by
                label.save(update_fields=["version", "changed", "changed_by"])
            after = {"version": version.number}
            if before != after:
                label.record(Verb.CHANGED if before else Verb.MADE, environment, before, after, by)
        return label, before is None

    def _add(self, environment, name, version, by):
        if self.filter(environment=environment).count() >= MOST_LABELS:
            raise UserFault(f"{environment} has {MOST_LABELS} labels. Remove one first.", "label")
        return self.create(environment=environment, name=name, version=version, changed_by=by)


class Label(models.Model):
    """A word such as `prod` that points at one version of an environment, until somebody moves it."""

    environment = models.ForeignKey("Environment", models.CASCADE, related_name="labels")
    name = models.CharField(max_length=label_names.LONGEST)
    # Goes with its environment; a version alone does not go while a label points at it.
    version = models.ForeignKey("Version", models.RESTRICT, related_name="labels")
    changed = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = LabelManager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["environment", "name"], name="label_once")]

    def __str__(self):
        return self.name

    def remove(self, environment, by):
        with transaction.atomic():
            environment.lock()
            self.record(Verb.DELETED, environment, {"version": self.version.number}, None, by)
            self.delete()

    def record(self, verb, environment, before, after, by):
        record(verb, self, environment.workspace, before, after, by=by, name=f"{self} of {environment}")


class Tag(models.Model):
    """A key of an environment, with a value that may be empty."""

    environment = models.ForeignKey("Environment", models.CASCADE, related_name="tag_rows")
    key = models.CharField(max_length=tags.LONGEST_KEY)
    value = models.CharField(max_length=tags.LONGEST_VALUE, blank=True)

    class Meta:
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["environment", "key"], name="tag_once")]
        indexes = [models.Index(fields=["key", "value"], name="tag_by_key")]

    def __str__(self):
        return f"{self.key}={self.value}" if self.value else self.key


class Archived(models.Model):
    """That one version is archived. A row of its own, because the row of a version never changes."""

    version = models.OneToOneField("Version", models.CASCADE, related_name="archived", primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    def __str__(self):
        return f"{self.version} is archived"
