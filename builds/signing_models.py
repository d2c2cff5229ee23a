"""The public keys that statements of this portal are signed with, those of earlier days too."""

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from events.models import Verb
from events.record import record

from . import signing, verify


class SigningKeyManager(models.Manager):
    def sign(self, statement):
        """Return a statement as a signed envelope, whose key can be looked up from now on. Raise signing.Unusable."""
        key = signing.current_key()
        self.publish(key)
        return signing.envelope(statement, key)

    def publish(self, key):
        """Keep the public part of a private key. Return its row."""
        keyid = verify.keyid_of(key.public_key())
        with transaction.atomic():  # of two processes one has written it
            return self.get_or_create(keyid=keyid, defaults={"pem": signing.public_pem(key)})[0]

    def begin_new(self):
        """Sign with a new key from now on, on this machine. Return its row. The old one is still trusted."""
        with transaction.atomic():
            signing.make(settings.SIGNING_KEY, replace=True)
            row = self.publish(signing.current_key())
            record(Verb.MADE, row, after={"keyid": row.keyid})
        return row

    def forget(self, keyid):
        """Trust a key no more: what it signed cannot be verified here from now on. Return whether there was one."""
        with transaction.atomic():
            row = self.filter(keyid=keyid).first()
            if row:
                record(Verb.DELETED, row, before={"keyid": keyid})
                row.delete()
        return bool(row)

    def as_pem(self):
        """All of them as one text, the newest first."""
        return "".join(self.values_list("pem", flat=True))


class SigningKey(models.Model):
    keyid = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the key in DER")
    pem = models.TextField()
    created = models.DateTimeField(default=timezone.now)

    objects = SigningKeyManager()

    class Meta:
        verbose_name = "signing key"
        ordering = ["-created", "-pk"]

    def __str__(self):
        return self.keyid[:16]
