"""What each version of an environment changed against the one before, and one package's way through all of them."""

from collections import defaultdict
from dataclasses import dataclass, fields
from itertools import pairwise

from django.core.cache import cache
from django.db.models import OuterRef, Subquery

from . import lock_diff, lock_summary
from .lock import Package
from .models import Build, LockedPackage

# All but who needs a package, which changes nothing about it.
_COLUMNS = tuple(field.name for field in fields(Package) if field.name != "requested_by")
KEPT_SECONDS = 30 * 86400
MOST_KEPT = 1000  # steps of one environment


@dataclass(frozen=True)
class Step:
    """From the last version before that has a lock (`since`) to this one; `counts` as in lock_summary."""

    since: int
    number: int
    counts: dict

    @property
    def words(self):
        return lock_summary.glance(self.counts)

    @property
    def is_leap(self):
        """Whether versions between the two have no lock."""
        return self.number - self.since > 1

    @property
    def is_alarming(self):
        return bool(self.counts.get(lock_diff.HASH))


def locks_of(versions):
    """Annotate the digest of the lock of each version's newest good build."""
    newest = Build.objects.locked().filter(version=OuterRef("pk")).order_by("-created")
    return versions.annotate(lock=Subquery(newest.values("lock__digest")[:1]))


def steps(environment, versions):
    """Return {number: Step} of these versions, which follow each other, the newest first.

    A version without a lock has none, and neither has the first one with a lock.
    """
    numbers = [version.number for version in versions]
    if not numbers:
        return {}
    known = locks_of(environment.versions.filter(number__range=(numbers[-1], numbers[0]))).order_by("number")
    chain = [pair for pair in known.values_list("number", "lock") if pair[1]]
    before = locks_of(environment.versions.filter(number__lt=numbers[-1])).filter(lock__isnull=False)
    chain = [*before.order_by("-number").values_list("number", "lock")[:1], *chain]
    pairs = list(pairwise(chain))
    counts = _counts(environment, [(old[1], new[1]) for old, new in pairs])
    return {new[0]: Step(old[0], new[0], counts[old[1], new[1]]) for old, new in pairs}


def _counts(environment, pairs):
    """{(digest, digest): counts} of the way from one lock to the other.

    Locks never change, so what was counted once is kept, with the environment, so that another version costs only its
    own step. Two that count at the same time may lose what one of them counted; then it is counted again.
    """
    kept = cache.get(f"steps-{environment.pk}", {})
    missing = {pair for pair in pairs if pair not in kept and pair[0] != pair[1]}
    if missing:
        counted = _count(missing)
        kept = dict([*kept.items(), *counted.items()][-MOST_KEPT:])
        cache.set(f"steps-{environment.pk}", kept, KEPT_SECONDS)
        kept |= counted
    return {pair: kept.get(pair, {}) for pair in pairs}


def _count(pairs):
    """The counts of these pairs, by one query for the packages of all their locks."""
    packages = defaultdict(set)
    rows = LockedPackage.objects.filter(lock__digest__in={lock for pair in pairs for lock in pair}).order_by()
    for lock, *row in rows.values_list("lock__digest", *_COLUMNS):
        packages[lock].add(tuple(row))
    return {(old, new): _count_one(packages[old], packages[new]) for old, new in pairs}


def _count_one(old, new):
    return lock_summary.count(lock_diff.differences(_packages(old - new), _packages(new - old)))


def _packages(rows):
    return [Package(*row) for row in rows]


@dataclass
class Stop:
    """A version at which a package came, moved or left. `change` is the LockChange, `since` the version before."""

    number: int
    since: int | None
    change: lock_diff.LockChange

    @property
    def sides(self):
        return self.change.old, self.change.new


def history(environment, manager, name):
    """Return (Stops, the newest first; numbers of the versions that have no lock)."""
    chain = list(locks_of(environment.versions).order_by("number").values_list("number", "lock"))
    there = LockedPackage.objects.filter(manager=manager, name=name)
    there = there.filter(lock__builds__version__environment=environment).order_by().distinct()
    packages = {lock: Package(*row) for lock, *row in there.values_list("lock__digest", *_COLUMNS)}
    stops, before, since = [], [], None
    for number, lock in chain:
        if not lock:
            continue
        now = [packages[lock]] if lock in packages else []
        stops += [Stop(number, since, change) for change in lock_diff.differences(before, now)]
        before, since = now, number
    return stops[::-1], [number for number, lock in chain if not lock]
