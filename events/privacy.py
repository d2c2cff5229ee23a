"""Personal data of old events: after so many days names become pseudonyms, and addresses and tokens go."""

import re
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .actor import Kind
from .models import Event


def pseudonym(name):
    """The same for the same person as long as SECRET_KEY is the same; nobody without it finds the name by trying."""
    return f"person-{salted_hmac('events.privacy', name, algorithm='sha256').hexdigest()[:12]}" if name else ""


def is_dropped(event):
    """Whether its personal part says nothing of a person any more."""
    names = [event.about] if event.actor_kind == Kind.PORTAL else [event.person, event.about]
    return not (event.token or event.address) and all(re.fullmatch("(person-[0-9a-f]{12})?", name) for name in names)


def forget():
    """Drop the personal part of sealed events that are older than the policy allows. Return of how many."""
    if not settings.EVENTS_PERSONAL_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.EVENTS_PERSONAL_DAYS)
    # Workers and commands are no persons, and keep their names.
    old = Event.objects.sealed().filter(created__lt=before).exclude(salt="")
    count = 0
    for kind, person, about in list(old.order_by().values_list("actor_kind", "person", "about").distinct()):
        names = {"person": person if kind == Kind.PORTAL else pseudonym(person), "about": pseudonym(about)}
        rows = old.filter(actor_kind=kind, person=person, about=about)
        count += rows.update(**names, token="", address="", salt="")
    return count
