"""What each workspace gets of the workers."""

from django.conf import settings
from django.db import models, transaction

from environments.models import Workspace
from events.models import Verb
from events.record import record


class ShareManager(models.Manager):
    def decide(self, workspace, at_once, storage_mb):
        """Say what a workspace may have; None is what the settings say. One event, and none where nothing changes."""
        after = {"at_once": at_once, "storage_mb": storage_mb}
        with transaction.atomic():
            share, _ = self.select_for_update().get_or_create(workspace=workspace)
            before = {name: getattr(share, name) for name in after}
            if before != after:
                share.at_once, share.storage_mb = at_once, storage_mb
                share.save(update_fields=list(after))
                record(Verb.CHANGED, share, workspace, before, after, name=f"quota of {workspace}")
        return share

    def serve(self, workspace_id, at):
        """Say that a build of this workspace began, so that the others have their turn before its next one."""
        self.update_or_create(workspace_id=workspace_id, defaults={"served_at": at})


class Share(models.Model):
    """How many builds of a workspace run at once, how much they may take, and when it had its turn last."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, related_name="share")
    at_once = models.PositiveSmallIntegerField(
        "builds at once",
        null=True,
        blank=True,
        help_text="Empty: as ENVPORTAL_BUILDS_PER_WORKSPACE says. 0: none begins.",
    )
    storage_mb = models.PositiveIntegerField(
        "storage in MB",
        null=True,
        blank=True,
        help_text="Empty: as ENVPORTAL_STORAGE_PER_WORKSPACE_MB says. 0: no limit.",
    )
    served_at = models.DateTimeField("had its turn last", null=True, editable=False)

    objects = ShareManager()

    def __str__(self):
        return f"{self.workspace}: {self.most}"

    @property
    def storage_limit(self):
        """In bytes; 0 is no limit."""
        return 1_000_000 * (settings.STORAGE_PER_WORKSPACE_MB if self.storage_mb is None else self.storage_mb)

    @property
    def most(self):
        return settings.BUILDS_PER_WORKSPACE if self.at_once is None else self.at_once
