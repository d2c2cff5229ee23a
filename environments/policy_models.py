"""What administrators decide about all definitions, and which Pythons workers have."""

import re

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction

from . import policy
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


class RuleManager(models.Manager):
    def policy(self, workspace=None):
        """What administrators decided, laid over what this release knows, as a Policy.

        With a workspace it also knows which private wheels and secrets are there.
        """
        kept = {kind: [] for kind in Rule.Kind.values}
        for rule in self.all():
            kept[rule.kind].append(rule)
        kind = Rule.Kind
        pythons, confined = Interpreter.objects.for_policy()
        return policy.Policy(
            reserved_prefixes=tuple(settings.RESERVED_PREFIXES),
            python_ends=policy.PYTHON_ENDS | {rule.subject: rule.date for rule in kept[kind.PYTHON_ENDS]},
            deprecated_images=(
                *(
                    policy.ImageRule(rule.subject, rule.message, rule.replacement)
                    for rule in kept[kind.IMAGE_DEPRECATED]
                ),
                *policy.DEPRECATED_IMAGES,
            ),
            required=tuple(rule.for_package() for rule in kept[kind.PACKAGE_REQUIRED]),
            blocked=tuple(rule.for_package() for rule in kept[kind.PACKAGE_BLOCKED]),
            channels=tuple(rule.subject for rule in kept[kind.CHANNEL_ALLOWED]),
            indexes=tuple(rule.subject for rule in kept[kind.INDEX_ALLOWED]),
            default_python=settings.DEFAULT_PYTHON,
            pythons=tuple(pythons),
            confined=confined,
            wheels=frozenset(workspace.wheels.values_list("sha256", "filename")) if workspace else None,
            secrets=frozenset(workspace.secrets.values_list("name", flat=True)) if workspace else None,
        )


class Rule(models.Model):
    """One thing that administrators decide about all definitions."""

    class Kind(models.TextChoices):
        PYTHON_ENDS = "python-ends", "Python gets no security fixes after"
        IMAGE_DEPRECATED = "image-deprecated", "Base image is deprecated"
        PACKAGE_REQUIRED = "package-required", "Package is required"
        PACKAGE_BLOCKED = "package-blocked", "Package is blocked"
        CHANNEL_ALLOWED = "channel-allowed", "Channel is allowed (and no other)"
        INDEX_ALLOWED = "index-allowed", "Package index is allowed (and no other)"

    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(
        max_length=255,
        help_text="3.8 for Python; name:tag without the registry, with * and ?, for an image; a name of a package; "
        "a name or an address of a channel; an address of an index.",
    )
    date = models.DateField(null=True, blank=True, help_text="For Python: the day of the last security fix.")
    message = models.CharField(max_length=500, blank=True, help_text="Stands behind the finding, as a sentence.")
    replacement = models.CharField(
        max_length=255,
        blank=True,
        help_text="What one click writes instead: an image, or a package as name or name>=1.2.",
    )

    objects = RuleManager()

    class Meta:
        ordering = ["kind", "subject"]
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="rule_once")]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.subject}"

    def clean(self):
        if self.kind == self.Kind.PYTHON_ENDS and not (self.date and re.fullmatch(r"\d+\.\d+", self.subject)):
            raise ValidationError("An end of Python names a version such as 3.8, and a date.")

    def for_package(self):
        return policy.PackageRule(self.subject, self.message, self.replacement)


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
