"""Invitations: a link that makes whoever opens it a member, once, for some days."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import models, transaction
from django.utils import timezone

from events.models import Verb
from events.record import record

from .faults import UserFault
from .people_models import Role, Workspace
from .texts import digest_of

DAYS = 7
MOST_OPEN = 100  # of one workspace


class Gone(UserFault):
    """A link that makes nobody a member any more."""


class InvitationQuerySet(models.QuerySet):
    def open(self):
        return self.filter(accepted=None, expires__gt=timezone.now())

    def find(self, text):
        """The Invitation whose link ends with this text, or None."""
        return self.select_related("workspace", "by").filter(digest=digest_of(text)).first()


class Invitation(models.Model):
    """Only a hash of the link's secret is kept: it has 256 random bits, so no salt is needed."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="invitations")
    role = models.PositiveSmallIntegerField(choices=Role, default=Role.VIEWER)
    email = models.EmailField(blank=True, help_text="where it was sent")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField()
    accepted = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invited_role_known")]
        indexes = [models.Index(fields=["workspace", "-created"], name="invitation_by_age")]

    def __str__(self):
        return f"as {self.get_role_display().lower()}"

    @classmethod
    def make(cls, workspace, role, by, email=""):
        """Return (invitation, the secret of its link, which nobody can read again). Raise UserFault."""
        workspace.refuse_people()
        text = secrets.token_urlsafe(32)
        with transaction.atomic():
            workspace.lock_people()
            if workspace.invitations.open().count() >= MOST_OPEN:
                raise UserFault(f"{workspace} has {MOST_OPEN} open invitations. Take some back first.")
            invitation = cls.objects.create(
                workspace=workspace,
                role=role,
                email=email,
                digest=digest_of(text),
                by=by,
                expires=timezone.now() + timedelta(days=DAYS),
            )
            record(Verb.MADE, invitation, workspace, after=invitation._told, by=by, about=email)
        return invitation, text

    @property
    def role_word(self):
        return self.get_role_display().lower()

    @property
    def _told(self):
        return {"role": self.role_word, "expires": self.expires.isoformat(timespec="seconds")}

    def why_not(self, user):
        """Why it makes this person no member (any more), as a sentence; empty when it does."""
        if self.accepted:
            return "This invitation was used already. It works once."
        if self.expires <= timezone.now():
            return f"This invitation ended after {DAYS} days."
        # Asked of a row of its own, which knows no role of whoever is asking.
        if not self.by.is_active or Workspace.objects.get(pk=self.workspace_id).role_of(self.by) < Role.OWNER:
            return f"{self.by}, who sent this invitation, is no owner of {self.workspace} any more."
        mine = self.workspace.memberships.filter(user=user).first()
        if mine and mine.role >= self.role:
            return f"You are in {self.workspace} already, as {mine.get_role_display().lower()}."
        return ""

    def accept(self, user):
        """Make `user` a member. Raise Gone when it cannot be used, or somebody else was faster."""
        with transaction.atomic():
            self.workspace.lock_people()  # so that nobody makes the sender less meanwhile
            if why := self.why_not(user):
                raise Gone(why)
            mine = Invitation.objects.open().filter(pk=self.pk)
            if not mine.update(accepted=timezone.now(), accepted_by=user):
                raise Gone("This invitation was used already. It works once.")
            record(Verb.ACCEPTED, self, self.workspace, after=self._told, by=user, about=self.email)
            self.workspace.set_member(user, self.role)

    def revoke(self):
        with transaction.atomic():
            record(Verb.DELETED, self, self.workspace, self._told, about=self.email)
            self.delete()

    def send(self, link):
        """Send the link to its address. Return whether the mail server took it."""
        if not (self.email and settings.HAS_EMAIL):
            return False
        text = (
            f"{self.by} invites you to the workspace {self.workspace} as {self.role_word}.\n\n{link}\n\n"
            f"The link works once, until {self.expires:%Y-%m-%d %H:%M} UTC, for whoever opens it and signs in.\n"
        )
        try:
            return EmailMessage(f"Invitation to {self.workspace}", text, to=[self.email]).send() == 1
        except OSError:  # smtplib's faults are among these
            return False
