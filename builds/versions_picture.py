"""Versions of an environment along time: when each came, how much it moved, and how its last build stands. Pure."""

from dataclasses import dataclass
from datetime import datetime

from environments.texts import count

from . import lock_diff, marks

# CSS pixels from the top. What came and moved stands above the line, what went below it.
LINE, TALLEST, DEEPEST = 84, 58, 34
NAMES, HEIGHT = 156, 172  # where the numbers of the versions and the dates stand
LEAST = 3  # of a bar, so that one package is seen beside a hundred
MOST = 6  # of one package
APART = 8  # percent of the width between two marks, where there is room
# What is drawn from the line upwards, and then downwards.
UP = (("moved", (lock_diff.UP, lock_diff.DOWN, lock_diff.MOVED, lock_diff.OTHER)), ("added", (lock_diff.ADDED,)))
DOWN = (("removed", (lock_diff.REMOVED,)),)


@dataclass(frozen=True)
class Version:
    """`status` is empty before it was built; `counts` as in lock_summary, None where nothing can be compared."""

    number: int
    created: datetime
    status: str
    counts: dict | None
    words: str = ""  # of what moved


@dataclass(frozen=True)
class Bar:
    kind: str  # added, moved or removed
    amount: int
    y: float
    height: float


@dataclass(frozen=True)
class Mark:
    """A version at `x` percent; the numbers above and below its bars stand at the heights `top` and `bottom`."""

    version: Version
    x: float
    bars: tuple

    @property
    def status(self):
        return self.version.status or "none"

    @property
    def top(self):
        return min((bar.y for bar in self.bars if bar.y < LINE), default=LINE - 9) - 5

    @property
    def bottom(self):
        return max((bar.y + bar.height for bar in self.bars if bar.y >= LINE), default=LINE) + 11

    @property
    def came(self):
        """Packages that came or moved."""
        return sum(bar.amount for bar in self.bars if bar.kind != "removed")

    @property
    def went(self):
        return sum(bar.amount for bar in self.bars if bar.kind == "removed")

    @property
    def title(self):
        built = self.version.status or "never built"
        return ", ".join(filter(None, (f"Version {self.version.number}", self.version.words, built)))


class Picture:
    """`versions` follow each other, the oldest first."""

    HEIGHT, LINE, NAMES = HEIGHT, LINE, NAMES

    def __init__(self, versions):
        self.versions = versions
        moments = [version.created for version in versions]
        seconds = [(moment - moments[0]).total_seconds() for moment in moments]
        places = marks.spread(seconds, APART)
        scale = _scale(versions)
        self.marks = [Mark(*pair, _bars(pair[0].counts, scale)) for pair in zip(versions, places, strict=True)]
        self.dates = marks.dates(moments, places)

    @property
    def size(self):
        """How much room it needs: small fits a telephone, the others scroll there."""
        return "small" if len(self.marks) <= 12 else "middle" if len(self.marks) <= 25 else "large"

    @property
    def sentence(self):
        """What it shows, in words."""
        first, last = self.versions[0], self.versions[-1]
        span = f"{count(len(self.versions), 'version')}, number {first.number} to {last.number}"
        largest = max(self.versions, key=lambda version: _moved(version.counts))
        if not _moved(largest.counts):
            return f"{span}; no package moved between those that were built."
        return f"{span}; version {largest.number} moved most: {largest.words}."


def _amount(counts, kinds):
    return sum((counts or {}).get(kind, 0) for kind in kinds)


def _moved(counts):
    return sum(_amount(counts, kinds) for _, kinds in (*UP, *DOWN))


def _scale(versions):
    """Pixels of one package: the same for all, so that nothing is higher or deeper than there is room."""
    above = max((sum(_amount(version.counts, kinds) for _, kinds in UP) for version in versions), default=0)
    below = max((_amount(version.counts, DOWN[0][1]) for version in versions), default=0)
    return min(MOST, (TALLEST - LEAST * len(UP)) / max(1, above), (DEEPEST - LEAST) / max(1, below))


def _bars(counts, scale):
    found, y = [], LINE - 9  # the sign of its state stands on the line
    for kind, kinds in UP:
        if amount := _amount(counts, kinds):
            height = round(LEAST + amount * scale, 1)
            y -= height
            found.append(Bar(kind, amount, round(y, 1), height))
    for kind, kinds in DOWN:
        if amount := _amount(counts, kinds):
            found.append(Bar(kind, amount, LINE + 9, round(LEAST + amount * scale, 1)))
    return tuple(found)
