"""Telling people: what each person is told in the portal and by mail, and what a workspace tells other systems.

Whoever does what is worth telling writes rows, in the transaction of the act (`notices.tell`). What goes out is sent
later, from these rows (`outbox.py`), so that nothing is lost with a broker and nothing is told that did not happen.
"""

import uuid

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from events.models import Verb
from events.record import record

from . import hook_words, sealing
from .faults import UserFault
from .people_models import Workspace

MOST_HOOKS = 10
MOST_COUNTED = 99  # unread notices
AT_ONCE = 500  # rows, people or workspaces in one query


class Kind(models.TextChoices):
    """What one can be told of."""

    BUILD_FAILED = "build-failed", "A build that I asked for failed"
    BUILD_SUCCEEDED = "build-succeeded", "A build that I asked for succeeded"
    ADVISORY = "advisory", "An advisory concerns packages of my workspaces"
    CURATED = "curated", "A curated environment that my workspaces use ends"


HOOK_WORDS = {
    Kind.BUILD_FAILED: "A build failed",
    Kind.BUILD_SUCCEEDED: "A build succeeded",
    Kind.ADVISORY: "An advisory concerns packages",
    Kind.CURATED: "A curated environment in use ends",
}
TEST = "test"


class Channel(models.TextChoices):
    PORTAL = "portal", "In the portal"
    MAIL = "mail", "By e-mail"


# Where somebody said nothing. In the portal everything is told.
BY_MAIL = {Kind.BUILD_FAILED, Kind.ADVISORY, Kind.CURATED}


def batched(rows):
    return (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))


def is_default(kind, channel):
    return channel == Channel.PORTAL or kind in BY_MAIL


class ChoiceManager(models.Manager):
    def of(self, user):
        """{(kind, channel): whether they want it}, for every kind and channel."""
        said = {(row.kind, row.channel): row.is_wanted for row in self.filter(user=user)}
        every = [(kind, channel) for kind in Kind.values for channel in Channel.values]
        return {each: said.get(each, is_default(*each)) for each in every}

    def wanted(self, users, kind):
        """{channel: ids of those among `users`, which are ids, who want to be told of this kind through it}."""
        rows = (row for some in batched(users) for row in self.filter(user__in=some, kind=kind))
        said = {(row.user_id, row.channel): row.is_wanted for row in rows}
        return {
            channel: {pk for pk in users if said.get((pk, channel), is_default(kind, channel))}
            for channel in Channel.values
        }

    def save_for(self, user, wanted):
        """Keep what somebody chose, {(kind, channel): whether}. What is not among it stays."""
        with transaction.atomic():
            before = self.of(user)
            changed = {each: value for each, value in wanted.items() if value != before[each]}
            for (kind, channel), value in changed.items():
                self.update_or_create(user=user, kind=kind, channel=channel, defaults={"is_wanted": value})
            if changed:
                was, now = (
                    {f"{kind} {channel}": values[kind, channel] for kind, channel in changed}
                    for values in (before, wanted)
                )
                record(Verb.CHANGED, "choice of notices", None, was, now, by=user, about=user.get_username())


class Choice(models.Model):
    """That somebody wants to be told of a kind through a channel, or not, where that is another than the default."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notice_choices")
    kind = models.CharField(max_length=20, choices=Kind)
    channel = models.CharField(max_length=10, choices=Channel)
    is_wanted = models.BooleanField()

    objects = ChoiceManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind", "channel"], name="choice_once")]

    def __str__(self):
        return f"{self.user}: {self.kind} {self.channel}"


class NoticeQuerySet(models.QuerySet):
    def unread(self):
        return self.filter(read=None)

    def count_unread(self):
        """How many, up to one more than are shown as a number."""
        return len(self.unread().order_by().values_list("pk", flat=True)[: MOST_COUNTED + 1])

    def mark_read(self):
        return self.unread().update(read=timezone.now())


class Notice(models.Model):
    """What one person was told in the portal."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    workspace = models.ForeignKey(Workspace, models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(max_length=255)
    text = models.TextField(blank=True)
    link = models.CharField(max_length=500, help_text="path of the page that it is about")
    once_key = models.CharField(max_length=120)
    created = models.DateTimeField(default=timezone.now)
    read = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "once_key"], name="notice_once")]
        indexes = [
            models.Index(fields=["user", "-created", "-id"], name="notice_by_age"),
            models.Index(fields=["user"], condition=Q(read=None), name="notice_unread"),
        ]

    def __str__(self):
        return self.subject


class HookQuerySet(models.QuerySet):
    def wanting(self, workspaces, kind):
        """{id of the workspace: its webhooks that are told of this kind} of these ids."""
        found = {}
        for some in batched(sorted(workspaces)):
            for hook in self.filter(workspace__in=some, is_on=True).order_by("pk"):
                if kind in hook.kinds:
                    found.setdefault(hook.workspace_id, []).append(hook)
        return found


