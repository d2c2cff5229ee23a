"""How many requests the API takes in a minute: of one address, before it is known who asks, and of one person.

Counted in the memory of each web process, so that it costs nothing: this protects the process. Attempts to sign in are
counted in the database.
"""

import threading
import time
from collections import Counter

from django.conf import settings
from django.http import JsonResponse
from rest_framework.throttling import BaseThrottle

from events.actor import address_of

MINUTE = 60


class Counts:
    """How often each key came in this minute."""

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


counts = Counts()


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
