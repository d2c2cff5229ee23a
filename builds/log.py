"""The log of a build: bytes of UTF-8 that are only ever added, read by offset."""

import codecs
import time
from dataclasses import dataclass

from django.db.models import Max

from .models import LogChunk

FLUSH_SECONDS = 0.25
FLUSH_BYTES = 64_000
# What one answer carries at the most, in bytes.
PIECE = 256_000
# What is kept of a log, in bytes: a package may print for ever.
LONGEST = 20_000_000


class LogWriter:
    """Gathers output for a moment and appends it. Whatever a tool writes becomes clean UTF-8."""

    def __init__(self, build):
        self.build = build
        self.offset = self.lines = 0
        self._at_start_of_line = True
        self._is_full = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts, self._held, self._flushed = [], 0, time.monotonic()

    def say(self, line):
        """Append a line of ours, on a line of its own, at once."""
        self.write(f"{'' if self._at_start_of_line else chr(10)}{line}\n".encode())
        self.flush()

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
            LogChunk.objects.create(build=self.build, offset=self.offset, data=data)
            self.offset += len(data)
            self._parts, self._held = [], 0


@dataclass(frozen=True)
class Line:
    """One line of a log: its number from 1, the offset of its first byte, its text without the end."""

    number: int
    offset: int
    text: str


def read(build, offset=0, most=None):
    """Return the bytes of the log from `offset` on, at most about `most` of them."""
    start = build.chunks.filter(offset__lte=offset).aggregate(Max("offset"))["offset__max"]
    if start is None:
        return b""
    parts, held = [], 0
    for chunk in build.chunks.filter(offset__gte=start).iterator(chunk_size=50):
        data = bytes(chunk.data)[max(0, offset - chunk.offset) :]
        parts.append(data)
        held += len(data)
        if most is not None and held >= most:
            break
    return b"".join(parts)[:most]


def read_lines(build, offset=0, number=1, most=PIECE):
    """Return (lines, offset after them): whole lines, but for the last one of a build that has ended.

    `offset` must be the start of line `number`. A line longer than `most` comes in pieces.
    """
    data = read(build, offset, most)
    end = data.rfind(b"\n") + 1
    is_last = build.log_is_complete and len(data) < most
    if is_last or (not end and len(data) == most):
        end = len(data)
    lines, at = [], offset
    for raw in data[:end].split(b"\n"):
        if at - offset >= end:
            break
        text = raw.decode("utf-8", "replace").rstrip("\r")
        # A progress bar draws over itself; what it drew last is what it says.
        lines.append(Line(number + len(lines), at, text.rsplit("\r", 1)[-1]))
        at += len(raw) + 1
    return lines, min(at, offset + end)
