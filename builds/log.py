"""The log of a build: bytes of UTF-8 that are only ever added, read by offset and by line.

While a build runs its log is chunks in the database; some time after its end it is one file (`log_files.py`).
Who reads does not notice: `blocks` hides which.
"""

import codecs
import time
from dataclasses import dataclass
from functools import cached_property

from django.utils.safestring import mark_safe

from . import ansi, log_files
from .log_blocks import Block
from .models import LogChunk, StoredLog

FLUSH_SECONDS = 0.25
FLUSH_BYTES = 64_000
# What one answer carries at the most, in bytes.
PIECE = 256_000
# What is read for it at the most, when lines are so long that little of each is shown.
LOOKED_THROUGH = 16_000_000
# What is kept of a log, in bytes: a package may print for ever.
LONGEST = 100_000_000
# What a page shows of a line, in bytes of its start; and of its end, when that is what a progress bar drew last.
SIDE = 4_000
CHUNKS_AT_ONCE = 4


class LogWriter:
    """Gathers output for a moment and appends it. Whatever a tool writes becomes clean UTF-8."""

    def __init__(self, build):
        self.build = build
        last = build.chunks.last()
        # What is there already ends where the new begins. `lines` counts those that ended.
        self.offset, self.lines = (last.end, last.lines_to_end) if last else (0, 0)
        self._flushed_lines = self.lines
        self._at_start_of_line = not last or bytes(last.data[-1:]) == b"\n"
        self._is_full = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts, self._held, self._flushed = [], 0, time.monotonic()

    def say(self, line):
        """Append a line of ours, on a line of its own, at once."""
        self.end_line()
        self.write(f"{line}\n".encode())
        self.flush()

    def end_line(self):
        if not self._at_start_of_line:
            self.write(b"\n")

    def write(self, data):
        text = self._decoder.decode(data).replace("\0", "␀")
        if self.offset + self._held > LONGEST:
            text = (
                "" if self._is_full else f"\nThis log is longer than {LONGEST // 1_000_000} MB. The rest is not kept.\n"
            )
            self._is_full = True
        if text:
            self._parts.append(text.encode())
            self._held += len(self._parts[-1])
            self.lines += text.count("\n")
            self._at_start_of_line = text.endswith("\n")
        if self._held >= FLUSH_BYTES:
            self.flush()

    def flush_if_due(self):
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self):
        self._flushed = time.monotonic()
        if self._parts:
            data = b"".join(self._parts)
            LogChunk.objects.create(build=self.build, offset=self.offset, line=self._flushed_lines, data=data)
            self.offset += len(data)
            self._flushed_lines = self.lines
            self._parts, self._held = [], 0


@dataclass(frozen=True)
class Line:
    """One line of a log: its number from 1, the offset of its first byte, how many it has, and its two ends."""

    number: int
    offset: int
    size: int
    head: bytes
    tail: bytes = b""

    @cached_property
    def _shown(self):
        """(text, how many bytes of it are not shown)"""
        if self.size == len(self.head) + len(self.tail):
            return (self.head + self.tail).decode("utf-8", "replace"), 0
        drawn, _, last = self.tail.rstrip(b"\r").rpartition(b"\r")
        if drawn:
            return last.decode("utf-8", "ignore"), 0
        return self.head.decode("utf-8", "ignore"), self.size - len(self.head)

    @property
    def cut(self):
        return self._shown[1]

    @property
    def text(self):
        """What is seen of it."""
        return ansi.plain(self._shown[0])

    @property
    def html(self):
        return mark_safe(ansi.html(self._shown[0]))  # noqa: S308, which escapes


class LineEnds:
    """Gathers a line of which only the ends are kept, however long it is."""

    def __init__(self):
        self.size, self.head, self.tail = 0, b"", b""

    def add(self, data):
        room = SIDE - len(self.head)
        self.head += data[:room]
        self.tail = (self.tail + data[room:])[-SIDE:]
        self.size += len(data)


