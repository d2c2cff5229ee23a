"""The order of conda's versions. Pure.

Source: conda's documentation of version ordering. An epoch (`1!`) counts first, then the release, then what stands
behind `+`. Each is split at `.`, `_` and `-` into segments, and these into runs of digits and of letters; what one
version lacks counts as 0. Numbers are compared as numbers and stand above words, words as words, whatever their case;
`dev` is below every word, `post` above every number. An underscore at the very end is a word below all others but
`dev`: that is how openssl's 1.0.1_ comes before 1.0.1a.
"""

import re
from functools import lru_cache
from itertools import zip_longest

_SEGMENTS = r"[0-9a-z]+(?:[._][0-9a-z]+)*(?:[._]?_)?"
_VERSION = re.compile(rf"(?:(?P<epoch>[0-9]+)!)?(?P<release>{_SEGMENTS})(?:\+(?P<local>{_SEGMENTS}))?", re.ASCII)
_LAST = re.compile(r"[._]?_$")
_RUNS = re.compile(r"[0-9]+|[a-z]+|_")
_WORD, _NUMBER, _POST = 0, 1, 2
_NOTHING = (_NUMBER, 0)


@lru_cache(maxsize=20_000)
def parse(text):
    """Return (epoch, segments of the release, segments of the local part). Raise ValueError for no version."""
    match = _VERSION.fullmatch(text.lower().replace("-", "_"))
    if not match:
        raise ValueError(f"“{text}” is no version of conda.")
    return int(match["epoch"] or 0), _segments(match["release"]), _segments(match["local"] or "0")


def compare(one, other):
    """Return -1, 0 or 1 as the first version is older than the second, the same or newer. Raise ValueError."""
    (epoch, *parts), (other_epoch, *other_parts) = parse(one), parse(other)
    if epoch != other_epoch:
        return -1 if epoch < other_epoch else 1
    return next((sign for pair in zip(parts, other_parts, strict=True) if (sign := _compare(*pair))), 0)


def place_of_difference(one, other):
    """Which number of the release is the first that differs, from 0; None where none does, as in 9e and 9f."""
    numbers = ([segment[0][1] for segment in parse(version)[1]] for version in (one, other))
    return next((i for i, (a, b) in enumerate(zip_longest(*numbers, fillvalue=0)) if a != b), None)


def _segments(text):
    last = _LAST.search(text)
    parts = re.split(r"[._]", text[: last.start()] if last else text)
    if last:
        parts = [*parts, "_"] if len(last[0]) == 2 else [*parts[:-1], f"{parts[-1]}_"]
    return tuple(_segment(part) for part in parts)


def _segment(text):
    runs = tuple(_run(text) for text in _RUNS.findall(text))
    return runs if text[0].isdigit() else (_NOTHING, *runs)


def _run(text):
    if text.isdigit():
        return _NUMBER, int(text)
    return (_POST, 0) if text == "post" else (_WORD, "DEV" if text == "dev" else text)


def _compare(one, other):
    pairs = zip_longest(one, other, fillvalue=(_NOTHING,))
    return next((sign for pair in pairs if (sign := _compare_segments(*pair))), 0)


def _compare_segments(one, other):
    pairs = zip_longest(one, other, fillvalue=_NOTHING)
    return next((-1 if a < b else 1 for a, b in pairs if a != b), 0)
