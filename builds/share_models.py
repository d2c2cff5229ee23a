"""What each workspace gets of the workers."""

from django.conf import settings
from django.db import models

from environments.models import Workspace


class ShareManager(models.Manager):
    def serve(self, workspace_id, at):
        """Say that a build of this workspace began, so that the others have their turn before its next one."""
        self.update_or_create(workspace_id=workspace_id, defaults={"served_at": at})


class Share(models.Model):
    """How many builds of a workspace run at once, and when it had its turn last."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, related_name="share")
    at_once = models.PositiveSmallIntegerField(
        "builds at once",
        null=True,
        blank=True,
        help_text="Empty: as ENVPORTAL_BUILDS_PER_WORKSPACE says. 0: none begins.",
    )
    served_at = models.DateTimeField("had its turn last", null=True, editable=False)

    objects = ShareManager()

    def __str__(self):
        return f"{self.workspace}: {self.most}"

    @property
    def most(self):
        return settings.BUILDS_PER_WORKSPACE if self.at_once is None else self.at_once
