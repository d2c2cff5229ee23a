"""Package names in sorted files, looked up in memory that does not grow with them. Pure."""

import mmap
import os
import re
import tempfile
import time
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path

NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,200}[a-z0-9_])?")
SMALLEST_FAMILY = 3
SHORTEST_PART = 3  # characters from which a text is looked for in the middle of names, too
SCANNED = 2_000_000  # bytes that are gone through for that in about a millisecond


class NameList:
    """The names of one registry: `path` holds one a line, `path.families` those that others are named after.

    A registry does not say what is used much. But names that many others begin with (numpy-…, pytest-…) are,
    and stand before the rest. `separators` are the characters after which a part of a name begins; in a list
    that is too long to be gone through, parts are looked for among the families alone.
    """

    def __init__(self, path, separators="-"):
        self.path, self.separators = Path(path), separators.encode()
        self.families = self.path.with_name(f"{self.path.name}.families")

    @property
    def age(self):
        """Seconds since it was written, None when it never was."""
        try:
            return time.time() - self.path.stat().st_mtime
        except FileNotFoundError:
            return None

    def write(self, names):
        """Replace the list by these names, of which those that are no names are left out. Return how many."""
        kept = sorted({name for name in names if NAME.fullmatch(name)})
        families = sorted(_families(kept, self.separators.decode()))
        _replace(self.families, (f"{name} {size}\n" for name, size in families))
        _replace(self.path, (f"{name}\n" for name in kept))
        return len(kept)

    def search(self, text, limit):
        """Up to `limit` names: the text itself, families that begin with it by size, others, those with such a part."""
        wanted = text.encode()
        with _mapped(self.path) as names, _mapped(self.families) as families:
            first = next(_beginning(names, wanted), None)
            found = {first: None} if wanted and first == wanted else {}
            known = (line.split() for line in _beginning(families, wanted))
            found |= dict.fromkeys(name for name, _ in sorted(known, key=lambda pair: -int(pair[1]))[:limit])
            found |= dict.fromkeys(islice(_beginning(names, wanted), limit))
            if len(wanted) >= SHORTEST_PART:
                scanned = names if len(names) <= SCANNED else families
                rest = (line.split()[0] for line in _with_part(scanned, wanted, self.separators))
                found |= dict.fromkeys(islice(rest, max(0, limit - len(found))))
        return [name.decode() for name in found][:limit]

    def remove(self):
        for path in (self.path, self.families):
            path.unlink(missing_ok=True)


def _families(names, separators):
    """Yield (name, how many names begin with it and a separator) from sorted names, where there are some."""
    enclosing = []  # [name, size] of each name that the present one begins with
    for name in names:
        while enclosing and not (name.startswith(enclosing[-1][0]) and name[len(enclosing[-1][0])] in separators):
            ended = enclosing.pop()
            if ended[1] >= SMALLEST_FAMILY:
                yield ended
        for outer in enclosing:
            outer[1] += 1
        enclosing.append([name, 0])
    yield from (family for family in reversed(enclosing) if family[1] >= SMALLEST_FAMILY)


def _beginning(data, wanted):
    """Yield the lines that begin with `wanted`, from the first, which is found by halving."""
    low, high = 0, len(data)
    while low < high:
        middle = (low + high) // 2
        start = max(low, data.rfind(b"\n", low, middle) + 1)
        end = data.find(b"\n", middle)
        if data[start:end] < wanted:
            low = end + 1
        else:
            high = start
    while low < len(data):
        end = data.find(b"\n", low)
        line = data[low:end]
        if not line.startswith(wanted):
            return
        yield line
        low = end + 1


def _with_part(data, wanted, separators):
    """Yield the lines in which `wanted` follows a separator."""
    for separator in separators:
        part = bytes([separator]) + wanted
        at = data.find(part)
        while at >= 0:
            end = data.find(b"\n", at)
            yield data[data.rfind(b"\n", 0, at) + 1 : end]
            at = data.find(part, end)


@contextmanager
def _mapped(path):
    """The bytes of a file, as it was when this began; none when there is no file."""
    try:
        with open(path, "rb") as file:
            is_empty = not os.fstat(file.fileno()).st_size
            data = b"" if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        data = b""
    with data if isinstance(data, mmap.mmap) else nullcontext():
        yield data


def _replace(path, lines):
    """Write a file at once: whoever reads sees all of the old or all of the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        try:
            file.writelines(lines)
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink()
            raise
