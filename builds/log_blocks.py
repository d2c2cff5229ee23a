"""Pieces of a log, and where in them a line begins. Pure."""

import struct
from bisect import bisect_left
from dataclasses import dataclass

BLOCK = 65_536  # bytes; the index of a file says how many lines end before each


@dataclass(frozen=True)
class Block:
    """Bytes of a log, with their offset and how many lines end before them."""

    offset: int
    line: int
    data: bytes

    @property
    def end(self):
        return self.offset + len(self.data)

    def number_at(self, offset):
        """The number of the line that the byte at `offset` is in."""
        return self.line + self.data.count(b"\n", 0, offset - self.offset) + 1

    def since(self, offset):
        """What of it is from `offset` on."""
        if offset <= self.offset:
            return self
        return Block(offset, self.number_at(offset) - 1, self.data[offset - self.offset :])

    def start_of(self, number):
        """The offset of line `number`, whose start is in this block or just after it; None when it is not."""
        parts = self.data.split(b"\n", number - 1 - self.line)
        return self.end - len(parts[-1]) if len(parts) == number - self.line else None


class IndexWriter:
    """Counts lines while a file is written."""

    def __init__(self):
        self.size = self.lines = 0
        self.counts, self._is_cut = [], False

    @property
    def all_lines(self):
        """Also the last one, when it has no end."""
        return self.lines + self._is_cut

    @property
    def packed(self):
        return struct.pack(f"<{len(self.counts)}I", *self.counts)

    def write(self, data):
        at = 0
        while at < len(data):
            room = BLOCK - self.size % BLOCK
            if room == BLOCK:
                self.counts.append(self.lines)
            part = data[at : at + room]
            self.size += len(part)
            self.lines += part.count(b"\n")
            at += room
        self._is_cut = not data.endswith(b"\n") if data else self._is_cut


class Index:
    """Where to look in a file for a line."""

    def __init__(self, packed):
        packed = bytes(packed)
        self.counts = struct.unpack(f"<{len(packed) // 4}I", packed)

    def block_before(self, number):
        """The number of the block in which the line before line `number` ends."""
        return max(0, bisect_left(self.counts, number - 1) - 1)
