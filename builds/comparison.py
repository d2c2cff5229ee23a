"""Two sides, and all that differs between them. Pure: what a side is made of is read in `sides.py`."""

from dataclasses import dataclass
from functools import cached_property

from environments import diff
from environments.definition import Definition

from . import lock_diff, lock_summary
from .lock_diff import HASH, LEVELS
from .lock_summary import Totals

NOT_ASSESSED = "not assessed"


@dataclass(frozen=True)
class Side:
    """One side of a diff. What it does not have is None: a lock alone has no definition, a version may have no lock.

    `reference` names it in an address, `place` is its environment (`team/science`) or empty, `title` names it there
    (“Version 3”), and `text` is its definition as it is written. `no_lock` says why there are no packages.
    """

    reference: str
    title: str
    url: str = ""
    place: str = ""
    definition: Definition | None = None
    text: str = ""
    digest: str = ""
    python: str = ""
    platform: str = ""
    packages: tuple | None = None
    no_lock: str = ""
    version: object = None
    build: object = None  # the one that gave the lock, or the last one that did not

    @property
    def name(self):
        """What it is called where the other side is from elsewhere."""
        return f"{self.place} {self.title.lower()}" if self.place else self.title

    @cached_property
    def wanted(self):
        """{(manager, name): the constraint in words} of what its definition asks for."""
        return diff.wanted(self.definition) if self.definition else {}

    @property
    def totals(self):
        return Totals.of(self.packages or ())


class Comparison:
    """What leads from one Side to another."""

    def __init__(self, old, new):
        self.old, self.new = old, new

    @property
    def sides(self):
        return self.old, self.new

    @cached_property
    def names(self):
        """How to call the two, without what they have in common."""
        is_same_place = self.old.place == self.new.place
        return tuple(side.title if is_same_place else side.name for side in self.sides)

    @cached_property
    def definition(self):
        """The Changes of the definition; None where a side has none."""
        if not (self.old.definition and self.new.definition):
            return None
        return diff.compare(self.old.definition, self.new.definition)

    @cached_property
    def packages(self):
        """The LockChanges; None where a side has no lock."""
        if self.old.packages is None or self.new.packages is None:
            return None
        if self.old.digest and self.old.digest == self.new.digest:
            return []
        return lock_diff.compare(self.old.packages, self.new.packages)

    @cached_property
    def text(self):
        """The lines of the definition's text that differ, with their surroundings."""
        return list(diff.numbered_changes(self.old.text, self.new.text)) if self.definition is not None else []

    @cached_property
    def counts(self):
        return lock_summary.count(self.packages or ())

    @property
    def words(self):
        """The packages at a glance."""
        if self.packages is None:
            return "packages not compared"
        return lock_summary.words(self.counts)

    @property
    def unchanged(self):
        """How many packages are the same on both sides."""
        touched = sum(change.new is not None for change in self.packages or ())
        return len(self.new.packages or ()) - touched

    @property
    def growth(self):
        """Bytes more to download; None where nobody knows."""
        old, new = self.old.totals, self.new.totals
        is_known = self.packages is not None and not old.unsized and not new.unsized
        return new.size - old.size if is_known else None

    @property
    def machine(self):
        """(what, before, after) of the Python and the platform that the locks are for, where they differ."""
        if self.packages is None:
            return []
        pairs = (("Python", self.old.python, self.new.python), ("Platform", self.old.platform, self.new.platform))
        return [(what, was, now) for what, was, now in pairs if was and now and was != now]

    @property
    def licences(self):
        """The changes that bring another licence."""
        return [change for change in self.packages or () if change.licences]

    @property
    def tampered(self):
        """The packages whose file is another under the same name."""
        return [change for change in self.packages or () if change.kind == HASH]

    @property
    def is_same(self):
        """Whether nothing differs in whatever both sides have."""
        return not (self.definition or self.packages or self.machine or self.text)


def select(changes, kinds=(), text=""):
    """The LockChanges that are of one of these kinds or levels, with the text in the name."""
    wanted, text = set(kinds), text.strip().lower()
    return [
        change
        for change in changes
        if (not wanted or wanted & {*change.kinds, change.level}) and text in change.name.lower()
    ]


FILTERS = (*lock_diff.KINDS, *LEVELS)
