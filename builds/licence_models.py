"""The rules about licences as rows: one for the portal, one for each workspace that has its own."""

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from environments.models import Workspace
from events.models import Verb
from events.record import record

from .licence_policy import LISTS, Policy, Rules, check

FIELDS = (*LISTS, "otherwise")


class LicenceRulesQuerySet(models.QuerySet):
    def for_workspace(self, workspace):
        """The Policy that counts there: what the portal says, and what the workspace says for itself alone."""
        rows = self.filter(Q(workspace=None) | Q(workspace=workspace)) if workspace else self.filter(workspace=None)
        return Policy(tuple(row.value for row in rows))

    def of(self, workspace):
        """The Rules of the portal (None) or of a workspace, empty ones where there are none."""
        row = self.filter(workspace=workspace).first()
        return row.value if row else Rules()

    def decide(self, workspace, lists, otherwise, by):
        """Put these rules in place of those that were there. Return the row. Raise UserFault.

        `lists` is {"allowed": entries, "review": …, "denied": …}; `workspace` is None for the portal.
        """
        check(lists, otherwise, self.of(None) if workspace else None)
        with transaction.atomic():
            before = self.select_for_update().filter(workspace=workspace).values(*FIELDS).first()
            fields = {**lists, "otherwise": otherwise, "changed_by": by, "changed": timezone.now()}
            row, is_new = self.update_or_create(workspace=workspace, defaults=fields)
            record(Verb.SET if is_new else Verb.REPLACED, row, workspace, before, {**lists, "otherwise": otherwise}, by)
        return row


class LicenceRules(models.Model):
    """Which licences are allowed, need a review, or are denied."""

    class Otherwise(models.TextChoices):
        ALLOWED = "allowed", "Allowed"
        REVIEW = "review", "Needs review"
        DENIED = "denied", "Denied"

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, null=True, related_name="licence_rules", help_text="empty: the portal"
    )
    allowed = models.JSONField(default=list, blank=True)
    review = models.JSONField(default=list, blank=True)
    denied = models.JSONField(default=list, blank=True)
    otherwise = models.CharField(max_length=7, choices=Otherwise, blank=True, help_text="of licences in no list")
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    changed = models.DateTimeField(default=timezone.now)

    objects = LicenceRulesQuerySet.as_manager()

    class Meta:
        verbose_name = "licence policy"
        constraints = [
            # A unique column alone may hold NULL many times.
            models.UniqueConstraint(
                Coalesce("workspace", 0, output_field=models.BigIntegerField()), name="licence_rules_once"
            )
        ]

    def __str__(self):
        return f"of {self.workspace}" if self.workspace_id else "of the portal"

    @property
    def value(self):
        return Rules.of(*(getattr(self, name) for name in FIELDS))
