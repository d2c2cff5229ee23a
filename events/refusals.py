"""What was refused. Whoever asks again and again gets some events of their own; the rest of a minute is one more."""

import ipaddress
import logging

from django.conf import settings
from django.db import Error, transaction

from .actor import Actor, Kind, address_of, current
from .models import Verb
from .record import record
from .tally import Tally

log = logging.getLogger(__name__)
MINUTE = 60
SINGLE = 5  # of one person or address, in a minute and for a verb, that are told one by one


def note(request, answer):
    """Record an answer that refuses something. One that cannot be recorded is no reason to answer otherwise.

    What somebody does not see is recorded whether or not it is there: looking would take time, by which they could tell.
    """
    after = {"method": request.method}
    if answer.status_code == 403:
        verb = Verb.DENIED
    elif answer.status_code == 404 and getattr(request, "is_not_seen", False):
        verb, after = Verb.DENIED, after | {"found": False}
    elif answer.status_code == 401 and "Authorization" in request.headers:
        verb = Verb.TOKEN_REFUSED
    else:
        return
    try:
        with transaction.atomic():
            count, _ = Tally.objects.add(verb, _who(request), MINUTE)
            if count <= SINGLE:
                record(verb, _path(request), getattr(request, "denied_in", None), after=after)
    except Error:
        log.exception("a refused request is not among the events: %s", request.path)


def _path(request):
    """Where somebody was refused. A part of an address that opens something has one of these names, and is left out."""
    kwargs = request.resolver_match.kwargs if request.resolver_match else {}
    path = request.path
    for secret in filter(None, (kwargs.get("secret"), kwargs.get("token"))):
        path = path.replace(secret, "…")
    return path


def _who(request):
    """The person; or the address, where nobody is signed in. A network of IPv6 that one host has is one address."""
    actor = current()
    if actor.kind == Kind.PERSON:
        return f"person {actor.name}"
    address = address_of(request.META, settings.PROXIES)
    if ":" in address:
        address = str(ipaddress.ip_network(f"{address}/64", strict=False))
    return f"address {address}"


@transaction.atomic
def tell():
    """Record of each minute that is over what was not told one by one. Return how many events that made."""
    over = Tally.objects.filter(what__in=[Verb.DENIED, Verb.TOKEN_REFUSED]).over(MINUTE).select_for_update()
    told = 0
    for tally in over:
        if tally.count > SINGLE:
            _tell_one(tally)
            told += 1
    Tally.objects.filter(pk__in=[tally.pk for tally in over]).delete()
    return told


def _tell_one(tally):
    kind, _, who = tally.who.partition(" ")
    is_person = kind == "person"
    actor = Actor(Kind.PERSON, who) if is_person else Actor(Kind.NOBODY, address=who.partition("/")[0])
    after = {"times": tally.count - SINGLE, "minute": tally.start.isoformat(timespec="minutes")}
    record(tally.what, "more of the same", after=after, actor=actor)
