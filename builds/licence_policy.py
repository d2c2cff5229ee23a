"""What is allowed of licences: rules of the portal and of a workspace, and the verdict on what a package says. Pure."""

import re
from dataclasses import dataclass, field
from enum import IntEnum

from packaging.licenses._spdx import LICENSES

from environments.faults import UserFault
from environments.texts import can_be_kept, nearest, shorten

from . import spdx

MOST, LONGEST = 500, 200  # entries of a list, characters of each
LISTS = ("allowed", "review", "denied")


class Verdict(IntEnum):
    """From the best to the worst."""

    ALLOWED = 0
    REVIEW = 1
    UNKNOWN = 2
    DENIED = 3

    @property
    def key(self):
        return self.name.lower()

    @property
    def words(self):
        return {"review": "needs review"}.get(self.key, self.key)

    @property
    def level(self):
        """How it looks, beside its word."""
        return ("good", "hint", "warning", "error")[self]


@dataclass(frozen=True)
class Rules:
    """What the portal or one workspace decided.

    `entries` is {entry: Verdict}; an entry is a licence, `licence WITH exception`, or in quotes the words of a package
    that mean no licence for certain. `otherwise` is the Verdict on SPDX licences that no entry names, None where
    nothing is decided about them.
    """

    entries: dict = field(default_factory=dict, hash=False)
    otherwise: Verdict | None = None

    @classmethod
    def of(cls, allowed=(), review=(), denied=(), otherwise=""):
        verdicts = zip((Verdict.ALLOWED, Verdict.REVIEW, Verdict.DENIED), (allowed, review, denied), strict=True)
        entries = {entry: verdict for verdict, names in verdicts for entry in names}
        return cls(entries, Verdict[otherwise.upper()] if otherwise else None)

    def __bool__(self):
        return bool(self.entries) or self.otherwise is not None

    def on(self, licence, exception=""):
        """The Verdict on a part of an expression, None for no opinion. An exception gives more rights, never fewer."""
        names = [f"{licence} WITH {exception}"] if exception else []
        names += [licence, licence.removesuffix("+")]
        found = next((self.entries[name] for name in names if name in self.entries), None)
        if found is not None:
            return found
        return self._on_unknown if licence.startswith(spdx.LICENSE_REF) else self.otherwise

    def on_words(self, text):
        """The same on words that mean no licence for certain."""
        return self.entries.get(quoted(text), self._on_unknown)

    @property
    def _on_unknown(self):
        """On what nobody can read, and no entry names: who decided on all others left nothing of it open."""
        return None if self.otherwise is None else Verdict.UNKNOWN

    def on_entry(self, entry):
        """The Verdict on what an entry of other rules names, None for no opinion."""
        if entry.startswith('"'):
            return self.entries.get(entry, self._on_unknown)
        return self.on(*entry.split(" WITH "))


def quoted(text):
    """Words of a package as an entry: whatever the case, however many spaces."""
    return f'"{" ".join(text.lower().split())}"'


@dataclass(frozen=True)
class Policy:
    """The Rules that count together: where they differ, the stricter one. Without any nothing is decided."""

    rules: tuple = ()

    @property
    def is_decided(self):
        return any(self.rules)

    def verdict(self, text):
        """The Verdict on the licence of a package as it says it itself; None where nobody decided anything."""
        expression = spdx.expression_of(text)
        if expression is None:
            words = [found for rules in self.rules if (found := rules.on_words(text)) is not None]
            return max(words, default=Verdict.UNKNOWN)
        if not self.is_decided:
            return Verdict.UNKNOWN if spdx.fold(expression, _is_opaque) else None
        return spdx.fold(expression, self.on)

    def on(self, licence, exception):
        opinions = [found for rules in self.rules if (found := rules.on(licence, exception)) is not None]
        # What nobody has decided about somebody has to look at; what nobody can read stays unknown.
        undecided = Verdict.UNKNOWN if licence.startswith(spdx.LICENSE_REF) else Verdict.REVIEW
        return max(opinions, default=undecided)


def _is_opaque(licence, exception):
    return licence.startswith(spdx.LICENSE_REF)


def read_entries(text, field):
    """Return the entries of a list, one in each line, as Rules have them. Raise UserFault at the line."""
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            entries.append(_entry(line.strip(), number, field))
    if len(entries) > MOST:
        raise UserFault(f"A list has at most {MOST} licences; this one has {len(entries):,}.", field)
    return list(dict.fromkeys(entries))


def _entry(line, number, field):
    if len(line) > LONGEST or not can_be_kept(line):
        raise UserFault(f"Line {number}: a licence is a text of at most {LONGEST} characters.", field)
    if match := re.fullmatch(r'"([^"]*[^"\s][^"]*)"', line):
        if spdx.expression_of(match[1]):
            told = (
                f"Line {number}: {line} means {spdx.expression_of(match[1])} for certain. Write that, without quotes."
            )
            raise UserFault(told, field)
        return quoted(match[1])
    expression = spdx.expression_of(line)
    if not expression:
        meant = nearest(line, LICENSES, 0.7)
        hint = f"Perhaps {LICENSES[meant]['id']}. " if meant else ""
        told = f"Line {number}: “{shorten(line)}” is no SPDX licence. {hint}"
        raise UserFault(f"{told}Words as packages say them stand in quotes.", field)
    if re.search(r" AND | OR |[()]", expression):
        told = f"Line {number}: name one licence. What AND and OR make of several follows from each."
        raise UserFault(told, field)
    return expression


def check(lists, otherwise, above=None):
    """Raise UserFault where an entry stands in two lists, or is looser than the Rules `above` are.

    `lists` is {name of a list: entries}, `otherwise` the name of a Verdict or empty.
    """
    seen = {}
    for name in LISTS:
        for entry in lists[name]:
            if entry in seen:
                raise UserFault(f"{entry} stands in two lists: {seen[entry]} and {name}.", name)
            seen[entry] = name
            said = above.on_entry(entry) if above else None
            if said is not None and Verdict[name.upper()] < said:
                told = f"The portal says of {entry}: {said.words}. A workspace may be stricter, not looser."
                raise UserFault(told, name)
    if above and otherwise and above.otherwise is not None and Verdict[otherwise.upper()] < above.otherwise:
        told = f"The portal says of all others: {above.otherwise.words}. A workspace may be stricter, not looser."
        raise UserFault(told, "otherwise")
