"""What differs between two definitions, as values. Pure."""

from dataclasses import dataclass
from difflib import SequenceMatcher

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


def compare(old, new):
    """Return the Changes that lead from one Definition to another, packages first. Empty for equals."""
    packages = _compare_packages(_packages(old), _packages(new))
    packages.sort(key=lambda change: (_ORDER.index(change.kind), change.name))
    return packages + _compare_fields(_fields(old), _fields(new))


def _packages(definition):
    """{name: {manager: what is wanted}}; a package that stands twice has both, in order."""
    found = {}
    for item in (each.item for each in definition.placed):
        if isinstance(item, CondaSpec | PipLine):
            manager = "conda" if isinstance(item, CondaSpec) else "pip"
            wanted = found.setdefault(item.name or item.canonical, {})
            said = item.canonical.removeprefix(item.name).strip() or "any version"
            wanted[manager] = f"{wanted[manager]} and {said}" if manager in wanted else said
    return found


def _compare_packages(old, new):
    changes = []
    for name in old.keys() | new.keys():
        before, after = old.get(name, {}), new.get(name, {})
        if len(before) == len(after) == 1 and before.keys() != after.keys():
            (source, was), (target, now) = *before.items(), *after.items()
            changes.append(Change(MOVED, target, name, f"{source} {was}", f"{target} {now}"))
            continue
        for manager in ("conda", "pip"):
            was, now = before.get(manager, ""), after.get(manager, "")
            if was != now:
                kind = ADDED if not was else REMOVED if not now else CHANGED
                changes.append(Change(kind, manager, name, was, now))
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
            changes.append(Change(kind, about, name, was, now))
    return changes