class Hook(models.Model):
    """An address of another system that a workspace tells of what happens. Owners set it."""

    FIELDS = ("address", "kinds", "is_on")

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="hooks")
    address = models.CharField(max_length=500)
    kinds = models.JSONField(default=list)
    sealed = models.TextField(help_text="the secret that signs")
    is_on = models.BooleanField(default=True)
    created = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = HookQuerySet.as_manager()

    class Meta:
        verbose_name = "webhook"

    def __str__(self):
        return hook_words.shown(self.address)

    def get_absolute_url(self):
        return reverse("hook", args=[self.workspace.name, self.pk])

    @classmethod
    def make(cls, workspace, address, kinds, by):
        """Return (hook, its secret, which is not shown again). Raise UserFault."""
        hook_words.check(address)
        secret = hook_words.new_secret()
        with transaction.atomic():
            workspace.lock_people()
            if workspace.hooks.count() >= MOST_HOOKS:
                raise UserFault(f"{workspace} has {MOST_HOOKS} webhooks. Delete one first.", "address")
            hook = cls(workspace=workspace, address=address, kinds=sorted(kinds), created_by=by)
            hook.sealed = sealing.seal(secret)
            hook.save()
            record(Verb.MADE, hook, workspace, after=hook._told, by=by)
        return hook, secret

    def change(self, by, **fields):
        """Change address, kinds or whether it is on. Raise UserFault."""
        hook_words.check(fields.get("address", self.address))
        with transaction.atomic():
            before = self._told
            for name, value in fields.items():
                setattr(self, name, sorted(value) if name == "kinds" else value)
            if self._told != before:
                self.save(update_fields=self.FIELDS)
                record(Verb.CHANGED, self, self.workspace, before, self._told, by=by)

    def renew_secret(self, by):
        """Return a new secret, which signs from now on."""
        secret = hook_words.new_secret()
        with transaction.atomic():
            self.sealed = sealing.seal(secret)
            self.save(update_fields=["sealed"])
            record(Verb.REPLACED, self, self.workspace, by=by, name=f"secret of {self}")
        return secret

    def reseal(self):
        """Seal its secret with the newest key. Raise UserFault where no key opens it."""
        try:
            self.sealed = sealing.seal(sealing.unseal(self.sealed))
        except sealing.Unreadable:
            raise UserFault(f"No key opens the secret of {self}.") from None
        self.save(update_fields=["sealed"])

    def remove(self, by):
        with transaction.atomic():
            record(Verb.DELETED, self, self.workspace, self._told, by=by)
            self.delete()

    @property
    def _told(self):
        return {"address": hook_words.shown(self.address), "kinds": list(self.kinds), "is_on": self.is_on}

    @property
    def kind_words(self):
        return [HOOK_WORDS[kind] for kind in Kind if kind in self.kinds]


class State(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    GIVEN_UP = "given-up", "Given up"
    UNKNOWN = "unknown", "Perhaps sent"


class DeliveryQuerySet(models.QuerySet):
    def due(self):
        return self.filter(state=State.WAITING, next_at__lte=timezone.now()).order_by("next_at", "pk")


class Delivery(models.Model):
    """One mail, or one call of a webhook: what it says, and how far it is. Its id stays through every try."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="mails")
    hook = models.ForeignKey(Hook, models.CASCADE, null=True, related_name="deliveries")
    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=255)
    text = models.TextField(blank=True)
    link = models.CharField(max_length=500)
    data = models.JSONField(default=dict, help_text="what a webhook says beside that")
    once_key = models.CharField(max_length=120)
    created = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    claimed = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True, help_text="of the last try")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["user", "once_key"], condition=Q(user__isnull=False), name="mail_once"),
            models.UniqueConstraint(fields=["hook", "once_key"], condition=Q(hook__isnull=False), name="call_once"),
            models.CheckConstraint(
                condition=Q(user__isnull=False, hook=None) | Q(user=None, hook__isnull=False), name="sent_to_one"
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state=State.WAITING), name="delivery_due"),
            models.Index(fields=["claimed"], condition=Q(state=State.SENDING), name="delivery_under_way"),
            models.Index(fields=["hook", "-created", "-id"], name="delivery_of_hook"),
            models.Index(fields=["user", "-created", "-id"], name="delivery_of_user"),
        ]

    def __str__(self):
        return self.subject

    @property
    def shown_status(self):
        """The state by the name of its icon."""
        return {
            State.WAITING: "queued", State.SENDING: "running", State.SENT: "succeeded", State.GIVEN_UP: "failed",
            State.UNKNOWN: "deprecated",
        }[self.state]  # fmt: skip

    def send_again(self, by):
        """Send what has ended once more, under the same id. Return whether it had ended."""
        with transaction.atomic():
            ended = Delivery.objects.filter(pk=self.pk, state__in=(State.SENT, State.GIVEN_UP, State.UNKNOWN))
            is_again = ended.update(state=State.WAITING, tries=0, next_at=timezone.now(), ended=None) == 1
            if is_again:
                record(Verb.REQUESTED, self, self.hook.workspace, by=by, name=f"{self} again, by {self.hook}")
        return is_again
