"""Tells from a log why a build failed: class, sentence, and the first line that shows it. Pure."""

import re
from dataclasses import dataclass

from .failures import Failure


@dataclass(frozen=True)
class Diagnosis:
    """`line` is the number of the line in the text, from 1, or None."""

    failure: str
    reason: str
    line: int | None = None


LONGEST_LINE = 4_000  # characters; what is longer is no sentence of a tool

# In this order, because a log may show several: the first class that matches anywhere is the cause.
# `{1}` is what the pattern caught; `{cause}` is what the resolver says, in one paragraph.
CLASSES = [
    (
        Failure.DISK_FULL,
        r"No space left on device|os error 28\b|Disk quota exceeded",
        "The disk of the worker is full.",
    ),
    (
        Failure.OUT_OF_MEMORY,
        r"memory allocation of \d+ bytes failed|MemoryError|Cannot allocate memory|std::bad_alloc",
        "The step needed more memory than the {memory} MB that a build may have.",
    ),
    (
        Failure.HASH_MISMATCH,
        r"Hash mismatch for `([^`]+)`",
        "{1} is not the file that was locked: its hash is another.",
    ),
    (
        Failure.PACKAGE_NOT_FOUND,
        r"[Bb]ecause (\S+) was not found in the package registry",
        "The index has no package named {1}.",
    ),
    (
        Failure.NO_WHEEL,
        r"(?:[Bb]ecause|and) (?:all versions of )?(\S+?)(?:[=<>]\S+)? (?:has|have) no (?:wheels with a matching|usable wheels)",
        "{1} has no wheel for this platform and Python. {cause}",
    ),
    (
        Failure.NO_VERSION,
        # That only one is there and wants what another forbids is a conflict.
        r"[Bb]ecause (?:there is no version of (\S+?)[=<>]|only (\S+?)[=<>]\S+ is available(?! and \2\S+ depends on)|"
        r"only the following versions of (\S+) are available)",
        "No version of {1} matches. {cause}",
    ),
    (Failure.CONFLICT, r"^\s*cause: Because", "The requirements do not fit together. {cause}"),
    (Failure.CONFLICT, r"No solution found when resolving", "The requirements do not fit together. {cause}"),
    (Failure.IMPORT, r"^(\S+ cannot be imported: .*)$", "{1}"),
    (
        Failure.NETWORK,
        r"(?:error sending request|dns error|Failed to fetch|[Cc]onnection (?:refused|reset)|operation timed out|"
        r"Network is unreachable|Temporary failure in name resolution|Request failed after).*",
        "The package index could not be reached.",
    ),
    (Failure.INCOMPATIBLE, r"Found \d+ incompatibilit", "Installed packages do not fit together: {next}"),
]


def out_of_memory(memory):
    """The sentence for a limit in MB."""
    return f"The step needed more memory than the {memory} MB that a build may have."


def diagnose(text, step, memory):
    """Return the Diagnosis of the output of a failed step. `memory` is the limit in MB."""
    lines = [line.rstrip("\r")[:LONGEST_LINE] for line in text.split("\n")]
    for failure, pattern, sentence in CLASSES:
        for number, line in enumerate(lines, 1):
            match = re.search(pattern, line)
            if match:
                caught = next((group for group in match.groups() if group), "")
                following = lines[number].strip() if number < len(lines) else ""
                reason = sentence.format(match[0], caught, cause=_cause(lines), memory=memory, next=following)
                return Diagnosis(failure, reason.strip(), number)
    told = [number for number, line in enumerate(lines, 1) if line.strip()]
    shown = next((number for number in told if lines[number - 1].startswith("error: ")), told[-1] if told else None)
    words = f": {lines[shown - 1].strip().removeprefix('error: ')}" if shown else "."
    return Diagnosis(Failure.OURS, f"The {step} step failed{words}", shown)


def _cause(lines):
    """The resolver's explanation as one paragraph: from `cause:` to the first empty line."""
    start = next((i for i, line in enumerate(lines) if re.match(r"\s*cause: ", line)), None)
    if start is None:
        return ""
    told = []
    for line in lines[start:]:
        if not line.strip():
            break
        told.append(line.strip().removeprefix("cause: "))
    return " ".join(told)
