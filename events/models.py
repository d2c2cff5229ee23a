"""Events: who did what to which object, when. Written in the transaction of the act, and never changed.

No event is locked or counted when it is written, so acts never wait for each other. A moment later `chain.py` seals
them: it gives each its position and a hash over its content and the hash before. The database lets a row be changed
in two ways alone (`guard.py`): it is sealed once, and its personal part is dropped.
"""

import hashlib
import json
import secrets
from datetime import UTC, datetime, time

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .actor import Kind


class Verb(models.TextChoices):
    """What can be done. A verb stays in old events, so none is ever given another meaning."""

    SIGNED_IN = "signed-in", "Signed in"
    SIGN_IN_FAILED = "sign-in-failed", "Failed to sign in"
    SIGNED_OUT = "signed-out", "Signed out"
    TOKEN_REFUSED = "token-refused", "Sent a token that opens nothing"
    DENIED = "denied", "Was denied"
    MADE = "made", "Made"
    CHANGED = "changed", "Changed"
    DELETED = "deleted", "Deleted"
    REGISTERED = "registered", "Registered"
    UPLOADED = "uploaded", "Uploaded"
    DOWNLOADED = "downloaded", "Downloaded"
    SET = "set", "Set"
    REPLACED = "replaced", "Replaced"
    RESEALED = "resealed", "Sealed with the newest key"
    KEPT = "kept", "Kept"
    REQUESTED = "requested", "Asked for"
    REBUILT = "rebuilt", "Asked to build anew"
    CANCELLED = "cancelled", "Cancelled"
    ENDED = "ended", "Ended"
    FREED = "freed", "Freed the files of"
    ORDERED = "ordered", "Ordered the archive of"
    CLEANED = "cleaned", "Cleaned"
    RECORDED = "recorded", "Recorded"
    IGNORED = "ignored", "Ignored"
    NOT_IGNORED = "not-ignored", "No longer ignored"
    EXPORTED = "exported", "Exported"
    IMPORTED = "imported", "Imported"
    ACCEPTED = "accepted", "Accepted"
    ANNOUNCED = "announced", "Announced the end of"
    ARCHIVED = "archived", "Archived"
    RESTORED = "restored", "Restored"


def sha256_of(*values):
    text = json.dumps(values, sort_keys=True, ensure_ascii=True, cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def in_words(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(in_words, value)) or "none"
    return "" if value is None else str(value)


class EventQuerySet(models.QuerySet):
    def of_workspaces(self, ids):
        return self.filter(workspace_id__in=ids)

    def between(self, since, until):
        """Those of these days; None leaves a side open."""
        zone = timezone.get_current_timezone()
        if since:
            self = self.filter(created__gte=datetime.combine(since, time.min, tzinfo=zone))
        return self.filter(created__lte=datetime.combine(until, time.max, tzinfo=zone)) if until else self

    def unsealed(self):
        return self.filter(position=None).order_by("pk")

    def sealed(self):
        return self.exclude(position=None).order_by("position")


class Event(models.Model):
    """One act. Names are copied, because what they name may go."""

    created = models.DateTimeField(default=timezone.now)
    verb = models.CharField(max_length=20, choices=Verb)
    kind = models.CharField(max_length=30, blank=True, help_text="what the object is")
    object_id = models.CharField(max_length=64, blank=True)
    object = models.CharField(max_length=255, blank=True, help_text="its name")
    workspace_id = models.BigIntegerField(null=True)
    workspace = models.CharField(max_length=63, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    actor_kind = models.CharField(max_length=6)

    # The personal part. Its hash is among the content, with a salt, so that names cannot be found by trying them.
    person = models.CharField(max_length=150, blank=True, help_text="who acted")
    about = models.CharField(max_length=150, blank=True, help_text="the person whom the act is about")
    token = models.CharField(max_length=130, blank=True)
    address = models.CharField(max_length=45, blank=True)
    salt = models.CharField(max_length=32, blank=True, help_text="empty once the personal part is dropped")
    personal = models.CharField(max_length=64, help_text="hash of the personal part")

    position = models.BigIntegerField(null=True, unique=True, help_text="in the chain; empty until it is sealed")
    digest = models.CharField(max_length=64, blank=True)

    objects = EventQuerySet.as_manager()

    FIXED = (
        "id", "created", "verb", "kind", "object_id", "object", "workspace_id", "workspace", "before", "after",
        "actor_kind", "personal",
    )  # fmt: skip
    PERSONAL = ("person", "about", "token", "address", "salt")

    class Meta:
        indexes = [
            models.Index(fields=["-created", "-id"], name="event_by_age"),
            models.Index(fields=["workspace_id", "-created", "-id"], name="event_of_workspace"),
            models.Index(fields=["person", "-created", "-id"], name="event_of_person"),
            models.Index(fields=["verb", "-created", "-id"], name="event_of_verb"),
            # What waits to be sealed is little among all that ever was.
            models.Index(fields=["id"], condition=Q(position=None), name="event_unsealed"),
        ]

    def __str__(self):
        return f"{self.person} {self.get_verb_display().lower()} {self.kind} {self.object}".strip()

    def hide(self):
        """Give the personal part its salt and its hash."""
        self.salt = secrets.token_hex(16)
        self.personal = self.personal_hash

    @property
    def personal_hash(self):
        return sha256_of(self.salt, self.person, self.about, self.token, self.address)

    def digest_after(self, previous):
        """The hash of this event at its position, with `previous` before it."""
        # The moment in UTC, whatever zone the database answers in.
        moment = self.created.astimezone(UTC)
        content = [getattr(self, name) for name in self.FIXED if name != "created"]
        return sha256_of(previous, self.position, moment.isoformat(timespec="microseconds"), *content)

    @property
    def is_of_person(self):
        return self.actor_kind == Kind.PERSON

    @property
    def subject(self):
        """What it was done to, in words: `environment science`, `member olga`."""
        return " ".join(word for word in (self.kind, self.object or self.about) if word)

    @property
    def changes(self):
        """[(field, before, after)] of what differs."""
        before, after = self.before or {}, self.after or {}
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        return [(name, before.get(name), after.get(name)) for name in names]

    @property
    def changes_in_words(self):
        """The same as a page shows it; what there was not is empty."""
        return [(name.replace("_", " ").removeprefix("is "), *map(in_words, values)) for name, *values in self.changes]

    def as_dict(self):
        """The event as the API, files and log shippers have it."""
        return {name: getattr(self, name) for name in COLUMNS}


COLUMNS = [
    "id", "created", "actor_kind", "person", "token", "address", "verb", "kind", "object_id", "object", "about",
    "workspace", "before", "after", "position", "digest",
]  # fmt: skip

from .tally import Tally  # noqa: E402, F401, one of ours
