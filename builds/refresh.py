"""A version resolved anew, beside the lock that is kept: looked at first, and kept when a build of it succeeds."""

from dataclasses import dataclass
from functools import cached_property

from environments.models import Rule

from . import lock_diff, lock_summary, preview, uv
from .models import Lock, VersionLock

PLATFORMS = tuple(dict.fromkeys([uv.this_platform(), *uv.TARGETS]))


@dataclass(frozen=True)
class Refresh:
    """`lock` is what resolving anew gives, None where the answer has a failure; `kept` may be None, too."""

    answer: preview.Preview
    kept: Lock | None
    lock: Lock | None

    @property
    def moved(self):
        return self.lock != self.kept

    @cached_property
    def changes(self):
        """LockChanges against the lock that is kept; none where none is."""
        return lock_diff.compare(self.kept.values(), self.answer.packages) if self.kept and self.lock else []

    @property
    def words(self):
        return lock_summary.words(lock_summary.count(self.changes))

    @property
    def totals(self):
        return lock_summary.Totals.of(self.answer.packages)

    @cached_property
    def growth(self):
        """Bytes more to download than now."""
        return self.totals.size - lock_summary.Totals.of(self.kept.values()).size if self.kept else 0

    @property
    def more(self):
        return max(0, self.growth)

    @property
    def less(self):
        return max(0, -self.growth)


def look(version, by, asker, platform=""):
    """Resolve a version anew. Return the Refresh. Raise Superseded and Crowded as a preview does."""
    platform = platform or uv.this_platform()
    rules = Rule.objects.rules(version.workspace)
    answer = preview.resolve(version.definition, asker, by.pk, platform=platform, anew=True, rules=rules)
    lock, kept = None, Lock.objects.kept(version.reuse_key, platform)
    if kept:  # perhaps by a build of another version with this image key
        VersionLock.objects.offer(version, kept, by)
    if answer.fits:
        lock = Lock.objects.store(answer.python, answer.platform, answer.packages)
        VersionLock.objects.offer(version, lock, by)
    return Refresh(answer, kept, lock)


def lock_for(version, by, asker, platform):
    """Return (row of the lock that is kept for that platform, failure). Where none is, one is made and kept."""
    kept = VersionLock.objects.kept_for(version.reuse_key, platform)
    if kept:
        return VersionLock.objects.keep(version, kept.lock, by), None
    found = look(version, by, asker, platform)
    return found.lock and VersionLock.objects.keep_by_hand(version, found.lock, by), found.answer.failure
