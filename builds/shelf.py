"""Curated environments: built ahead, one at a time, and resolved anew, so that first use is instant and nothing ages."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from environments.faults import Refused
from environments.models import Curation, Interpreter, Stage, Version
from environments.shelf_loader import portal_person
from events import actor

from . import refresh
from .advisories import Assessment, gone
from .models import Build, Status
from .places import Crowded, Superseded
from .shelf_models import Outlook

log = logging.getLogger(__name__)

ASKER = "the shelf"
PATIENCE_AFTER_FAILURE = timedelta(days=1)  # before a version whose build failed is built ahead again
ORDER = (Stage.CURRENT, Stage.PREVIEW, Stage.DEPRECATED)


def tend():
    """One step of each kind: end what is due, look at one environment, ask for one build. Safe to run twice."""
    with actor.as_portal(ASKER):
        Curation.objects.archive_due()
        if not settings.AHEAD_MB or not Interpreter.objects.exists():
            return  # nothing is to be asked of an index, or no worker has said yet what it can build with
        versions = kept_up()
        look_at_next(versions)
        build_next(versions)


def kept_up():
    """The latest versions of the curated environments that are not archived, those that people choose first in front."""
    latest = Version.objects.filter(
        environment__curation__in=Curation.objects.kept_up(), number=F("environment__latest_number")
    )
    found = latest.select_related("environment__workspace", "environment__curation")
    return sorted(
        found, key=lambda version: (ORDER.index(version.environment.curation.stage), version.environment.name)
    )


def look_at_next(versions):
    """Resolve one of them anew, if it is time for one. Return its Outlook, or None."""
    for version in versions:
        if outlook := Outlook.objects.claim(version):
            look(outlook)
            return outlook
    return None


def look(outlook):
    """Resolve its version anew, under the limits of a preview, and keep what that shows."""
    version = outlook.version
    try:
        found = refresh.look(version, portal_person(), ASKER)
    except (Crowded, Superseded):
        Outlook.objects.filter(pk=outlook.pk).update(failure="Others were resolving all the time.")
        return
    answer = found.answer
    facts = {"failure": answer.failure.reason if answer.failure else "", "lock": found.lock, "kept": found.kept}
    facts |= {"size": answer.size, "moved": len(found.changes), "words": found.words if found.changes else ""}
    for name, value in (facts | _advisories(found, version.workspace)).items():
        setattr(outlook, name, value)
    outlook.save()


def _advisories(found, workspace):
    """What advisories say of both locks."""
    old = Assessment(found.kept.values() if found.kept else (), workspace)
    new = Assessment(found.answer.packages if found.lock else (), workspace, old.last_import)
    is_compared = found.kept and found.lock
    return {
        "is_assessed": bool(old.last_import),
        "known": _in_words(old.open),
        "fixed": _in_words(each for each in gone(old, new) if not each.ignored) if is_compared else [],
        "introduced": _in_words(each for each in gone(new, old) if not each.ignored) if is_compared else [],
    }


def _in_words(findings):
    return [f"{finding.advisory.osv_id} in {finding.package.name} {finding.package.version}" for finding in findings]


def build_next(versions):
    """Ask for the build of the first that has none, unless one is under way already. Return it, or None."""
    person = portal_person()
    mine = Build.objects.filter(asked_by=person)
    if mine.unfinished().exists():
        return None
    failed = mine.filter(status__in=(Status.FAILED, Status.CANCELLED))
    lately = set(failed.filter(finished__gt=timezone.now() - PATIENCE_AFTER_FAILURE).values_list("version", flat=True))
    small = dict(Outlook.objects.filter(failure="").values_list("version", "size"))
    for version in versions:
        is_small = 0 < small.get(version.pk, 0) <= settings.AHEAD_MB * 1_000_000
        if is_small and version.pk not in lately and not Build.objects.supplier_of(version.reuse_key):
            try:
                return version.builds.request(version, person)
            except Refused as fault:
                log.info("%s is not built ahead: %s", version, fault)
    return None
