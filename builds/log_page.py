"""Which lines of a log a page shows, step by step: the ends, what is asked for, what is new; gaps for the rest."""

from dataclasses import dataclass

from . import log

# A step with so many lines is shown as a whole; of a longer one its ends, in lines.
WHOLE = 400
HEAD = 100
TAIL = 200
AROUND = 60
# Lines that one press adds, and the most that arrive by themselves at once.
MORE = 500
MOST_NEW = 1000


@dataclass(frozen=True)
class Gap:
    """Lines that are not on the page, by their numbers."""

    first: int
    last: int

    is_gap = True

    @property
    def count(self):
        return self.last - self.first + 1

    @property
    def more(self):
        return min(MORE, self.count)


def sections(build, steps, end, wanted=()):
    """Give each step its `items` for a page that is opened: lines and gaps. `wanted` are numbers of lines."""
    for step, first, last in spans(steps, end):
        step.items = items(build, first, last, chosen(first, last, wanted))
        step.is_wanted = any(first <= number <= last for number in wanted)


def news(build, steps, start, end):
    """Give each step the `items` from one Place up to another."""
    for step, first, last in spans(steps, end):
        first = max(first, start.number)
        step.items = items(build, first, last, [(max(first, last - MOST_NEW + 1), last)])


def rest(build, steps, extent):
    """Give the step that is being written the line that has no end yet."""
    begun = [step for step in steps if step.line is not None]
    if begun:
        begun[-1].rest = log.unfinished(build, extent)


def spans(steps, end):
    """Return (step, number of its first line, of its last line), for all steps; nothing is from 1 to 0."""
    begun = [step for step in steps if step.line is not None]
    ends = [*(step.line for step in begun[1:]), end.number - 1]
    last_of = dict(zip((step.pk for step in begun), ends, strict=False))
    return [(step, step.line + 1, last_of[step.pk]) if step.pk in last_of else (step, 1, 0) for step in steps]


def chosen(first, last, wanted):
    """Return the ranges of lines that are shown, in order and apart from each other."""
    if last - first < WHOLE:
        return [(first, last)]
    found = [(first, first + HEAD - 1), (last - TAIL + 1, last)]
    found += [(number - AROUND, number + AROUND) for number in wanted if first <= number <= last]
    joined = []
    for low, high in sorted(found):
        low, high = max(low, first), min(high, last)
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


def items(build, first, last, ranges):
    """Return the lines of these ranges, and gaps for the other lines from `first` to `last`."""
    found, at = [], first
    for low, high in ranges:
        lines = log.lines_between(build, low, high)
        if lines and low > at:
            found.append(Gap(at, low - 1))
        found += lines
        at = lines[-1].number + 1 if lines else at
    if at <= last:
        found.append(Gap(at, last))
    return found


def around(number, first, last):
    """The range to show of a gap in which line `number` is wanted."""
    return max(first, number - AROUND), min(last, number + AROUND)
