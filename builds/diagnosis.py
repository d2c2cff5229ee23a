"""Tells from a log why a build failed: class, sentence, the first line that shows it, the chain of a conflict. Pure."""

import re
from dataclasses import dataclass

from .failures import Failure
from .signs import SIGNS


@dataclass(frozen=True)
class Diagnosis:
    """`line` is the number of the line in the text, from 1, or None; `quote` what stands there; `chain` sentences."""

    failure: str
    reason: str
    line: int | None = None
    quote: str = ""
    chain: tuple = ()


class Diagnosed(Exception):
    """The work ends here, for the reason in the Diagnosis."""

    @property
    def diagnosis(self):
        return self.args[0]


LONGEST_LINE = 4_000  # characters; what is longer is no sentence of a tool
LONGEST_QUOTE = 500
MOST_LINKS = 30  # of a chain

_SIGNS = [(failure, re.compile(pattern, re.MULTILINE), sentence) for failure, pattern, sentence in SIGNS]


def out_of_memory(memory):
    """The sentence for a limit in MB."""
    return f"The step needed more memory than the {memory} MB that a build may have."


def diagnose(text, step, memory):
    """Return the Diagnosis of the output of a failed step. `memory` is the limit in MB."""
    lines = [line.rstrip("\r").rsplit("\r", 1)[-1][:LONGEST_LINE] for line in text.split("\n")]
    text = "\n".join(lines)
    for failure, pattern, sentence in _SIGNS:
        if match := pattern.search(text):
            number = text.count("\n", 0, match.start()) + 1
            caught = [group for group in match.groups() if group]
            following = lines[number].strip().removeprefix("cause: ") if number < len(lines) else ""
            words = {"cause": _cause(lines), "memory": memory, "next": following, "line": lines[number - 1].strip()}
            reason = sentence.format(match[0], *caught, "", **words).strip()
            return Diagnosis(failure, reason, number, _quote(lines, number), _chain(lines))
    told = [number for number, line in enumerate(lines, 1) if line.strip()]
    shown = next((number for number in told if lines[number - 1].startswith("error: ")), told[-1] if told else None)
    words = f": {lines[shown - 1].strip().removeprefix('error: ')}" if shown else "."
    return Diagnosis(Failure.OURS, f"The {step} step failed{words}", shown, _quote(lines, shown))


def _quote(lines, number):
    return lines[number - 1].strip()[:LONGEST_QUOTE] if number else ""


def _cause(lines):
    """uv's explanation as one paragraph: from `cause:` to the first empty line."""
    start = next((i for i, line in enumerate(lines) if re.match(r"[ ]*cause: ", line)), None)
    if start is None:
        return ""
    told = []
    for line in lines[start:]:
        if not line.strip():
            break
        told.append(line.strip().removeprefix("cause: "))
    return " ".join(told)


def _chain(lines):
    """Return the reasons why requirements do not fit together, each a sentence, as the resolver gives them."""
    links = _of_uv(_cause(lines)) or _of_pip(lines) or _of_rattler(lines)
    return tuple(links[:MOST_LINKS]) if len(links) > 1 else ()


_STARTS = r"(?:you require|your|only|there|all versions|the requested|[\w.\-\[\]]{1,120}(?:[=<>!~]\S{0,200})? (?:depends?|has|have|was|is) )"


def _of_uv(cause):
    """“Because A and B, we can conclude that C. And because D, …” as A, B, so C, D, …"""
    told = []
    for sentence in re.split(r"(?<=\.) (?=And because |Because )", cause):
        if not re.match(r"(?:And b|B)ecause ", sentence):
            break
        reasons, _, conclusion = sentence.partition("ecause ")[2].partition("we can conclude that ")
        told += [reason.strip(" ,") for reason in re.split(rf",? and (?={_STARTS})", reasons)]
        told += [f"so {conclusion.strip(' .')}"] if conclusion else []
    return [link.replace(" depends on ", " needs ").replace(" depend on ", " need ") for link in told]


def _of_pip(lines):
    """The lines below “The conflict is caused by:”."""
    start = next((i for i, line in enumerate(lines, 1) if line.startswith("The conflict is caused by:")), None)
    told = []
    for line in lines[start:] if start else ():
        if not line.strip():
            break
        told.append(line.strip().replace(" depends on ", " needs "))
    return told


def _of_rattler(lines):
    """The tree below “Cannot solve the request because of:”, from the root to the leaves."""
    words = "Cannot solve the request because of: "
    start = next((i for i, line in enumerate(lines) if words in line), None)
    if start is None:
        return []
    told = [lines[start].partition(words)[2]]
    for line in lines[start + 1 :]:
        if not re.match(r"[ ]*[│├└]", line):
            break
        told.append(line.strip(" │├└─"))
    return [link.strip(" .:") for link in told]


class Tail:
    """The end of what a tool wrote, in which the cause of a failure is looked for."""

    KEPT = 500_000  # bytes

    def __init__(self, lines_before):
        self.lines_before = lines_before
        self._data = bytearray()

    def write(self, data):
        self._data += data
        if len(self._data) > 2 * self.KEPT:
            self.lines_before += self._data.count(b"\n", 0, len(self._data) - self.KEPT)
            del self._data[: -self.KEPT]

    @property
    def text(self):
        return self._data.decode("utf-8", "replace")
