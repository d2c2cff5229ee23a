"""Secrets of a workspace: what `${NAME}` stands for in the addresses that its definitions name.

They are written and never read again, but by a build, which fills them in where it calls its tools.
"""

import re

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone

from events.models import Verb
from events.record import record

from . import sealing
from .faults import UserFault

NAME = "[A-Z_][A-Z0-9_]*"
LONGEST_NAME, LONGEST = 63, 4000
SHORTEST = 5  # what is shorter is a part of any word, so that no log could be kept clean of it
MOST_HOSTS = 20
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def check_name(name):
    """Raise UserFault unless a secret may have this name."""
    if not re.fullmatch(NAME, name) or len(name) > LONGEST_NAME:
        told = f"A name has capitals, digits and underscores, no digit first, at most {LONGEST_NAME}: REGISTRY_TOKEN."
        raise UserFault(told, "name")


def check_value(value):
    """Raise UserFault unless a secret may have this value, which no sentence repeats."""
    if len(value) < SHORTEST:
        told = f"A secret has at least {SHORTEST} characters: what is shorter could not be kept out of the logs."
        raise UserFault(told, "value")
    if len(value) > LONGEST:
        raise UserFault(f"A secret has at most {LONGEST:,} characters; this one has {len(value):,}.", "value")
    if not value.isprintable() or value != value.strip():
        raise UserFault("A secret is one line, without spaces at its ends.", "value")


def read_hosts(text):
    """Return the names of hosts in a text, each once. Raise UserFault."""
    hosts = list(dict.fromkeys(text.lower().replace(",", " ").split()))
    for host in hosts:
        if not _HOST.fullmatch(host):
            told = "is no name of a host. Write index.example.org, without https:// and port."
            raise UserFault(f"“{host[:80]}” {told}", "hosts")
    if len(hosts) > MOST_HOSTS:
        raise UserFault(f"At most {MOST_HOSTS} hosts can be named.", "hosts")
    return hosts


class SecretQuerySet(models.QuerySet):
    def open(self, names):
        """Return {name: Secret} of those that there are, each with its value, and note that they were used."""
        rows = self.filter(name__in=names)
        rows.update(used=timezone.now())
        return {secret.name: secret for secret in rows}


class Secret(models.Model):
    """A name and what stands for it, sealed."""

    workspace = models.ForeignKey("Workspace", models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=LONGEST_NAME)
    sealed = models.TextField()
    hosts = models.JSONField(default=list, blank=True, help_text="the only ones it is sent to; empty means any")
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    changed = models.DateTimeField(default=timezone.now)
    created = models.DateTimeField(default=timezone.now, editable=False)
    used = models.DateTimeField(null=True, help_text="when a build last took it")

    objects = SecretQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="secret_name_once")]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("secrets", args=[self.workspace.name])

    @classmethod
    def set(cls, workspace, name, value, hosts, by):
        """Keep a value under a name, whatever was there. Return (secret, whether it is new). Raise UserFault."""
        value = value.strip("\r\n")  # what a terminal copies along
        check_name(name)
        check_value(value)
        now = timezone.now()
        fields = {"sealed": sealing.seal(value), "hosts": hosts, "changed_by": by, "changed": now}
        with transaction.atomic():
            before = cls.objects.filter(workspace=workspace, name=name).values("hosts").first()
            # Another value was never used.
            secret, is_new = cls.objects.update_or_create(
                workspace=workspace, name=name, defaults=fields | {"used": None}
            )
            verb = Verb.SET if is_new else Verb.REPLACED
            record(verb, secret, workspace, before, {"hosts": hosts}, by=by)
            return secret, is_new

    def delete(self, *args, **kwargs):
        with transaction.atomic():
            record(Verb.DELETED, self, self.workspace, {"hosts": self.hosts})
            return super().delete(*args, **kwargs)

    @property
    def value(self):
        """Raise UserFault where the key is gone that it was sealed with."""
        try:
            return sealing.unseal(self.sealed)
        except sealing.Unreadable:
            told = "was sealed with a key that this portal does not have any more, so it cannot be read"
            raise UserFault(f"The secret {self.name} {told}. Set it again.", "value") from None

    def may_go_to(self, host):
        return not self.hosts or host.lower() in self.hosts

    def reseal(self):
        """Seal it with the newest key."""
        sealed = sealing.seal(self.value)
        with transaction.atomic():
            # Unless somebody set another one meanwhile.
            if Secret.objects.filter(pk=self.pk, sealed=self.sealed).update(sealed=sealed):
                record(Verb.RESEALED, self, self.workspace)
