"""What a person did wrong in a text that is no YAML, in words. Pure.

The parser stops where nothing fits any more, which is often a line or more behind the mistake. So the lines are
looked at first, from the top or from where it stopped upwards, and the words of the parser last.
"""

import re

from ..addresses import redact
from ..catalogue import found
from ..texts import shorten

_KEYS = (
    r"name|channels|dependencies|variables|prefix|platforms|category|conda_file|image|build|pip|python|docker"
    r"|description|tags|version"
)
_NO_SPACE_BEHIND_DASH = re.compile(r"(\s*(?:- +)*)-(?=[A-Za-z_\"'])(?!-)")
_NO_COLON = re.compile(rf"((?:- +)?(?:{_KEYS}))(?=\s*$|\s+[^\s:#=<>!~]+\s*$)")
_NO_SPACE_BEHIND_COLON = re.compile(rf"(\s*(?:- +)?(?:{_KEYS})):(?=\S)")
_OPENS_QUOTE = re.compile(r"\s*(?:- +)*(?:[\w.-]+:\s+)?([\"'])(.*)$")
_FIRST = re.compile(r"\s*(?:- +)*(?:[\w.-]+: +)?([@`%*&!|>?\]},:])")
_ODD_BLANKS = "\u00a0\u2000-\u200b\u202f\u3000\ufeff"


def explain(lines, stopped, opened, problem):
    """Return the Finding for a text that the parser gave up on.

    `stopped` is the line where it did, `opened` the line where the list, mapping or text began that it was in,
    and `problem` what it says, in its own words.
    """
    stopped = _last_line_with_text(lines, stopped)
    near = [stopped, _last_line_with_text(lines, stopped - 1)]
    return (
        _merge_marks(lines)
        or _template(lines, near)
        or _tab(lines, near)
        or _odd_blank(lines, near)
        or _dash(lines, stopped)
        or _quotation_mark(lines, near, opened, problem)
        or _bracket(lines, stopped, opened, problem)
        or _first_character(lines, stopped, problem)
        or _colon(lines, stopped)
        or _by_problem(lines, stopped, problem)
    )


def swallowed(lines, first, last, indent):
    """The Finding for a text that goes on over lines of which one is meant to be an item of its own, or None.

    `indent` is the column of the dash before the text.
    """
    for number in range(first, last + 1):
        line = _line(lines, number)
        if number > first or indent is None:
            if match := _NO_SPACE_BEHIND_DASH.match(line):
                return _no_space_behind_dash(number, line, match)
            if re.match(r"\s*- ", line) and number > first:
                before = _line(lines, number - 1)
                if re.fullmatch(r"\s*- +pip\s*", before):
                    return _no_colon(number - 1, before, before.rstrip())
                reason = "this line is indented further than the list it belongs to, and so belongs to the line above"
                return _invalid(number, reason, " " * indent + line.strip() if indent is not None else None)
    return None


def _line(lines, number):
    return lines[number - 1] if 1 <= number <= len(lines) else ""


def _last_line_with_text(lines, number):
    number = min(number, len(lines))
    while number > 1 and not _line(lines, number).strip():
        number -= 1
    return max(number, 1)


def _invalid(number, reason, instead=None):
    if instead is None:
        return found("yaml-invalid", line=number, reason=reason)
    fix = {"verb": "lines", "path": (number, number), "value": instead}
    return found("yaml-invalid", line=number, reason=reason, instead=shorten(redact(instead.strip()), 40), **fix)


# Mistakes that the lines show


def _merge_marks(lines):
    for number, line in enumerate(lines, 1):
        if re.match(r"(?:<{7}|>{7}|={7})(?: |$)", line):
            return _invalid(number, "a merge left its marks here; keep one of the two sides and remove the marks")
    return None


def _template(lines, near):
    for number in near:
        text = _line(lines, number).strip()
        if "{{" in text or "{%" in text:
            return found("template-value", line=number, text=shorten(redact(text.removeprefix("- "))))
    return None


def _tab(lines, near):
    for number in near:
        line = _line(lines, number)
        if re.match(r"[ -]*\t", line):
            instead = line.replace("\t", "  ")
            return found("yaml-tab", line=number, verb="lines", path=(number, number), value=instead)
    return None


def _odd_blank(lines, near):
    for number in near:
        line = _line(lines, number)
        if re.match(rf"[ -]*[{_ODD_BLANKS}]", line):
            instead = re.sub(rf"[{_ODD_BLANKS}]", " ", line)
            return _invalid(number, "a blank that is no plain space stands at the beginning of this line", instead)
    return None


def _dash(lines, stopped):
    for number in range(1, stopped + 1):
        line = _line(lines, number)
        if match := _NO_SPACE_BEHIND_DASH.match(line):
            return _no_space_behind_dash(number, line, match)
    return None


