"""A comparison in words, for the page and for Markdown. Pure."""

import re
from itertools import takewhile

from environments.addresses import redact
from environments.texts import in_units

from .lock_diff import BUILD, HASH, LICENCE, MOVED, ROLE, SOURCE
from .lock_summary import Totals

_PARTS = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9]")


def shown(package, kind=""):
    """The version as a row shows it, with the build string or the hash where that is what changed."""
    if not package:
        return ""
    if kind == BUILD:
        return f"{package.version} {package.build}"
    return f"{package.version} sha256:{package.sha256[:12]}" if kind == HASH else package.version


def split_at_change(before, after):
    """Split the second text in what it has in common with the first, and the part that moved."""
    old, new = _PARTS.findall(before), _PARTS.findall(after)
    many = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    return "".join(new[:many]), "".join(new[many:])


def source(change):
    """Where it comes from: pip, or the channel; both sides where that changed."""
    old, new = change.old, change.new
    if change.kind == MOVED:
        return f"{_short(old)} → {_short(new)}"
    if SOURCE in change.kinds:
        sides = [_short(old), _short(new)]
        if sides[0] == sides[1] or change.manager == "pip":
            sides = [redact(package.channel or package.url) for package in (old, new)]
        return " → ".join(sides)
    return _short(new or old)


def _short(package):
    if package.manager == "pip" or not package.channel:
        return package.manager
    return redact(package.channel.rstrip("/").rpartition("/")[2])


def because_of(change, comparison):
    """Why it is there: what the definition asks for, or the chain from a direct package."""
    if not change.direct:
        return " → ".join(change.because_of) or "–"
    side, package = (comparison.new, change.new) if change.new else (comparison.old, change.old)
    said = side.wanted.get((package.manager, package.name))
    if said is None:
        return "asked for" if package.direct else " → ".join(change.because_of) or "–"
    return f"asked for, {said}"


def notes(change):
    """What differs besides, as (kind, words)."""
    pairs = dict(change.also)
    if change.kind == LICENCE:
        pairs[LICENCE] = change.licences
    for kind, (before, after) in pairs.items():
        if kind == ROLE:
            yield ROLE, "direct now" if after else "transitive now"
        elif kind == LICENCE:
            yield LICENCE, f"licence {before} → {after}"
    if change.kind == HASH and SOURCE in pairs:
        yield SOURCE, "from elsewhere"


def title(comparison):
    """The names of both sides, without the word that they share: “Version 1 → 3”."""
    old, new = comparison.names
    return f"{old} → {new.removeprefix('Version ') if old.startswith('Version ') else new}"


def sentence(comparison):
    """What differs in all, as one sentence."""
    if comparison.is_same:
        return _same(comparison)
    parts = [(comparison.definition, "setting", "settings", " of the definition", "the definition says the same")]
    parts += [(comparison.packages, "package", "packages", "", "the packages are the same")]
    counts = [
        f"{len(found):,} {one if len(found) == 1 else many}{where}" for found, one, many, where, _ in parts if found
    ]
    verb = "differs" if len(counts) == 1 and counts[0].startswith("1 ") else "differ"
    said = [f"{' and '.join(counts)} {verb}"] if counts else []
    said += [f"{what} goes from {was} to {now}" for what, was, now in comparison.machine]
    said += [same for found, *_, same in parts if found == []]
    return f"{', '.join(said)[0].upper()}{', '.join(said)[1:]}{_growth(comparison)}."


def _same(comparison):
    if comparison.packages is None:
        return "The definitions say the same."
    if comparison.definition is None:
        return "The packages are the same, to the byte."
    return "Nothing differs: the definitions say the same, and the packages are the same, to the byte."


def _growth(comparison):
    if not comparison.growth:
        return ""
    return f"; the download {'grows' if comparison.growth > 0 else 'shrinks'} by {in_units(abs(comparison.growth))}"


def totals(comparison):
    """[(side's name, Totals)] of the sides that have a lock."""
    pairs = zip(comparison.names, comparison.sides, strict=True)
    return [(name, Totals.of(side.packages)) for name, side in pairs if side.packages is not None]
