"""The base score of a CVSS 3 vector, and its word. Pure.

Source: CVSS v3.1, sections 7.1 and 5. Vectors of version 4 are scored by a table of expert opinions, and those of
version 2 have no word “critical”: both are shown as they stand, and never turned into a number here.
"""

import re

WORDS = ("critical", "high", "medium", "low", "none")  # the worst first
_WEIGHTS = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}


def score(vector):
    """Return the base score from 0.0 to 10.0; None for what is no vector of version 3."""
    if not re.fullmatch(r"CVSS:3\.[01](/[A-Z]{1,3}:[A-Z])+", vector):
        return None
    said = dict(part.split(":") for part in vector.split("/")[1:])
    try:
        weights = {name: table[said[name]] for name, table in _WEIGHTS.items()}
        privileges = _PRIVILEGES[said["S"]][said["PR"]]
    except KeyError:
        return None
    return _base(weights, privileges, said["S"] == "C")


def word(base_score):
    """The word of the qualitative scale."""
    steps = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
    return next((word for least, word in steps if base_score >= least), "none")


def _base(weights, privileges, is_changed):
    missed = (1 - weights["C"]) * (1 - weights["I"]) * (1 - weights["A"])
    impact = 6.42 * (1 - missed)
    if is_changed:
        impact = 7.52 * (1 - missed - 0.029) - 3.25 * (1 - missed - 0.02) ** 15
    if impact <= 0:
        return 0.0
    ease = 8.22 * weights["AV"] * weights["AC"] * privileges * weights["UI"]
    return _up(min((1.08 if is_changed else 1) * (impact + ease), 10))


def _up(number):
    """The next tenth, without being misled by binary fractions (appendix A)."""
    whole = round(number * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10
