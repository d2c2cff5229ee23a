"""What takes the room, as rows with bars: by kind of file, by workspace, and against the budget. Pure."""

from dataclasses import dataclass
from functools import cached_property

from . import marks

KEPT, FREED = "kept", "freed"


@dataclass(frozen=True)
class Row:
    """`size` bytes of one kind, of which `freed` would go in a clean-up; the largest row of all is a full bar."""

    name: str
    size: int
    freed: int = 0
    whole: int = 0

    @cached_property
    def parts(self):
        return marks.parts([(KEPT, self.size - self.freed), (FREED, self.freed)], self.whole)


def rows(kinds):
    """Return a Row for each (name, bytes, bytes that would go) that takes any room, the largest first."""
    whole = max((size for _, size, _ in kinds), default=0)
    found = [Row(name, size, freed, whole) for name, size, freed in kinds if size]
    return sorted(found, key=lambda row: (-row.size, row.name))


@dataclass(frozen=True)
class Budget:
    """The files of all builds against what they may take. All in bytes; a `limit` of 0 is none."""

    size: int
    freed: int
    limit: int

    @property
    def kept(self):
        return self.size - self.freed

    @property
    def percent(self):
        """Of the limit, that are taken now."""
        return round(100 * self.size / self.limit)

    @property
    def percent_after(self):
        """Of the limit, that are taken after a clean-up."""
        return round(100 * self.kept / self.limit)

    @property
    def whole(self):
        return max(self.size, self.limit)

    @cached_property
    def parts(self):
        """What stays, and what would go; beyond the limit the bar goes on."""
        return marks.parts([(KEPT, self.kept), (FREED, self.freed)], self.whole)

    @property
    def limit_x(self):
        """Where the limit is, in percent of the bar."""
        return round(100 * self.limit / self.whole, 2) if self.whole else 100.0
