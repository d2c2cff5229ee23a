"""Sessions in the database, each with whose it is, from where it came, and when it was last seen.

Django's own pattern for a store with more columns. They are read with the session itself, so that a request costs
no query more; that somebody was there is written at most once a minute.
"""

import secrets
from datetime import timedelta

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models, transaction
from django.utils import timezone

from events import actor
from events.models import Verb
from events.record import record

NOTE_EVERY = timedelta(minutes=1)
LONGEST_AGENT = 300


def new_handle():
    return secrets.token_hex(8)


class SessionQuerySet(models.QuerySet):
    def of(self, user):
        """Those with which a person is signed in, the one that was seen last first."""
        return self.filter(user=user, expire_date__gt=timezone.now()).order_by("-last_seen", "pk")

    def end(self, user):
        """End all of these, which are of one person. Return how many there were."""
        with transaction.atomic():
            count, _ = self.delete()
            if count:
                record(Verb.ENDED, "sessions", after={"sessions": count}, by=user, about=user.get_username())
        return count

    def forget_addresses(self, before):
        """Drop where those came from that are older."""
        return self.filter(created__lt=before).exclude(address="").update(address="")


class Session(AbstractBaseSession):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="sessions")
    # What it is called where somebody ends it: its key opens it, so nobody is told that.
    handle = models.CharField(max_length=16, unique=True, default=new_handle)
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=LONGEST_AGENT, blank=True)
    created = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)

    objects = BaseSessionManager.from_queryset(SessionQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["user", "-last_seen"], name="session_of_person")]

    def __str__(self):
        return f"session of {self.user}"

    @classmethod
    def get_session_store_class(cls):
        return SessionStore

    def end(self):
        with transaction.atomic():
            record(Verb.ENDED, self, by=self.user, about=self.user.get_username())
            self.delete()

    def note_presence(self):
        now = timezone.now()
        if self.last_seen < now - NOTE_EVERY:
            Session.objects.filter(pk=self.pk).update(last_seen=now)
            self.last_seen = now

    @property
    def device(self):
        """Browser and system in words, from what the browser says of itself."""
        browser = next((name for mark, name in BROWSERS if mark in self.agent), "")
        system = next((name for mark, name in SYSTEMS if mark in self.agent), "")
        return " on ".join(filter(None, (browser, system))) or self.agent[:60] or "Not known"


# The first that stands in it counts: each names those that it resembles, too.
BROWSERS = (
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
    ("python-requests", "Python"), ("Python-urllib", "Python"), ("curl/", "curl"),
)  # fmt: skip
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


class SessionStore(DatabaseStore):
    row = None

    @classmethod
    def get_model_class(cls):
        return Session

    def _get_session_from_db(self):
        self.row = super()._get_session_from_db()
        if self.row:
            self.row.note_presence()
        return self.row

    def create_model_instance(self, data):
        """The row to be written. What it knows besides the data stays as it was, unless it is a new one."""
        fresh = super().create_model_instance(data)
        fresh.user_id = data.get(SESSION_KEY)
        if self.row and self.row.session_key == fresh.session_key:
            for name in ("handle", "address", "agent", "created", "last_seen"):
                setattr(fresh, name, getattr(self.row, name))
        else:
            fresh.address, fresh.agent = _whence()
        self.row = fresh
        return fresh

    async def _aget_session_from_db(self):
        return await sync_to_async(self._get_session_from_db)()

    async def acreate_model_instance(self, data):
        return await sync_to_async(self.create_model_instance)(data)


def _whence():
    """Address and browser of the request of this moment."""
    request = actor.request_of_this_moment()
    if request is None:
        return "", ""
    agent = request.headers.get("User-Agent", "").replace("\0", "").encode("utf-8", "replace").decode()
    return actor.address_of(request.META, settings.PROXIES), agent[:LONGEST_AGENT]
