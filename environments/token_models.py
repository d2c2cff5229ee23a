"""Tokens: let a script act as a person, as far as their scopes go."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from . import portal_roles
from .faults import UserFault
from .people_models import Workspace
from .texts import digest_of

NOTE_EVERY = timedelta(minutes=1)  # that a use is written down
MOST = 100  # of one person
SCOPES = ("read", "write", "build")


def every_scope():
    return list(SCOPES)


def read_scopes(words):
    """Return scopes in their order, each once. Raise UserFault for none, or one that is not known."""
    unknown = sorted(set(words) - set(SCOPES))
    if unknown or not words:
        told = f"“{unknown[0][:40]}” is none." if unknown else "Choose at least one."
        raise UserFault(f"{told} Scopes are {', '.join(SCOPES)}.", "scopes")
    return [scope for scope in SCOPES if scope in words]


class TokenQuerySet(models.QuerySet):
    def usable(self):
        """Those that open something now."""
        is_in_time = Q(expires=None) | Q(expires__gt=timezone.now())
        return self.filter(is_in_time, user__is_active=True)


class Token(models.Model):
    """Only a hash is kept: the token has 256 random bits, so no salt is needed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=every_scope)
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, null=True, blank=True, related_name="+", help_text="the only one it is for"
    )
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires = models.DateTimeField(null=True, blank=True, help_text="empty: never")
    used = models.DateTimeField(null=True, editable=False)

    objects = TokenQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "-created"], name="token_of_person")]

    def __str__(self):
        return f"{self.name or 'token'} of {self.user}"

    @staticmethod
    def digest_of(text):
        return digest_of(text)

    @classmethod
    def issue(cls, user, name="", **fields):
        """Make a token for `user` and return its text, which nobody can read again."""
        return cls.make(user, name, **fields)[1]

    @classmethod
    def make(cls, user, name="", scopes=SCOPES, workspace=None, expires=None):
        """Return (token, its text). Raise UserFault where it cannot be made."""
        if expires and expires <= timezone.now():
            raise UserFault("This moment is over. A token ends in the future, or never.", "expires")
        if workspace and not workspace.is_seen_by(user):
            raise UserFault("You are no member of this workspace.", "workspace")
        text = f"envp_{secrets.token_urlsafe(32)}"
        with transaction.atomic():
            if user.tokens.count() >= MOST:
                raise UserFault(f"{user} has {MOST} tokens. Revoke one first.")
            fields = {"scopes": read_scopes(scopes), "workspace": workspace, "expires": expires}
            return cls.objects.create(user=user, name=name, digest=digest_of(text), **fields), text

    @property
    def is_expired(self):
        return self.expires is not None and self.expires <= timezone.now()

    def show_person(self):
        """Make the person what this token lets them be. Needs `portal_roles.with_roles`."""
        portal_roles.hand_on(self, self.user)
        if self.workspace_id:
            portal_roles.narrow(self.user, self.workspace_id)

    def note_use(self):
        """Write down that it was used, at most once a minute."""
        now = timezone.now()
        if self.used is None or self.used < now - NOTE_EVERY:
            Token.objects.filter(pk=self.pk).update(used=now)
