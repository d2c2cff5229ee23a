"""How many requests the API takes in a minute: of one address, before it is known who asks, and of one person.

Where the broker is Redis, all web processes count there together. Elsewhere each counts in its own memory, as all do
while Redis does not answer: this protects the portal, and must not bring it down. Attempts to sign in are counted in
the database, exactly.
"""

import logging
import threading
import time
from collections import Counter

import redis
from django.conf import settings
from django.http import JsonResponse
from rest_framework.throttling import BaseThrottle

from events.actor import address_of

log = logging.getLogger(__name__)
MINUTE = 60
PATIENCE = 0.2  # seconds that Redis may take
PAUSE = 10  # seconds for which it is not asked again when it did not answer


class Counts:
    """How often each key came in this minute, to this process."""

    def __init__(self):
        self._lock = threading.Lock()
        self._minute, self._counts = 0, Counter()

    def add(self, key):
        """Count one more. Return how many that makes."""
        minute = time.time() // MINUTE
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, Counter()
            self._counts[key] += 1
            return self._counts[key]


class SharedCounts:
    """The same over all processes that have this Redis."""

    def __init__(self, url):
        self._redis = redis.Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        self._own, self._silent_until = Counts(), 0

    def add(self, key):
        if time.monotonic() < self._silent_until:
            return self._own.add(key)
        try:
            return self._add(key)
        except redis.RedisError:
            log.warning("Redis does not answer: each web process counts requests by itself for a while")
            self._silent_until = time.monotonic() + PAUSE
            return self._own.add(key)

    def _add(self, key):
        name = ":".join(["envportal", "requests", str(int(time.time() // MINUTE)), *map(str, key)])
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.incr(name)
        pipeline.expire(name, 2 * MINUTE)
        return pipeline.execute()[0]


def counts_for(broker_url):
    return SharedCounts(broker_url) if broker_url.startswith(("redis://", "rediss://")) else Counts()


counts = counts_for(settings.CELERY_BROKER_URL)


def seconds_left():
    return MINUTE - time.time() % MINUTE


class ByPerson(BaseThrottle):
    def allow_request(self, request, view):
        most = settings.REQUESTS_PER_PERSON
        return not most or request.user.pk is None or counts.add(("person", request.user.pk)) <= most

    def wait(self):
        return seconds_left()


class ByAddress:
    """Middleware in front of everything that asks the database."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        most = settings.REQUESTS_PER_ADDRESS
        if most and request.path.startswith("/api/"):
            key = ("address", address_of(request.META, settings.PROXIES))
            if counts.add(key) > most:
                return self.refuse()
        return self.get_response(request)

    def refuse(self):
        wait = int(seconds_left()) + 1
        told = f"Too many requests from this address: {settings.REQUESTS_PER_ADDRESS:,} a minute are answered."
        return JsonResponse({"detail": told}, status=429, headers={"Retry-After": str(wait)})
