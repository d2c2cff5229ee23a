"""What is wrong or unwise in a definition, as values."""

from dataclasses import asdict, dataclass

ERROR, WARNING, HINT = "error", "warning", "hint"


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

    @property
    def sentence(self):
        if self.line:
            return f"Line {self.line}: {self.message}"
        return f"{self.where}: {self.message}" if self.where else self.message

    def as_dict(self):
        return asdict(self)


def error(code, message, where="", line=None):
    return Finding(code, ERROR, message, where, line)


def warning(code, message, where="", line=None):
    return Finding(code, WARNING, message, where, line)


def errors(findings):
    return [finding for finding in findings if finding.severity == ERROR]
