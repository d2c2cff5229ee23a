"""Match specs of conda, read as far as a definition needs it: channel, name, constraint. Pure.

Source: conda's documentation of match specifications.
"""

import re
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from .findings import error
from .pip_lines import without_comment

LONGEST = 500
_SPEC = re.compile(
    r"(?:(?P<channel>[^\s:\[\]]+)::)?"
    r"(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)"
    # An operator may follow at once, a bare version only after a space; then perhaps brackets.
    r"(?P<rest>(?:\s*[=<>!~][\w.*=<>!~|,+()^$\s-]*|\s+[\d*][\w.*=<>!~|,+()^$\s-]*)?(?:\s*\[[^\[\]]*\])?)"
)


@dataclass(frozen=True)
class CondaSpec:
    """One dependency: the text as written, and what it means."""

    text: str
    channel: str
    name: str
    constraint: str

    @property
    def canonical(self):
        """The same string for every spelling of the same dependency."""
        constraint = re.sub(r"\s+(?![\w.*])|(?<![\w.*])\s+", "", self.constraint)
        prefix = f"{self.channel}::" if self.channel else ""
        return f"{prefix}{self.name} {constraint}".strip()

    @property
    def is_pinned(self):
        return bool(re.match(r"={1,2}[^=*|<>]+$", self.constraint)) and "*" not in self.constraint


def parse(text, where=""):
    """Return a CondaSpec, or the Finding that says why it is none."""
    text = without_comment(text)
    match = len(text) <= LONGEST and text.isprintable() and _SPEC.fullmatch(text)
    if not match:
        return error(
            "conda-invalid",
            f"“{text[:80]}” cannot be read as a conda package. Write name, name=1.2 or name>=1.2,<2.",
            where,
        )
    return CondaSpec(text, match["channel"] or "", match["name"].lower(), match["rest"].strip())


def split(text):
    """Split a spec into what a form shows in two fields: (channel::)name, and the rest."""
    match = len(text) <= LONGEST and _SPEC.fullmatch(text.strip())
    if not match:
        return text.strip(), ""
    name = text.strip()[: match.start("rest")]
    return name.strip(), match["rest"].strip()


def python_specifiers(constraint):
    """Return the SpecifierSets that a conda constraint on python stands for, any of which may hold.

    `=3.11` and a bare `3.11` mean 3.11.*, as does `==3.11`: no Python is released under two numbers.
    Raises ValueError when the constraint is none that can be understood.
    """
    try:
        return [_one_of(part) for part in constraint.split("|")] if constraint.strip() else [SpecifierSet()]
    except InvalidSpecifier as fault:
        raise ValueError(f"“{constraint}” is no version. Write 3.11, =3.11.7 or >=3.10,<3.13.") from fault


def _one_of(part):
    part = re.sub(r"\s+", "", part)
    if part == "*":
        return SpecifierSet()
    return SpecifierSet(",".join(_specifier(piece) for piece in part.split(",")))


def _specifier(piece):
    if not piece or piece.startswith("==="):
        raise InvalidSpecifier(piece)
    exact = re.fullmatch(r"={0,2}(\d+(?:\.\d+)*)(\.?\*)?(=.*)?", piece)
    if not exact:
        return piece
    version, star = exact[1], exact[2]
    return f"=={version}.*" if star or version.count(".") < 2 else f"=={version}"
