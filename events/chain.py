"""The chain: each sealed event has a position without gaps, and a hash over its content and the hash before.

What it proves: an event that was sealed has not been changed, removed, added or moved since, unless everything after
it was written anew as well. The hash of the last one, kept where nobody of this machine can write (the log shipper
gets it with every seal), rules that out, too. Events wait unsealed for a few seconds.
"""

from dataclasses import dataclass

from django.db import connection, transaction

from . import privacy, shipping
from .models import Event

AT_ONCE = 500  # rows of a transaction
LOCK = 0x65766E74  # of PostgreSQL, held until a transaction ends
START = ""


@dataclass(frozen=True)
class Head:
    """The last sealed event."""

    position: int = 0
    digest: str = START


def head():
    last = Event.objects.sealed().reverse().values_list("position", "digest").first()
    return Head(*last) if last else Head()


def seal():
    """Seal what is not sealed yet, in the order in which it is found. Return how many. One process does at a time.

    A transaction that took its number early and ends late is found the next time: positions are those of the chain.
    """
    count = 0
    while found := _seal_some():
        count += found
        if found < AT_ONCE:
            break
    return count


def _seal_some():
    if not Event.objects.unsealed().exists():
        return 0
    with transaction.atomic():
        if not _is_ours():
            return 0
        last = head()
        events = list(Event.objects.unsealed()[:AT_ONCE])
        for event in events:
            event.position = last.position + 1
            event.digest = event.digest_after(last.digest)
            last = Head(event.position, event.digest)
            Event.objects.filter(pk=event.pk).update(position=event.position, digest=event.digest)
        transaction.on_commit(lambda: shipping.send({"sealed": last.position, "digest": last.digest}), robust=True)
    return len(events)


def _is_ours():
    """Whether nobody else seals just now. On SQLite a transaction is alone from its BEGIN."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return cursor.fetchone()[0]


def faults(known=None):
    """Yield a sentence for each place where the chain is broken. `known` is a Head that somebody kept elsewhere."""
    last = Head()
    for event in Event.objects.sealed().iterator(chunk_size=2000):
        if event.position != last.position + 1:
            yield f"Events {last.position + 1} to {event.position - 1} of the chain are missing."
        elif event.digest != event.digest_after(last.digest):
            yield f"Event {event.position} of {event.created:%Y-%m-%d %H:%M:%S} is not as it was sealed."
        if event.personal != event.personal_hash if event.salt else not privacy.is_dropped(event):
            yield f"The person or the address of event {event.position} is not as it was written."
        last = Head(event.position, event.digest)
        if known and known.position == last.position and known.digest != last.digest:
            yield f"Event {known.position} has another hash than the one that was kept: the chain was written anew."
    if known and known.position > last.position:
        yield f"The chain ends at {last.position}, and once went on to {known.position}: events at its end are missing."
