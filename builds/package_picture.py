"""A package's version through the versions of an environment, as steps. Pure."""

from dataclasses import dataclass
from functools import cmp_to_key

from environments.texts import count

from . import lock_diff, marks

MOST = 14  # steps that are drawn, the newest
TOP, ROW, BELOW = 26, 28, 34  # CSS pixels
APART = 6  # percent of the width between two steps, where there is room


@dataclass(frozen=True)
class Move:
    """At this version of the environment the package has another version; empty: it is not there."""

    number: int
    version: str
    tone: str  # as in tokens.css, of the change


@dataclass(frozen=True)
class Stretch:
    """The package keeps a version from `x` to `end` percent, at the height `y`. `from_y` is where it was before."""

    move: Move
    x: float
    end: float
    y: float | None  # None where it is not there
    from_y: float | None
    label: str  # of the row, said once

    @property
    def anchor(self):
        return "end" if self.x > 60 else "start"

    @property
    def nudge(self):
        return -6 if self.x > 60 else 6

    @property
    def is_there(self):
        return self.y is not None

    @property
    def is_leaving(self):
        return self.y is None and self.from_y is not None

    @property
    def label_y(self):
        return self.y - 8

    @property
    def has_jump(self):
        return self.y is not None and self.from_y is not None and self.y != self.from_y

    @property
    def title(self):
        return f"Version {self.move.number}: {self.move.version or 'not there'}"


class Picture:
    """`moves` are the newest steps, the oldest of them first; `last` is the newest version of the environment."""

    def __init__(self, moves, last, manager):
        self.moves, self.last = moves, last
        self.rows = _in_order({move.version for move in moves} - {""}, manager)
        height = {version: TOP + ROW * (len(self.rows) - 1 - place) for place, version in enumerate(self.rows)}
        self.bottom = TOP + ROW * max(0, len(self.rows) - 1)
        self.height = self.bottom + BELOW
        ends = [move.number for move in moves] + [max(last, moves[-1].number)]
        places = marks.spread(ends, APART)
        self.stretches, said = [], set()
        for place, move in enumerate(moves):
            y = height.get(move.version)
            from_y = height.get(moves[place - 1].version) if place else None
            label = "" if move.version in said else move.version
            said.add(move.version)
            self.stretches.append(Stretch(move, places[place], places[place + 1], y, from_y, label))

    @property
    def size(self):
        """How much room it needs: small fits a telephone, the other scrolls there."""
        return "small" if len(self.moves) <= 6 else "middle"

    @property
    def sentence(self):
        """What it shows, in words."""
        first, last = self.moves[0], self.moves[-1]
        since = f"since version {last.number}"
        now = f"at {last.version} {since}" if last.version else f"not there {since}"
        return f"{count(len(self.rows), 'version')} of it since version {first.number} of the environment; {now}."

    @property
    def ticks(self):
        """Numbers of versions below, as far as there is room."""
        found = []
        for stretch in self.stretches:
            if not found or stretch.x >= found[-1].x + 6:
                found.append(marks.Tick(stretch.x, str(stretch.move.number), "middle"))
        is_newer = self.last > self.moves[-1].number
        return [*found, marks.Tick(self.stretches[-1].end, str(self.last), "middle")] if is_newer else found


def _in_order(versions, manager):
    """The oldest first; what cannot be compared by name."""

    def compare(one, other):
        kind, _ = lock_diff.step(one, other, manager)
        return {lock_diff.UP: -1, lock_diff.DOWN: 1}.get(kind, 0)

    return sorted(sorted(versions), key=cmp_to_key(compare))
