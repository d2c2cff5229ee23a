"""Where marks, ticks and parts of a bar stand along a line, in percent of its length. Pure.

Percent, because a picture is as wide as its page: words and marks keep their size, only the room between them changes.
"""

from dataclasses import dataclass
from datetime import timedelta

# Percent between two dates below a picture, so that on a telephone they stand apart.
BETWEEN_DATES = 24
DAYS_WITH_HOURS = timedelta(days=1)


@dataclass(frozen=True)
class Part:
    """A part of a bar. `amount` is what it stands for; it begins at `x` and has this `width`, in percent of the bar."""

    kind: str
    amount: float
    x: float
    width: float


def parts(amounts, whole):
    """Return a Part for each of the (kind, amount) that is not 0, one behind the other. `whole` is a full bar."""
    found, before = [], 0
    for kind, amount in amounts:
        if amount > 0 and whole > 0:
            x, end = _percent(before, whole), _percent(before + amount, whole)
            found.append(Part(kind, amount, x, round(end - x, 2)))
        before += max(0, amount)
    return found


def _percent(amount, whole):
    return round(100 * min(1, amount / whole), 2)


def spread(values, least):
    """Return the place of each of these values, which do not fall, from 0 to 100: in proportion, and `least` apart.

    Where there is no room for that, they stand evenly.
    """
    if not values:
        return []
    least = min(least, 100 / len(values))
    low, high = least / 2, 100 - least / 2
    span = values[-1] - values[0]
    places = [low + (high - low) * ((value - values[0]) / span if span else 0) for value in values]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + least)
    places[-1] = min(places[-1], high)
    for i in range(len(places) - 2, -1, -1):
        places[i] = min(places[i], places[i + 1] - least)
    return [round(place, 3) for place in places]


@dataclass(frozen=True)
class Tick:
    x: float
    label: str
    anchor: str  # start, middle or end: which end of the label stands at x


def dates(moments, places):
    """Return Ticks for some of these moments, which stand at these places: the last, the first, and what has room."""
    if not moments:
        return []
    write, found = _writer(moments[0], moments[-1]), {}
    last, *between = list(zip(moments, places, strict=True))[::-1]
    for moment, x in [last, *between[-1:], *between[:-1]]:
        label = write(moment)
        if label not in found and all(abs(x - tick.x) >= BETWEEN_DATES for tick in found.values()):
            found[label] = Tick(x, label, anchor(x))
    return sorted(found.values(), key=lambda tick: tick.x)


def _writer(first, last):
    """How moments between these two are written: as times of the day, as days, or as months."""
    if last - first < DAYS_WITH_HOURS:
        return lambda moment: f"{moment:%H:%M}"
    if first.year == last.year:
        return lambda moment: f"{moment.day} {moment:%b}"
    return lambda moment: f"{moment:%b %Y}"


def anchor(x):
    """A word at an end of the line stands inside."""
    return "start" if x < 10 else "end" if x > 90 else "middle"
