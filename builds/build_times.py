"""How long builds took and how they ended: bars, and the numbers that say it. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from statistics import median

from environments.texts import count

from . import marks

HEIGHT, TOP = 120, 22  # CSS pixels of the bars, and of the sign above the longest
LEAST = 2  # pixels of a bar
PLACES = 16  # on the line at least, so that three builds are not three walls
QUEUED = "queued"
# Seconds that may stand at the top of the axis.
ROUND = (1, 2, 5, 10, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600)


@dataclass(frozen=True)
class Tried:
    """One build. `seconds` it took, None before it began; `waited` in the queue; `steps` {name: seconds}.

    `status` is as it is shown. One that was supplied or ended by another was not built itself.
    """

    key: str
    label: str
    status: str
    created: datetime
    url: str = ""
    was_built: bool = True
    seconds: float | None = None
    waited: float | None = None
    steps: dict = field(default_factory=dict)

    @classmethod
    def of(cls, build):
        """The same of a Build with its steps."""
        return cls(
            build.short_id,
            str(build.version),
            build.shown_status,
            build.created,
            build.get_absolute_url(),
            not build.reused_from_id,
            build.seconds,
            max(0.0, (build.started - build.created).total_seconds()) if build.started else None,
            {step.name: step.seconds for step in build.steps.all() if step.seconds is not None},
        )


@dataclass(frozen=True)
class Bar:
    """From `x` percent, so many percent wide; `y` and `height` in pixels. One that took no time has no height."""

    tried: Tried
    x: float
    width: float
    y: float
    height: float

    @property
    def middle(self):
        return round(self.x + self.width / 2, 3)

    @property
    def icon_y(self):
        return self.y - 19


@dataclass(frozen=True)
class StepTime:
    """The usual time of one step, as a part of all steps together, from `x` percent of the bar."""

    name: str
    seconds: float
    x: float
    width: float

    @property
    def label(self):
        return "In the queue" if self.name == QUEUED else self.name.capitalize()


class Times:
    """`builds` are Tried, the oldest first."""

    BOTTOM, DATES, HEIGHT = TOP + HEIGHT, TOP + HEIGHT + 18, TOP + HEIGHT + 24

    def __init__(self, builds):
        self.builds = builds
        self.built = [each for each in builds if each.was_built]
        self.succeeded = [each for each in self.built if each.status == "succeeded"]
        self.failed = [each for each in self.built if each.status == "failed"]

    @property
    def ended(self):
        """How many were built and came to an end of their own."""
        return len(self.succeeded) + len(self.failed)

    @property
    def share(self):
        """Percent of these that succeeded; None when there are none."""
        return round(100 * len(self.succeeded) / self.ended) if self.ended else None

    @cached_property
    def usual(self):
        """The median of the seconds of those that succeeded, or None."""
        known = [each.seconds for each in self.succeeded if each.seconds is not None]
        return median(known) if known else None

    @cached_property
    def steps(self):
        """A StepTime for the queue and for each step: medians of those that succeeded."""
        found = {QUEUED: [each.waited for each in self.succeeded if each.waited is not None]}
        for each in self.succeeded:
            for name, seconds in each.steps.items():
                found.setdefault(name, []).append(seconds)
        usual = [(name, median(seconds)) for name, seconds in found.items() if seconds]
        parts = marks.parts(usual, sum(seconds for _, seconds in usual))
        return [StepTime(part.kind, part.amount, part.x, part.width) for part in parts]

    @property
    def states(self):
        """Every state that is drawn, once."""
        return sorted({each.status for each in self.builds})

    @cached_property
    def most(self):
        """Seconds at the top of the axis."""
        longest = max((each.seconds or 0 for each in self.builds), default=0)
        return next((seconds for seconds in ROUND if seconds >= longest), longest)

    @cached_property
    def bars(self):
        slot = 100 / max(PLACES, len(self.builds))
        return [self._bar(each, place * slot, slot) for place, each in enumerate(self.builds)]

    @property
    def usual_y(self):
        return round(TOP + HEIGHT * (1 - self.usual / self.most), 1)

    @cached_property
    def dates(self):
        return marks.dates([each.created for each in self.builds], [bar.middle for bar in self.bars])

    @property
    def size(self):
        return "small" if len(self.bars) <= PLACES else "middle" if len(self.bars) <= 30 else "large"

    @property
    def sentence(self):
        """What it shows, in words, without the times."""
        rest = len(self.builds) - self.ended
        said = f"{len(self.succeeded):,} of {count(self.ended, 'build')} succeeded" if self.ended else "None was built"
        return (
            f"{said}; {rest:,} more {'was' if rest == 1 else 'were'} reused, cancelled or not finished"
            if rest
            else said
        )

    def _bar(self, tried, x, slot):
        height = max(LEAST, HEIGHT * tried.seconds / self.most) if tried.seconds is not None else 0
        height = round(height, 1)
        return Bar(tried, round(x + slot * 0.14, 3), round(slot * 0.72, 3), round(TOP + HEIGHT - height, 1), height)
