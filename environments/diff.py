"""What differs between two definitions, as values. Pure."""

import json
from dataclasses import dataclass
from difflib import SequenceMatcher

from packaging.utils import canonicalize_name

from .conda_specs import CondaSpec
from .definition import canonical
from .findings import place
from .pip_lines import PipLine
from .schema import DEFAULTS

ADDED, REMOVED, MOVED, CHANGED = "added", "removed", "moved", "changed"
_ORDER = (ADDED, REMOVED, MOVED, CHANGED)


@dataclass(frozen=True)
class Change:
    """One difference. `about` is conda, pip, channels, docker, variables or other; a missing side is empty."""

    kind: str
    about: str
    name: str
    before: str = ""
    after: str = ""

    @property
    def icon(self):
        return {ADDED: "plus", REMOVED: "minus", MOVED: "moved", CHANGED: "edit"}[self.kind]


def numbered_changes(old, new, context=2):
    """The lines of `text_changes` as a page shows them."""
    kind = {"+": ADDED, "−": REMOVED}
    for sign, number, text in text_changes(old, new, context):
        yield {"sign": sign, "number": number, "text": text, "change": kind.get(sign, "")}


def text_changes(old, new, context=2):
    """Yield (sign, line number in the new text or None, text) of what differs between two texts; "…" for a gap."""
    before, after = old.split("\n"), new.split("\n")
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(context):
        if group[0][3]:
            yield "…", None, ""
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from ((" ", j + 1, after[j]) for j in range(j1, j2))
                continue
            yield from (("−", None, line) for line in before[i1:i2])
            yield from (("+", j + 1, after[j]) for j in range(j1, j2))


def written(definition, conda):
    """The whole definition as text: its conda file as it was written, and below it the rest as JSON."""
    rest = canonical(definition.document, DEFAULTS)
    python = {key: value for key, value in (rest.pop("python", None) or {}).items() if key != "condaDependencies"}
    rest |= {"python": python} if python else {}
    return conda + (f"\n{json.dumps(rest, indent=2, ensure_ascii=False, sort_keys=True)}" if rest else "")


def compare(old, new):
    """Return the Changes that lead from one Definition to another, packages first. Empty for equals."""
    packages = _compare_packages(wanted(old), wanted(new))
    packages.sort(key=lambda change: (_ORDER.index(change.kind), change.name, change.about))
    return packages + _compare_fields(_fields(old), _fields(new))


def wanted(definition):
    """Return {(manager, name): the constraint in words}; of a package that stands twice both, in order."""
    found = {}
    for item in (each.item for each in definition.placed):
        if isinstance(item, CondaSpec | PipLine):
            key = ("conda" if isinstance(item, CondaSpec) else "pip", item.name or item.canonical)
            said = item.canonical.removeprefix(item.name).strip() or "any version"
            found[key] = f"{found[key]} and {said}" if key in found else said
    return found


def _compare_packages(old, new):
    """A package moved where it left one manager and came to the other; for that names are compared as pip does."""
    changes = [Change(CHANGED, *key, old[key], new[key]) for key in old.keys() & new.keys() if old[key] != new[key]]
    groups = {}
    for side, (packages, others) in enumerate(((old, new), (new, old))):
        for key in packages.keys() - others.keys():
            groups.setdefault(canonicalize_name(key[1]), ([], []))[side].append(key)
    for gone, came in groups.values():
        if len(gone) == len(came) == 1 and gone[0][0] != came[0][0]:
            (was,), (now,) = gone, came
            changes.append(Change(MOVED, *now, f"{was[0]} {old[was]}", f"{now[0]} {new[now]}"))
        else:
            changes += [Change(REMOVED, *key, old[key], "") for key in gone]
            changes += [Change(ADDED, *key, "", new[key]) for key in came]
    return changes


def _fields(definition):
    """{(about, name): text} of everything but the packages, without what only spells out a default."""
    document = canonical(definition.document, DEFAULTS)
    python = dict(document.get("python") or {})
    section = dict(python.pop("condaDependencies", None) or {})
    section.pop("dependencies", None)
    fields = {}
    if section.get("channels"):
        fields["channels", "channels"] = ", ".join(map(str, section.pop("channels")))
    options = [option.canonical for option in definition.pip_options]
    if options:
        fields["pip", "options"] = ", ".join(options)
    _flatten(fields, "docker", (), document.pop("docker", {}))
    _flatten(fields, "variables", (), document.pop("environmentVariables", {}))
    _flatten(fields, "other", (), document | {"python": python, "conda": section})
    return fields


def _flatten(fields, about, path, value):
    if isinstance(value, dict):
        for key, item in value.items():
            _flatten(fields, about, (*path, key), item)
    else:
        fields[about, place(*path)] = value if isinstance(value, str) else str(value)


def _compare_fields(old, new):
    changes = []
    for about, name in [*old, *(key for key in new if key not in old)]:
        was, now = old.get((about, name), ""), new.get((about, name), "")
        if was != now:
            kind = ADDED if (about, name) not in old else REMOVED if (about, name) not in new else CHANGED
            is_order = about == "channels" and sorted(was.split(", ")) == sorted(now.split(", "))
            changes.append(Change(kind, about, "order of channels" if is_order else name, was, now))
    return changes
