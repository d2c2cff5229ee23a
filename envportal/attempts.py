"""Attempts to sign in. Each is counted before the password is looked at, so that many at once gain nothing."""

import math

from django.conf import settings

from events.actor import address_of
from events.models import Tally, Verb
from events.record import record
from events.tally import hidden

MINUTES, HOUR = 300, 3600  # seconds
WHAT = "sign-in"


class Attempts:
    """Those for a name from an address."""

    def __init__(self, request, name):
        self.name = name
        address, most = address_of(request.META, settings.PROXIES), settings.SIGN_IN_ATTEMPTS
        # Whoever tries many names from one place; one name; one name from many places.
        self.limits = [
            (hidden("address", address), MINUTES, most * 10),
            (hidden("both", name, address), MINUTES, most),
            (hidden("name", name), HOUR, most * 20),
        ]

    def begin(self):
        """Count one more. Return after how many seconds it may be tried again; 0 when it may now."""
        for key, seconds, most in self.limits:
            count, left = Tally.objects.add(WHAT, key, seconds)
            wait = math.ceil(left)
            if count == most + 1:  # told once; what follows in this stretch is only refused
                record(Verb.SIGN_IN_FAILED, about=self.name, after={"too_many": True, "seconds": wait})
            if count > most:  # what else would be counted is not: made-up names leave no rows for ever
                return wait
        return 0

    def forget(self):
        """The password was right: it was no attempt of those that are counted."""
        for key, seconds, _ in self.limits:
            Tally.objects.take_back(WHAT, key, seconds)