def blocks(build, offset=0):
    """Yield the log from `offset` on in Blocks."""
    rows = build.chunks.filter(offset__lte=offset).order_by("-offset")[:1]
    while chunks := list(rows.values_list("offset", "line", "data")):
        for start, line, data in chunks:
            block = Block(start, line, bytes(data)).since(offset)
            if block.data:
                yield block
            offset, at = max(offset, block.end), start + len(data)
        rows = build.chunks.filter(offset__gte=at)[:CHUNKS_AT_ONCE]
    # All of it was read, or it is a file by now.
    if stored := stored_log(build):
        for block in log_files.blocks(stored, offset):
            yield block.since(offset)


def stored_log(build):
    return StoredLog.objects.filter(build=build).first()


def read(build, offset=0, most=None):
    """Return the bytes of the log from `offset` on, at most `most` of them."""
    parts, held = [], 0
    for block in blocks(build, offset):
        parts.append(block.data)
        held += len(parts[-1])
        if most is not None and held >= most:
            break
    return b"".join(parts)[:most]


@dataclass(frozen=True)
class Place:
    """The start of a line: its offset and its number."""

    offset: int = 0
    number: int = 1


@dataclass(frozen=True)
class Extent:
    """How far a log goes: `size` in bytes, and where the line begins that is to be written next."""

    size: int
    next: Place


def extent(build):
    """What there is to show now: whole lines, and one without an end when nothing more is written."""
    last = build.chunks.last()
    stored = None if last else stored_log(build)
    if stored:
        return Extent(stored.size, Place(stored.size, stored.lines + 1))
    if not last:
        return Extent(0, Place())
    data, number = bytes(last.data), last.lines_to_end + 1
    if build.log_is_complete:
        return Extent(last.end, Place(last.end, number + (not data.endswith(b"\n"))))
    if b"\n" in data:
        return Extent(last.end, Place(last.offset + data.rindex(b"\n") + 1, number))
    return Extent(last.end, Place(offset_of(build, number), number))


def unfinished(build, extent):
    """The Line that is being written, as far as it is; None where there is none, or nothing more is written."""
    size = extent.size - extent.next.offset
    if build.log_is_complete or size <= 0:
        return None
    head = read(build, extent.next.offset, min(size, SIDE))
    tail = read(build, max(extent.next.offset + SIDE, extent.size - SIDE), SIDE) if size > SIDE else b""
    if b"\n" in head + tail:  # it has an end by now, and is on its way as a whole
        return None
    return Line(extent.next.number, extent.next.offset, size, head, tail)


def offset_of(build, number):
    """The offset of the first byte of line `number`; None when there is no such line."""
    if number <= 1:
        return 0
    chunk = build.chunks.filter(line__lt=number - 1).order_by("-line", "-offset").first()
    if chunk:
        return Block(chunk.offset, chunk.line, bytes(chunk.data)).start_of(number)
    stored = stored_log(build)
    block = stored and log_files.block_before(stored, number)
    return block and block.start_of(number)


def number_at(build, offset):
    """The number of the line that the byte at `offset` is in, or that comes after the last."""
    if offset == 0:
        return 1
    # The byte before is there for sure, whatever is added just now.
    for block in blocks(build, offset - 1):
        return block.number_at(offset)
    return extent(build).next.number


def lines(build, offset=0, number=1):
    """Yield whole lines from `offset` on, which is the start of line `number`; the last needs no end once all is there."""
    ends, at = LineEnds(), offset
    for block in blocks(build, offset):
        *ended, rest = block.data.split(b"\n")
        for data in ended:
            ends.add(data)
            yield Line(number, at, ends.size, ends.head, ends.tail)
            at, number, ends = at + ends.size + 1, number + 1, LineEnds()
        ends.add(rest)
    if build.log_is_complete and ends.size:
        yield Line(number, at, ends.size, ends.head, ends.tail)


def lines_between(build, first, last):
    """Return the lines with these numbers: all, or as many as one answer carries, but one at least."""
    start = offset_of(build, first)
    if start is None or last < first:
        return []
    found, shown = [], 0
    for line in lines(build, start, first):
        found.append(line)
        shown += len(line.head) + len(line.tail)
        if line.number >= last or shown >= PIECE or line.offset + line.size - start >= LOOKED_THROUGH:
            break
    return found
