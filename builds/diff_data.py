"""A comparison as plain data, the form of the API and of the JSON that is downloaded. Pure."""

from .comparison import NOT_ASSESSED


def as_data(comparison, changes=None):
    """Return a dictionary of what JSON knows. `changes` are the LockChanges to list, all of them unless given."""
    packages = comparison.packages if changes is None else changes
    return {
        "from": _side(comparison.old),
        "to": _side(comparison.new),
        "same": comparison.is_same,
        "summary": {
            "text": comparison.words,
            "counts": comparison.counts,
            "unchanged": comparison.unchanged if packages is not None else None,
            "growth": comparison.growth,
        },
        "machine": [{"what": what, "before": was, "after": now} for what, was, now in comparison.machine],
        "definition": None if comparison.definition is None else [_setting(each) for each in comparison.definition],
        "text": [
            {"sign": line["sign"].strip(), "line": line["number"], "text": line["text"]} for line in comparison.text
        ],
        "packages": None if packages is None else [_package(change) for change in packages],
        # Filled by whoever knows advisories; until then nothing was looked at, which is not the same as none.
        "advisories": {"state": NOT_ASSESSED, "fixed": None, "introduced": None},
    }


def _side(side):
    totals = side.totals
    return {
        "reference": side.reference,
        "title": side.title,
        "environment": side.place or None,
        "lock": side.digest or None,
        "no_lock": side.no_lock,
        "python": side.python,
        "platform": side.platform,
        "packages": totals.packages if side.packages is not None else None,
        "size": totals.size if side.packages is not None else None,
        "of_unknown_size": totals.unsized if side.packages is not None else None,
    }


def _setting(change):
    return {
        "kind": change.kind,
        "about": change.about,
        "name": change.name,
        "before": change.before,
        "after": change.after,
    }


def _package(change):
    return {
        "kind": change.kind,
        "level": change.level,
        "also": list(change.also),
        "manager": change.manager,
        "name": change.name,
        "direct": change.direct,
        "because_of": list(change.because_of),
        "before": change.old and _file(change.old),
        "after": change.new and _file(change.new),
        "growth": change.growth,
    }


def _file(package):
    names = ("manager", "version", "build", "channel", "subdir", "url", "sha256", "size", "licence", "direct")
    return {name: getattr(package, name) for name in names}
