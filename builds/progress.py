"""How many packages a step has fetched and linked, counted as it happens and written now and then."""

import time

from packaging.utils import canonicalize_name

from .models import Step

EVERY = 0.5  # seconds between two writes
MARK = b"\x1e"  # begins a line of a tool that is for us and not for the log
FETCHED, LINKED = "fetched", "linked"


class Progress:
    """The counts of one step. They only grow, whoever counts."""

    def __init__(self, step):
        self.step, self.packages = step, 0
        self.counts = {FETCHED: 0, LINKED: 0}
        self.look = None  # called before a write: counts what is there
        self._written, self._last = time.monotonic(), None

    def reach(self, what, number):
        self.counts[what] = max(self.counts[what], min(number, self.packages))

    def add(self, what):
        self.reach(what, self.counts[what] + 1)

    def write_if_due(self):
        if self.packages and time.monotonic() - self._written >= EVERY:
            self.write()

    def write(self):
        self._written = time.monotonic()
        if self.look:
            self.look()
        fields = {"packages": self.packages or None} | self.counts
        if fields != self._last and self.packages:
            self._last = fields
            Step.objects.filter(pk=self.step.pk).update(**fields)


class MarkedLines:
    """Takes out of a tool's output, in bytes, the lines that count for a Progress: MARK, then what was done to one."""

    def __init__(self, progress):
        self.progress = progress
        self.output = None  # what is called with the rest
        self._line = b""

    def write(self, data):
        *lines, self._line = (self._line + data).split(b"\n")
        if shown := b"".join(line + b"\n" for line in lines if not self._is_count(line)):
            self.output(shown)

    def flush(self):
        if self._line:
            self.output(self._line)
        self._line = b""

    def _is_count(self, line):
        what = line.removeprefix(MARK).decode("utf-8", "replace")
        if not line.startswith(MARK) or what not in self.progress.counts:
            return False
        self.progress.add(what)
        return True


def installed(folders, names):
    """Return which of the pip packages stand in these folders, by what an installer leaves beside each."""
    found = (path.name.partition("-")[0] for folder in folders for path in folder.glob("*.dist-info"))
    return names & {canonicalize_name(name) for name in found}
