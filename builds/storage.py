"""What all builds take, what a clean-up would free of it and why, and the clean-up itself.

What stands in the database and in shared storage is done here, by whoever asks; the disks of workers are cleaned by
those themselves (`keeper.py`).
"""

import hashlib
import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from environments.wheels import PrivateWheel
from events.models import Verb
from events.record import record

from . import keeping, log_files, related, retention
from .models import Build, Cleanup, Step, StoredLog

log = logging.getLogger(__name__)

# A file that nobody names for so long will be named by nobody.
STRAY = timedelta(hours=1)
AT_ONCE = 50  # builds that are freed in one transaction
WORKSPACE, ENVIRONMENT = "version__environment__workspace__name", "version__environment__name"


class Changed(Exception):
    """The plan that somebody agreed to is not the plan any more."""


@dataclass(frozen=True)
class Plan:
    """What a clean-up at this moment would do."""

    decisions: list
    policy: retention.Policy

    @cached_property
    def freed(self):
        return retention.freed(self.decisions)

    @cached_property
    def kept(self):
        return [decision for decision in self.decisions if not decision.is_freed]

    @property
    def size(self):
        """Bytes that would be freed."""
        return retention.size_of(self.freed)

    @property
    def all_size(self):
        return retention.size_of(self.decisions)

    @property
    def archives(self):
        """(bytes of the archives among all this, bytes of those that would be freed)"""
        return tuple(sum(each.facts.beside for each in some) for some in (self.decisions, self.freed))

    @property
    def overdraft(self):
        return retention.overdraft(self.decisions, self.policy)

    @property
    def token(self):
        """The same as long as the same builds would be freed."""
        ids = sorted(str(decision.build) for decision in self.freed)
        return hashlib.sha256(" ".join(ids).encode()).hexdigest()[:32]


def policy():
    return retention.Policy(settings.KEEP_LAST, settings.KEEP_USED_DAYS, settings.STORAGE_MB * 1_000_000)


def make_plan():
    return Plan(retention.plan(_facts(), policy(), timezone.now()), policy())


def clean(by=None, token=None):
    """Free what the policy does not keep. Return the Cleanup. Raise Changed when `token` is of another plan."""
    plan = make_plan()
    if token is not None and token != plan.token:
        raise Changed
    with transaction.atomic():
        cleanup = Cleanup.objects.create(by=by)
        if by and not plan.freed:
            record_cleaning(cleanup, by)
    for n in range(0, len(plan.freed), AT_ONCE):
        with transaction.atomic():
            before = (cleanup.builds, cleanup.size)
            for decision in plan.freed[n : n + AT_ONCE]:
                if keeping.release(Build(pk=decision.build), None, decision.why, unused_since=decision.facts.used):
                    cleanup.builds += 1
                    cleanup.size += decision.size
            cleanup.save(update_fields=["builds", "size"])
            record_cleaning(cleanup, by, *before)
    drop_stray_logs()
    return cleanup


def record_cleaning(cleanup, by, builds=0, size=0):
    """Write an event about what was freed since there were so many builds and bytes."""
    after = {"builds": cleanup.builds - builds, "bytes": cleanup.size - size}
    record(Verb.CLEANED, cleanup, after=after, by=by, name="storage")


def drop_stray_logs():
    """Remove the files of logs that no row names: a worker died between the file and the row."""
    storage, before = log_files.storage(), timezone.now() - STRAY
    for folder in _listed(storage, "")[0]:
        names = {f"{folder}/{file}" for file in _listed(storage, folder)[1]}
        named = set(StoredLog.objects.filter(name__in=names).values_list("name", flat=True)) if names else set()
        for name in names - named:
            if storage.get_modified_time(name) < before:
                log.info("removing the log %s, which no build names", name)
                storage.delete(name)


def _listed(storage, folder):
    try:
        return storage.listdir(folder)
    except FileNotFoundError:
        return [], []


def _facts():
    """The Facts of every build that has files."""
    good = Build.objects.good()
    rows = list(with_installed(good).values("pk", "reuse_key", "finished", "last_used", "size", WORKSPACE, ENVIRONMENT))
    suppliers = {row["reuse_key"]: row["pk"] for row in sorted(rows, key=lambda row: row["finished"])}
    may_go = set(good.free_to_go().values_list("pk", flat=True))
    reused, uses, more = _reused(good), related.last_uses(Build), related.sizes(good)
    return [
        retention.Facts(
            row["pk"],
            row["size"] + more.get(row["pk"], 0),
            max(filter(None, (row["finished"], row["last_used"], uses.get(row["pk"])))),
            {f"{row[WORKSPACE]}/{row[ENVIRONMENT]}": row["finished"]} | reused.get(row["pk"], {}),
            is_replaced=suppliers[row["reuse_key"]] != row["pk"],
            held="" if row["pk"] in may_go else keeping.IN_USE,
            beside=more.get(row["pk"], 0),
        )
        for row in rows
    ]


def with_installed(builds):
    """Annotate the bytes of the installed packages of each build."""
    installed = Step.objects.filter(build=OuterRef("pk"), name=Step.Name.INSTALL).values("bytes")[:1]
    return builds.annotate(size=Coalesce(Subquery(installed), Value(0)))


def size_of(build):
    """Bytes that freeing this build would give back."""
    row = Build.objects.good().filter(pk=build.pk)
    installed = with_installed(row).values_list("size", flat=True).first()
    return (installed or 0) + related.sizes(row).get(build.pk, 0)


def _reused(good):
    """{supplier: {environment: when it was given there the last time}}"""
    supplied = Build.objects.succeeded().filter(reused_from__in=good)
    found = {}
    rows = supplied.values_list("reused_from", WORKSPACE, ENVIRONMENT).annotate(when=Max("finished"))
    for build, workspace, environment, when in rows.order_by():
        found.setdefault(build, {})[f"{workspace}/{environment}"] = when
    return found


def by_workspace(plan):
    """[{name, prefixes, logs, wheels, size, can_go}] of each workspace that takes any room, the largest first."""
    rows = {}

    def add(kind, found):
        for name, size in found:
            row = rows.setdefault(name, {"name": name, "prefixes": 0, "logs": 0, "wheels": 0, "can_go": 0})
            row[kind] += size or 0

    place = dict(Build.objects.good().values_list("pk", WORKSPACE))
    for decision in plan.decisions:
        if workspace := place.get(decision.build):
            add("prefixes", [(workspace, decision.size)])
            add("can_go", [(workspace, decision.size if decision.is_freed else 0)])
    add("logs", StoredLog.objects.values_list(F(f"build__{WORKSPACE}")).annotate(Sum("size")).order_by())
    add("wheels", PrivateWheel.objects.values_list("workspace__name").annotate(Sum("size")).order_by())
    for row in rows.values():
        row["size"] = row["prefixes"] + row["logs"] + row["wheels"]
    return sorted(rows.values(), key=lambda row: (-row["size"], row["name"]))
