"""What one person is shown of a lock."""

from dataclasses import dataclass
from functools import cached_property

from .lock_models import VersionLock
from .lock_summary import Totals
from .models import Build
from .needs import Needs
from .needs_picture import Picture
from .why import chains

MOST = 50  # versions and builds that are named


@dataclass(frozen=True)
class Row:
    """A package, and the chain from one that was asked for to the one that needs it."""

    package: object
    because_of: tuple


class LockPage:
    def __init__(self, lock, user):
        self.lock = lock
        mine = VersionLock.objects.visible_to(user).filter(lock=lock).select_related("by", "lock")
        self.rows = list(mine.select_related("version__environment__workspace").order_by("-created", "pk")[:MOST])
        builds = Build.objects.visible_to(user).filter(lock=lock).with_subject().prefetch_related("steps")
        self.builds = list(builds.order_by("-created", "pk")[:MOST])

    @property
    def version(self):
        """The version that its files are named after, and that the page leads back to."""
        return (self.rows or self.builds)[0].version

    @cached_property
    def values(self):
        """Its Packages, whatever is searched for."""
        return self.lock.values()

    @property
    def totals(self):
        return Totals.of(self.values)

    def packages(self, text=""):
        """Rows of the packages whose name has this text, those first that were asked for."""
        found = chains(self.values)
        return [
            Row(package, found.get((package.manager, package.name), ()))
            for package in self.values
            if text.lower() in package.name
        ]

    @cached_property
    def needs(self):
        return Needs(self.values)

    @cached_property
    def brought(self):
        """What each package that was asked for brings along, where that says more than the list of packages does."""
        return self.needs.brought() if any(package.requested_by for package in self.values) else []

    def why(self, key):
        """The picture of why this package is here; None when it is not."""
        return Picture(self.needs, key) if key in self.needs.packages else None
