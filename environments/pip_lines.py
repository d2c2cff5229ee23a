"""Lines of a pip requirements file, parsed and never handed on as they stand.

The grammar is PEP 508; the file format is that of pip's requirements files. Pure.
"""

import re
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .findings import error

LONGEST_TEXT = 1_000_000
LONGEST_LINE = 2_000


@dataclass(frozen=True)
class PipLine:
    """One requirement: the text as written, and what it means."""

    text: str
    requirement: Requirement

    @property
    def name(self):
        """Normalised as PEP 503 says: `Foo_Bar` is `foo-bar`."""
        return canonicalize_name(self.requirement.name)

    @property
    def canonical(self):
        """The same string for every spelling of the same requirement."""
        wanted = self.requirement
        extras = sorted(canonicalize_name(extra) for extra in wanted.extras)
        text = self.name + (f"[{','.join(extras)}]" if extras else "")
        text += ",".join(sorted(str(specifier) for specifier in wanted.specifier))
        return f"{text}; {wanted.marker}" if wanted.marker else text

    @property
    def is_pinned(self):
        return any(
            specifier.operator in ("==", "===") and not specifier.version.endswith(".*")
            for specifier in self.requirement.specifier
        )


def parse(text, where="", line=None):
    """Return a PipLine, None for a blank or a comment, or a Finding that says why neither can be."""
    text = without_comment(text)
    if not text:
        return None
    if len(text) > LONGEST_LINE:
        return error("too-long", f"A requirement has at most {LONGEST_LINE:,} characters.", where, line)
    option = re.match(r"(?:.*\s)?(--?[a-z][a-z-]*)", text)
    if option and (text.startswith("-") or " --" in text):
        return error(
            "pip-option",
            f"The option {option[1]} is not accepted among packages. Name each package on a line of its own; "
            "indexes are settings of the portal, and hashes come with the lock.",
            where,
            line,
        )
    if _is_path_or_url(text):
        return error(
            "pip-url",
            f"“{_shorten(text)}” is a path or a URL. A package is named with its version, such as numpy==2.1.0.",
            where,
            line,
        )
    try:
        requirement = Requirement(text)
    except InvalidRequirement as fault:
        return error("pip-invalid", _explain(text, str(fault)), where, line)
    except RecursionError:
        return error("pip-invalid", _explain(text, "its marker is nested too deep"), where, line)
    if requirement.url:
        return error(
            "pip-url",
            f"“{requirement.name}” comes from a URL, which cannot be locked from the index. Name its version instead.",
            where,
            line,
        )
    found = PipLine(text, requirement)
    if reason := _why_not_clean(found):
        return error("pip-invalid", _explain(text, reason), where, line)
    return found


def read(text):
    """Read a whole requirements file. Return (list of PipLine, list of Finding with line numbers)."""
    if len(text) > LONGEST_TEXT:
        return [], [error("too-long", f"The text has {len(text):,} characters; {LONGEST_TEXT:,} are read.")]
    found = [parse(logical, line=number) for number, logical in _logical_lines(text)]
    return (
        [line for line in found if isinstance(line, PipLine)],
        [line for line in found if line is not None and not isinstance(line, PipLine)],
    )


def split(text):
    """Split a requirement into what a form shows in two fields: name with extras, and the rest."""
    text = text.strip()
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\s*\[[^\]]*\])?", text)
    return (match[0], text[match.end() :].lstrip()) if match else (text, "")


def _logical_lines(text):
    """Join lines that end in a backslash; yield (number of the first, text)."""
    first, parts = None, []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        first = first or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            parts.append(line[:-1])
            continue
        yield first, " ".join([*parts, line])
        first, parts = None, []
    if parts:
        yield first, " ".join(parts)


def without_comment(text):
    """Cut off what stands behind a # that begins the line or follows a space."""
    text = text.strip()
    if text.startswith("#"):
        return ""
    comment = re.search(r"\s#", text)
    return text[: comment.start()].rstrip() if comment else text


def _why_not_clean(line):
    """Say why a requirement that could be read cannot be written for the resolver, or return nothing."""
    for specifier in line.requirement.specifier:
        if specifier.operator == "===" and not _is_version(specifier.version):
            return f"{specifier.version or 'nothing'} is no version"
    try:
        if line.requirement.marker:
            line.requirement.marker.evaluate({"extra": ""})
        again = Requirement(line.canonical)
    except (ValueError, KeyError, RecursionError):
        return "its marker means nothing here"
    if not line.canonical.isprintable() or PipLine("", again).canonical != line.canonical:
        return "it holds characters that no requirement has"
    return ""


def _is_version(text):
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _is_path_or_url(text):
    return bool(
        re.match(r"([a-z+]+:)?//|(git|hg|svn|bzr)\+|[a-z]+://|\.{0,2}/|[A-Za-z]:\\|\.{1,2}$", text)
        or re.search(r"^[^\s;@]+\.(whl|zip|tar\.gz|tgz)$", text)
    )


def _explain(text, reason):
    reason = reason.splitlines()[0].rstrip(".:")
    if re.match(r"^[A-Za-z0-9._-]+\s*=\s*[^=]", text):
        reason = "pip writes == where conda writes ="
    return f"“{_shorten(text)}” cannot be read as a package: {reason}."


def _shorten(text, longest=80):
    text = "".join(character if character.isprintable() else "·" for character in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"
