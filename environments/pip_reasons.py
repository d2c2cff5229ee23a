"""Why a text is no requirement, in words, and what was probably meant. Pure."""

import re

from packaging.requirements import InvalidRequirement, Requirement


def explain(text, reason):
    """Return (what is wrong in words, what is probably meant or empty)."""
    if "::" in text:
        return "channel:: is conda's; name the package alone, or ask conda for it", text.rpartition("::")[2].strip()
    for pattern, repair, words in _REPAIRS:
        instead = pattern.sub(repair, text)
        if instead != text and is_requirement(instead):
            return words, instead
    return next(words for said, words in _REASONS if said in reason), ""


def is_requirement(text):
    try:
        Requirement(text)
    except (InvalidRequirement, RecursionError):
        return False
    return True


# What the parser of requirements says, and the same in words.
_REASONS = [
    ("nested too deep", "its marker is nested too deep"),
    ("at the start", "it does not begin with a name"),
    ("RIGHT_", "a bracket is not closed"),
    ("extra", "what stands between [ and ] are no extras"),
    (".* suffix", ".* goes with == and != alone"),
    ("Local version", "a local version (+…) goes with == and != alone"),
    ("marker", "its marker, behind the semicolon, cannot be read"),
    ("'in'", "its marker, behind the semicolon, cannot be read"),
    ("'not'", "its marker, behind the semicolon, cannot be read"),
    ("URL", "an address belongs behind the @"),
    ("", "what follows the name is no constraint such as ==1.0 or >=1,<2"),
]
_NAME = r"^[A-Za-z0-9._-]+(?:\[[^\]]*\])?"
_REPAIRS = [
    (re.compile(r"^([A-Za-z]\w*) ([A-Za-z]\w*)$"), r"\1-\2", "a name has no spaces"),
    (re.compile(rf"({_NAME})\s*=\s*(?=[^=\s])"), r"\1==", "pip writes == where conda writes ="),
    (re.compile(rf"({_NAME})\s+v?(?=\d)"), r"\1==", "pip writes == between name and version"),
    (re.compile(r"=([<>])"), r"\1=", "the operator is written the other way round"),
    (re.compile(r"([<>=!~]\s*[\w.*]+)\s+(?=[<>!~=])"), r"\1,", "a comma is missing between two constraints"),
    (re.compile(r"(?<=\w)\s*@\s*(?=\d)"), "==", "pip writes == where others write @"),
    (re.compile(r"[,;:]\s*$"), "", "it ends with a mark"),
    (re.compile(r"(>=|<)\s*([\d.]+)\.\*"), r"\1\2", ".* goes with == and != alone"),
    (re.compile(r"[“”\"']|[\"'],$"), "", "it holds a quotation mark"),
]
