"""A comparison as Markdown, for a review elsewhere. Pure.

Names, versions and whatever else comes from a definition or an index stand in code, where no mark has a meaning: no
HTML, no link, no picture, no mention of a person, no end of a table's cell.
"""

import re

from . import diff_words
from .comparison import NOT_ASSESSED
from .lock_summary import Totals

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def write(comparison, address=""):
    """Return the Markdown. `address` is where the page is."""
    old, new = comparison.names
    parts = [f"## {code(old)} → {code(new)}", _head(comparison)]
    if comparison.tampered:
        names = ", ".join(code(change.name) for change in comparison.tampered)
        parts.append(f"**Hash changed under the same version: {names}.** A published file never changes.")
    parts += [_locks(comparison), _definition(comparison)]
    for title, is_direct in (("Packages that are asked for", True), ("Packages that these need", False)):
        changes = [change for change in comparison.packages or () if change.direct == is_direct]
        parts.append(_packages(title, changes, comparison))
    parts.append(f"Advisories: {NOT_ASSESSED}.")
    if address:
        parts.append(f"<{_address(address)}>")
    return "\n\n".join(filter(None, parts)) + "\n"


def code(text):
    """The text as code, whatever stands in it."""
    text = _UNSEEN.sub(" ", str(text)).strip()
    if not text:
        return "–"
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def cell(text):
    """The text as code in a cell of a table, which a bar would end."""
    # A backslash before the bar would take away the meaning of the one that is put there.
    return code(re.sub(r"\\(?=\|)", r"\\ ", str(text))).replace("|", "\\|")


def _head(comparison):
    text = diff_words.sentence(comparison)
    return text if comparison.packages is None else f"**{comparison.words}**\n\n{text}"


def _locks(comparison):
    rows = []
    for name, side in zip(comparison.names, comparison.sides, strict=True):
        totals = Totals.of(side.packages or ())
        said = (
            f"{totals.packages:,} packages, {totals.size:,} bytes" if side.packages is not None else code(side.no_lock)
        )
        machine = f", Python {code(side.python)} on {code(side.platform)}" if side.python else ""
        rows.append(f"- {code(name)}: {said}{machine}")
    return "\n".join(rows)


def _definition(comparison):
    if not comparison.definition:
        return ""
    rows = [
        f"| {change.kind.capitalize()} | {cell(change.name)} | {change.about} | {cell(change.before)} | {cell(change.after)} |"
        for change in comparison.definition
    ]
    return _table("Definition", ("Change", "What", "", "Before", "After"), rows)


def _packages(title, changes, comparison):
    rows = []
    for change in changes:
        said = "; ".join(words for _, words in diff_words.notes(change))
        before, after = (cell(diff_words.shown(package, change.kind)) for package in (change.old, change.new))
        about = [change.level, cell(said) if said else ""]
        why = cell(diff_words.because_of(change, comparison))
        source = cell(diff_words.source(change))
        step = ", ".join(filter(None, about))
        rows.append(f"| {change.word} | {cell(change.name)} | {before} | {after} | {step} | {source} | {why} |")
    columns = ("Change", "Package", "Before", "After", "Step", "From", "Because of")
    return _table(f"{title}, {len(rows)}", columns, rows) if rows else ""


def _table(title, columns, rows):
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"
    return f"### {title}\n\n{head}\n" + "\n".join(rows)


def _address(address):
    return re.sub(r"[<>\s\\]", "", address)