def _no_space_behind_dash(number, line, match):
    return _invalid(number, "a space is missing behind the dash", f"{match[0]} {line[match.end() :]}")


def _quotation_mark(lines, near, opened, problem):
    if "escape" in problem:
        reason = "a backslash between double quotation marks has a meaning of its own; take single ones (')"
        return _invalid(near[0], reason)
    for number in range(max(opened, near[0] - 50), near[0] + 1):
        match = _OPENS_QUOTE.match(_line(lines, number))
        if match and match[2].count(match[1]) == 0:
            return _invalid(number, f"the quotation mark {match[1]} that opens here is not closed on its line")
    if "quoted scalar" in problem:
        return _invalid(opened, "a quotation mark opens here and is not closed")
    match = _OPENS_QUOTE.match(_line(lines, near[0]))
    if match and re.search(rf"{match[1]}\s*[^\s#,:\]}}]", match[2]):
        return _invalid(near[0], "something stands behind the closing quotation mark")
    return None


def _bracket(lines, stopped, opened, problem):
    if "flow sequence" not in problem and "flow mapping" not in problem:
        return None
    mark, end = ("[", "]") if "flow sequence" in problem else ("{", "}")
    if "{{" in _line(lines, opened):
        return _template(lines, [opened])
    if opened < stopped or end not in _line(lines, opened):
        return _invalid(opened, f"the bracket {mark} that opens here is not closed; “{end}” is missing")
    return _invalid(stopped, f"a comma or “{end}” is missing")


_ABOUT_FIRST = ("start any token", "alias", "anchor", "a tag", "block scalar", "directive", "node content")


def _first_character(lines, stopped, problem):
    match = _FIRST.match(_line(lines, stopped))
    if not match or not any(words in problem for words in _ABOUT_FIRST):
        return None
    if match[1] in "]},":
        return _invalid(stopped, f"“{match[1]}” stands here, and nothing was opened that it belongs to")
    return _invalid(stopped, f"a text that begins with {match[1]} needs quotation marks")


def _colon(lines, stopped):
    for number in range(1, stopped + 1):
        line = _line(lines, number)
        stripped = line.strip()
        if match := _NO_SPACE_BEHIND_COLON.match(line):
            return _invalid(number, "a space is missing behind the colon", f"{match[0]} {line[match.end() :]}")
        match = _NO_COLON.match(stripped)
        if match and not (match[1] == "- pip" and not _is_key(lines, number)) and not stripped.startswith("- python"):
            indent = line[: len(line) - len(line.lstrip())]
            return _no_colon(number, line, f"{indent}{match[1]}", line.strip()[len(match[1]) :])
    return None


def _no_colon(number, line, key, rest=""):
    word = key.strip().removeprefix("- ")
    return _invalid(number, f"a colon is missing behind {word}", f"{key}:{rest}")


def _is_key(lines, number):
    """Whether deeper lines follow, as they do below a key."""
    line, after = _line(lines, number), _line(lines, number + 1)
    return len(after) - len(after.lstrip()) > len(line) - len(line.lstrip()) and after.lstrip().startswith("-")


# What only the parser noticed


def _by_problem(lines, stopped, problem):
    text = _line(lines, stopped).strip()
    if text.startswith(":"):
        return _invalid(stopped, "a colon stands here without a key before it")
    if "mapping values are not allowed" in problem:
        return _invalid(stopped, _why_no_key(lines, stopped))
    if "document start" in problem and any(line.startswith("...") for line in lines[: stopped - 1]):
        return _invalid(stopped, "the document ended above with “...”, and nothing may follow")
    if "could not find expected ':'" in problem:
        number = stopped if text and not re.search(r":(\s|$)", text) and not text.startswith("- ") else stopped - 1
        shown = shorten(redact(_line(lines, max(number, 1)).strip()), 60)
        return _invalid(max(number, 1), f"“{shown}” is neither a list item (- …) nor a key with a colon")
    if any(words in problem for words in ("block end", "expected key", "'-' indicator", "document start")):
        return _invalid(stopped, "this line is indented in another way than the list or mapping it belongs to")
    if "directive" in problem or "YAML document" in problem:
        return _invalid(stopped, "a line that begins with % is an instruction for the reader, and this one is unknown")
    return _invalid(stopped, "this line does not fit to what stands above it")


def _why_no_key(lines, stopped):
    line = _line(lines, stopped)
    if len(re.findall(r":(?:\s|$)", line)) > 1:
        return "a text that holds “: ” needs quotation marks"
    return "a key begins here in the middle of the value above; the line is indented too far, or a dash is missing"
