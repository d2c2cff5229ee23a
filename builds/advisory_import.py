"""Brings the advisories of an export into the database, and holds them against every release that locks have.

Safe to run twice and at any time: what is equal is left alone, and pages go on with what was known before.
"""

import hashlib
import logging
from datetime import timedelta
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from environments.addresses import redact
from events.models import Verb
from events.record import record

from . import advisory_file, telling
from .advisory_models import Advisory, AdvisoryImport, AdvisoryMatch, AdvisoryName, Affected, keep_apart
from .lock_models import LockedPackage
from .osv import OsvFault
from .pypi_names import CHANNELS

log = logging.getLogger(__name__)

AT_ONCE = 500
DAILY = timedelta(hours=23)
MOST_TOLD = 50
FIELDS = ("aliases", "summary", "severity", "score", "vector", "url", "modified", "digest")


def is_due():
    """Whether a day has gone since the last try. Where nothing is to be imported, never."""
    last = AdvisoryImport.objects.first()
    return bool(settings.ADVISORIES) and (last is None or last.at < timezone.now() - DAILY)


def run(source):
    """Import a path or an address, and return the AdvisoryImport, which says how it ended."""
    done = AdvisoryImport(source=redact(source)[:500])
    try:
        with advisory_file.opened(source) as file:
            done.is_whole = advisory_file.is_whole(file)
            _take(file, done)
    except advisory_file.FileFault as fault:
        done.fault = fault.message
        log.warning("no advisories were imported from %s: %s", done.source, fault.message)
        with transaction.atomic():
            _say(done)
    return done


def _say(done):
    """Save how it ended, with its event."""
    done.save(force_insert=True)
    facts = {name: getattr(done, name) for name in ("advisories", "changed", "removed", "unread", "fault")}
    record(Verb.IMPORTED, done, after=facts, name=done.source)


def _take(file, done):
    kept, gone = set(), set()
    for batch in _batches(advisory_file.entries(file)):
        good = {}
        for name, entry in batch:
            if isinstance(entry, OsvFault):
                _tell(done, name, entry)
                kept.add(name)  # what was known of it stays
            elif entry.is_withdrawn or not entry.affected:
                gone.add(entry.id)
            else:
                good[entry.id] = entry
        kept |= good.keys()
        done.advisories += len(good)
        done.changed += _save(good)
    if not done.advisories and not gone:
        raise advisory_file.FileFault(_nothing(done))
    _settle(done, kept, gone)


def _batches(rows):
    rows = iter(rows)
    while batch := list(islice(rows, AT_ONCE)):
        yield batch


def _tell(done, name, fault):
    done.unread += 1
    if len(done.told) < MOST_TOLD:
        done.told.append([name, str(fault)])
    log.warning("advisory %s was not read: %s", name, fault)


def _nothing(done):
    why = f" The first of {done.unread:,}: {done.told[0][0]}: {done.told[0][1]}" if done.told else ""
    return f"It holds no advisory of PyPI that can be read.{why}"


def _save(entries):
    """Save those that are new or say something else. Return how many."""
    digests = dict(Advisory.objects.filter(osv_id__in=entries).values_list("osv_id", "digest"))
    rows = [row for row in map(_row, entries.values()) if digests.get(row.osv_id) != row.digest]
    if not rows:
        return 0
    with transaction.atomic():
        Advisory.objects.bulk_create(rows, update_conflicts=True, unique_fields=["osv_id"], update_fields=FIELDS)
        saved = dict(Advisory.objects.filter(osv_id__in=[row.osv_id for row in rows]).values_list("osv_id", "pk"))
        Affected.objects.filter(advisory__in=saved.values()).delete()
        AdvisoryName.objects.filter(advisory__in=saved.values()).delete()
        Affected.objects.bulk_create(_affected(entries, saved), batch_size=AT_ONCE, ignore_conflicts=True)
        AdvisoryName.objects.bulk_create(_names(entries, saved), batch_size=AT_ONCE, ignore_conflicts=True)
    return len(rows)


def _row(entry):
    said = {name: getattr(entry, name) for name in FIELDS if name not in ("digest", "aliases")}
    content = repr((entry.id, entry.aliases, said, [(a.name, sorted(a.versions), a.ranges) for a in entry.affected]))
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Advisory(osv_id=entry.id, aliases=list(entry.aliases), digest=digest, **said)


def _affected(entries, saved):
    return [
        Affected(advisory_id=pk, name=each.name, versions=sorted(each.versions), ranges=each.ranges)
        for osv_id, pk in saved.items()
        for each in entries[osv_id].affected
    ]


def _names(entries, saved):
    return [
        AdvisoryName(advisory_id=pk, name=name)
        for osv_id, pk in saved.items()
        for name in dict.fromkeys((osv_id, *entries[osv_id].aliases))
    ]


def _settle(done, kept, gone):
    """Remove what is gone, match every release, and say so, all at once."""
    with transaction.atomic():
        keep_apart(is_import=True)
        known = set(Advisory.objects.values_list("osv_id", flat=True))
        gone = (gone | (known - kept) if done.is_whole else gone) & known
        for some in _batches(sorted(gone)):
            Advisory.objects.filter(osv_id__in=some).delete()
        done.removed = len(gone)
        new = match_all()
        _say(done)
        telling.advisories_came(new, done.pk)


def match_all():
    """Make the matches those that there should be. Only what differs is written. Return those of no earlier import."""
    should = {(row.advisory_id, row.release): row for row in AdvisoryMatch.objects.of_packages(releases())}
    there = {(row.advisory_id, row.release): row for row in AdvisoryMatch.objects.iterator(chunk_size=5000)}
    stale = [row.pk for key, row in there.items() if key not in should or row.fixed != should[key].fixed]
    for some in _batches(stale):
        AdvisoryMatch.objects.filter(pk__in=some).delete()
    new = [row for key, row in should.items() if key not in there or there[key].fixed != row.fixed]
    AdvisoryMatch.objects.bulk_create(new, batch_size=AT_ONCE, ignore_conflicts=True)
    return [row for row in new if (row.advisory_id, row.release) not in there]


def releases():
    """One LockedPackage, not saved, for every release that stands in a lock and may be meant by an advisory."""
    there = LockedPackage.objects.of_pypi().order_by().values_list("manager", "name", "version").distinct()
    for manager, name, version in there.iterator(chunk_size=5000):
        yield LockedPackage(manager=manager, name=name, version=version, channel=CHANNELS[0])
