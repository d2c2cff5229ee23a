"""The Pythons that workers have, as they report them."""

from django.db import models, transaction

from .conda_specs import python_specifiers


class InterpreterQuerySet(models.QuerySet):
    def report(self, worker, found, is_confined=False):
        """A worker has these, {version: path}, and no others any more."""
        with transaction.atomic():
            self.filter(worker=worker).delete()
            facts = {"worker": worker, "is_confined": is_confined}
            self.bulk_create(self.model(version=version, path=path, **facts) for version, path in found.items())

    def versions(self):
        """The Pythons that builds can use, newest first."""
        return self.for_policy()[0]

    def for_policy(self):
        """Return (the Pythons that builds can use, newest first; whether any is confined, None where there are none)."""
        rows = list(self.values_list("version", "is_confined"))
        found = {version for version, _ in rows}
        newest_first = sorted(found, key=lambda version: [int(part) for part in version.split(".")], reverse=True)
        return newest_first, any(is_confined for _, is_confined in rows) if rows else None

    def matching(self, constraint):
        """The versions that satisfy a conda constraint, newest first."""
        allowed = python_specifiers(constraint)
        return [version for version in self.versions() if any(version in specifiers for specifiers in allowed)]


class Interpreter(models.Model):
    """A Python that a worker has. Workers report theirs when they start and now and then."""

    worker = models.CharField(max_length=255)
    version = models.CharField(max_length=32)
    path = models.TextField()
    is_confined = models.BooleanField(default=False, help_text="whether builds of that worker have the sandbox")

    objects = InterpreterQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["worker", "version"], name="interpreter_once")]

    def __str__(self):
        return f"{self.version} on {self.worker}"
