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
