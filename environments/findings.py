"""What is wrong or unwise in a definition, as values. The texts stand in `catalogue.py`."""

from dataclasses import asdict, dataclass, replace

ERROR, WARNING, HINT = "error", "warning", "hint"
LEVELS = (ERROR, WARNING, HINT)


@dataclass(frozen=True)
class Fix:
    """A change that one click makes. `title` is what the button says, `path` the place in the document.

    `verb` says what happens there: `set` the value to `value`, `remove` it, `append` `value` to the list,
    `insert` it before the item that has this place now, `rename` the key to `value`, `to-pip`: move the
    dependency to the pip packages (as `value` if there is one; with an empty path only add `value` to them);
    `lines` replaces the lines from path[0] to path[1] of the text, counted from 1, with `value`.
    `formats/fixes.py` does it.
    """

    title: str
    verb: str
    path: tuple
    value: object = None

    @property
    def where(self):
        return "" if self.verb == "lines" else place(*self.path)

    def as_dict(self):
        path = list(self.path)
        return {"title": self.title, "verb": self.verb, "where": self.where, "path": path, "value": self.value}


@dataclass(frozen=True)
class Finding:
    """One remark.

    `where` is the place in the document (`python.condaDependencies.dependencies[2]`) or empty, `line` the
    line of the text it came from, from 1, or None.
    """

    code: str
    severity: str
    message: str
    where: str = ""
    line: int | None = None
    fix: Fix | None = None

    @property
    def sentence(self):
        if self.line:
            return f"Line {self.line}: {self.message}"
        return f"{self.where}: {self.message}" if self.where else self.message

    @property
    def is_elsewhere(self):
        """Whether it is about something outside the conda file."""
        return bool(self.where) and not self.where.startswith("python.condaDependencies")

    @property
    def section(self):
        """The section of an editor that it is about."""
        top = self.where.partition(".")[0]
        return {"docker": "Docker", "environmentVariables": "Variables"}.get(top, "Advanced")

    @property
    def key(self):
        """Names this finding among those of one text, so that a button can ask for its fix."""
        return f"{self.code}@{self.where or self.line or ''}"

    def at(self, line):
        return replace(self, line=line)

    def as_dict(self):
        return asdict(self) | {"fix": self.fix and self.fix.as_dict()}


def place(*path):
    """Write a path as people read it: `a.b[2].c`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def errors(findings):
    return [finding for finding in findings if finding.severity == ERROR]


def by_weight(findings):
    """Errors first, then warnings, then hints; inside each by line, else as they were found."""
    return sorted(findings, key=lambda finding: (LEVELS.index(finding.severity), finding.line or 0))
