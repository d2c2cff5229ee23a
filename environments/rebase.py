"""What was changed in a copy, said again on a newer version of what it was made from. Pure."""

from copy import deepcopy
from dataclasses import dataclass

from . import diff
from .definition import Definition
from .drafts import Draft, Row, Rows, split, write_rows
from .faults import UserFault

PACKAGES = "condaDependencies"


@dataclass(frozen=True)
class Side:
    """A definition, and its conda file as it was written."""

    definition: Definition
    conda: str

    @classmethod
    def of(cls, version):
        return cls(version.definition, version.conda)


@dataclass(frozen=True)
class Rebased:
    """The draft that is theirs with our changes. `own` are these, as Changes; `clashes` say what both sides changed."""

    draft: Draft
    own: tuple
    clashes: tuple


def rebase(base, mine, theirs):
    """Take the changes that lead from `base` to `mine` over to `theirs`; all are Sides. Return the Rebased.

    Where both changed the same, ours counts and a clash says so. Raise UserFault where rows cannot show a conda file,
    and EditRefused where they cannot be written into it.
    """
    sides = [_Lines(side) for side in (base, mine, theirs)]
    clashes = _take_packages(*sides)
    rows, shown = sides[2].rows, sides[1].rows
    _take_channels(*(side.rows for side in sides))
    document, more = _join(base.definition.document, mine.definition.document, theirs.definition.document)
    if sides[0].rows.python != shown.python:
        if rows.python not in (sides[0].rows.python, shown.python):
            clashes.append(
                f"Python: it is {rows.python or 'open'} there; {shown.python or 'open'} stays, as you changed it."
            )
        rows.python = shown.python
    draft = Draft.of(document, write_rows(theirs.conda, rows))
    own = diff.compare(base.definition, mine.definition)
    return Rebased(draft, tuple(own), (*clashes, *more))


class _Lines:
    """The rows of a side by what they are about: (manager, name), or for an option of pip its text."""

    def __init__(self, side):
        self.rows = Rows.of(side.conda)
        if self.rows is None:
            raise UserFault("These definitions cannot be joined line by line. Start from the newer one in the editor.")
        self.said, self.places = {}, {}
        rows = {row.where: row for row in (*self.rows.conda, *self.rows.pip)}
        for placed in side.definition.placed:
            if row := rows.get(placed.where):
                key = (row.manager, getattr(placed.item, "name", "") or placed.item.canonical)
                self.said.setdefault(key, []).append(placed.item.canonical)
                self.places.setdefault(key, []).append(row)

    def put(self, key, texts):
        """Say these lines about what `key` names, in place of what was said about it."""
        there = self.places.get(key, [])
        for row in there:
            row.name = row.constraint = row.original = ""
        rows = self.rows.conda if key[0] == "conda" else self.rows.pip
        for row, text in zip(there, texts, strict=False):
            row.name, row.constraint = split(key[0], text)
            row.original = text
        rows += [Row(key[0], *split(key[0], text), "", text) for text in texts[len(there) :]]


def _take_packages(base, mine, theirs):
    """Write our changes into the rows of theirs. Return the clashes."""
    clashes = []
    for key in dict.fromkeys([*base.said, *mine.said]):
        was, now = base.said.get(key, []), mine.said.get(key, [])
        if was == now:
            continue
        there = theirs.said.get(key, [])
        if there not in (was, now):
            clashes.append(_clash(key[1], now, there))
        if there != now:
            theirs.put(key, [row.text for row in mine.places.get(key, [])])
    return clashes


def _clash(name, mine, theirs):
    there = f"it is {' and '.join(theirs)} there" if theirs else "it is not there any more"
    return f"{name}: {there}; {' and '.join(mine) + ' stays' if mine else 'it stays removed'}, as you changed it."


def _take_channels(base, mine, theirs):
    """Channels that we added come behind theirs; those that we removed go."""
    was, now = ([name for _, name in rows.channels] for rows in (base, mine))
    theirs.channels = [(at, name) for at, name in theirs.channels if name in now or name not in was]
    there = {name for _, name in theirs.channels}
    theirs.channels += [("", name) for name in now if name not in was and name not in there]


def _join(base, mine, theirs, path=()):
    """Everything beside the packages, field by field. Return (the document, clashes)."""
    joined, clashes = deepcopy(theirs), []
    for key in dict.fromkeys([*base, *mine]):
        was, now, there = (each.get(key) for each in (base, mine, theirs))
        if key == PACKAGES or was == now:
            continue
        if all(isinstance(each, dict) for each in (was or {}, now, there or {})):
            joined[key], more = _join(was or {}, now, there or {}, (*path, key))
            clashes += more
            continue
        if there not in (was, now):
            clashes.append(f"{'.'.join((*path, key))}: it is {there} there; {now} stays, as you changed it.")
        if now is None:
            joined.pop(key, None)
        else:
            joined[key] = deepcopy(now)
    return joined, clashes
