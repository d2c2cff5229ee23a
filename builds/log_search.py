"""Looking for text in a log, a bounded stretch at a time."""

import re
import time
from dataclasses import dataclass

from . import log

MOST = 100  # lines in one answer
SECONDS = 1.0  # that one answer looks
LONGEST_HELD = 1_000_000  # bytes of a line that is looked through in one piece
COLOUR = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class Found:
    """Lines that have the text, and the line to go on from; None when the end was reached."""

    lines: list
    next: int | None


def search(build, text, number=1, most=MOST, seconds=SECONDS):
    """Look for `text` from line `number` on, whatever its case. Colours within it do not hide it."""
    start = log.offset_of(build, number)
    if start is None or not text or "\n" in text:
        return Found([], None)
    pattern, until, numbers = as_pattern(text), time.monotonic() + seconds, []
    for first, data in whole_lines(build, start, number):
        numbers += matches(pattern, first, data)
        if len(numbers) >= most:
            return Found(_lines(build, numbers[:most]), numbers[most - 1] + 1)
        if time.monotonic() > until:
            return Found(_lines(build, numbers), first + data.count(b"\n"))
    return Found(_lines(build, numbers), None)


class Walk:
    """Where line `at` stands among those that have a text, and which are before and after it, round the end.

    `place` is its own number among them, 0 when it is none. `is_all` says whether the whole log was counted.
    """

    def __init__(self, at=0):
        self.at, self.count, self.place, self.is_all = at, 0, 0, True
        self._first = self._last = self._before = self._after = None

    def add(self, number):
        self.count += 1
        self._first, self._last = self._first or number, number
        if number < self.at:
            self._before = number
        elif number == self.at:
            self.place = self.count
        else:
            self._after = self._after or number

    @property
    def previous(self):
        return self._before or self._last

    @property
    def next(self):
        return self._after or self._first


def walk(build, text, at=0, seconds=SECONDS):
    """Count the lines that have `text`, as `search` looks for it. Return the Walk from line `at` on."""
    found = Walk(at)
    if not text or "\n" in text:
        return found
    pattern, until = as_pattern(text), time.monotonic() + seconds
    for first, data in whole_lines(build, 0, 1):
        if time.monotonic() > until:
            found.is_all = False
            break
        for number in matches(pattern, first, data):
            found.add(number)
    return found


def as_pattern(text):
    # Letters that are not of ASCII have their two cases written out, because bytes know no others.
    spelled = (f"(?:{re.escape(c.lower())}|{re.escape(c.upper())})" if ord(c) > 127 else re.escape(c) for c in text)
    return re.compile("".join(spelled).encode(), re.IGNORECASE)


def matches(pattern, first, data):
    """Return the numbers of the lines of `data` that match; the first of them is line `first`."""
    found, at, number = [], 0, first
    while match := pattern.search(data, at):
        number += data.count(b"\n", at, match.start())
        found.append(number)
        end = data.find(b"\n", match.start())
        if end < 0:
            break
        at, number = end + 1, number + 1
    return found


def whole_lines(build, start, number):
    """Yield (number of the first line, bytes without colours): pieces of the log that end where a line does."""
    held = b""
    for block in log.blocks(build, start):
        held += block.data
        end = held.rfind(b"\n") + 1
        if end:
            yield number, COLOUR.sub(b"", held[:end])
            number += held.count(b"\n", 0, end)
            held = held[end:]
        elif len(held) > LONGEST_HELD:
            yield number, COLOUR.sub(b"", held)
            held = b""
    if held and build.log_is_complete:
        yield number, COLOUR.sub(b"", held)


def _lines(build, numbers):
    found = []
    for number in dict.fromkeys(numbers):
        offset = log.offset_of(build, number)
        found += [next(log.lines(build, offset, number))]
    return found
