"""What the page of a diff shows of a comparison: rows, groups, legend, and the addresses that lead on."""

from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join

from environments.templatetags.portal import growth, icon

from . import comparison as comparisons
from . import diff_words, lock_diff
from .advisories import Difference
from .diff_forms import VIEWS
from .lock_diff import KINDS, LEVELS, MOVED

# What a lock's legend says, in its order, with the tone of each.
_TONES = {lock_diff.UP: "minor", lock_diff.DOWN: "patch"}
_LEGEND = {
    "hash": "hash changed", "added": "added", "removed": "removed", "up": "up", "down": "down", "major": "major",
    "moved": "moved", "other": "not comparable", "build": "build only", "source": "other source", "file": "other file",
    "licence": "other licence", "role": "direct or transitive now",
}  # fmt: skip

MOST_ROWS = 100  # of each group, until somebody asks for all of them


class DiffPage:
    """`path` is where the page is; empty for a draft, which has no address."""

    def __init__(self, comparison, form, path="", environment=None):
        self.comparison, self.form, self.path, self.environment = comparison, form, path, environment
        self.old, self.new = comparison.sides
        self.old_name, self.new_name = comparison.names
        self.old_reference, self.new_reference = self.reference(self.old), self.reference(self.new)

    # Addresses: all that the page shows stands in them

    def _address(self, view="", kinds=(), text="", swap=False, **more):
        old, new = self.old_reference, self.new_reference
        if not self.path:
            return ""
        query = {"from": new, "to": old} if swap else {"from": old, "to": new}
        query |= {"view": view, "q": text} | more
        pairs = [(name, value) for name, value in query.items() if value] + [("kind", kind) for kind in kinds]
        return f"{self.path}?{urlencode(pairs, safe='/:')}"

    def reference(self, side):
        """How an address of this page names a side: a version of its own environment by the number alone."""
        here = self.environment and f"{self.environment.workspace.name}/{self.environment.name}"
        return str(side.version.number) if here == side.place and side.reference.startswith(here) else side.reference

    @cached_property
    def packages_at(self):
        """The address below which packages have their history in this environment, or empty."""
        if not self.environment:
            return ""
        return f"{reverse('environment', args=[self.environment.workspace.name, self.environment.name])}packages/"

    @property
    def permalink(self):
        return self._address()

    @property
    def swapped(self):
        return self._address(self.form.shown, self.form.kinds, self.form.text, swap=True)

    @property
    def markdown(self):
        return self._address(form="markdown")

    @property
    def json(self):
        return self._address(form="json")

    @property
    def unfiltered(self):
        return self._address(self.view)

    @property
    def with_all(self):
        return self._address(self.view, self.form.kinds, self.form.text, all=1)

    @property
    def elsewhere(self):
        """The page that compares with anything; it is asked for both sides by their full names."""
        return urlencode({"from": self.old.reference, "to": self.new.reference}, safe="/:")

    @cached_property
    def view(self):
        default = "definition" if self.comparison.packages is None else "packages"
        return self.form.shown or default

    @property
    def tabs(self):
        """(word, address, whether it is shown, count) of each view."""
        counts = (self.comparison.packages, self.comparison.definition, None)
        words = ("Packages", "Definition", "Text")
        for view, word, found in zip(VIEWS, words, counts, strict=True):
            yield {
                "word": word,
                "address": self._address(view),
                "is_shown": view == self.view,
                "count": "–" if found is None and view != "text" else "" if found is None else f"{len(found):,}",
            }

    # What differs

    @property
    def title(self):
        return diff_words.title(self.comparison)

    @property
    def sentence(self):
        return diff_words.sentence(self.comparison)

    @property
    def legend(self):
        """The counts, each of them a filter."""
        counts = self.comparison.counts
        for kind, word in _LEGEND.items():
            if counts.get(kind):
                is_on = kind in self.form.kinds
                others = [other for other in self.form.kinds if other != kind]
                yield {
                    "kind": kind,
                    "tone": _TONES.get(kind, kind),
                    "icon": _icons[kind],
                    "count": counts[kind],
                    "word": word,
                    "is_on": is_on,
                    "address": self._address("packages", others if is_on else [*others, kind], self.form.text),
                }

    @cached_property
    def selected(self):
        return comparisons.select(self.comparison.packages or (), self.form.kinds, self.form.text)

    @property
    def groups(self):
        """Direct and transitive packages, each with its rows."""
        for is_direct in (True, False):
            changes = [change for change in self.selected if change.direct == is_direct]
            total = sum(change.direct == is_direct for change in self.comparison.packages or ())
            shown = changes if self.form.has_all or not self.path else changes[:MOST_ROWS]
            yield {
                "is_direct": is_direct,
                "total": total,
                "found": len(changes),
                "rows": [_row(change, self.comparison, self.packages_at) for change in shown],
                "is_open": self.form.is_filtered or any(change.kind == lock_diff.HASH for change in changes),
            }

    @property
    def totals(self):
        return diff_words.totals(self.comparison)

    @cached_property
    def advisories(self):
        return Difference(self.comparison)

    @property
    def missing(self):
        """The sides without a lock."""
        return [side for side in self.comparison.sides if side.packages is None]


# A cell that says nothing.
_NOTHING = format_html('<span class="muted">{}</span>', "–")
# Written here, because a template takes half the time of the whole page for a hundred of them.
_ROW = (
    '<tr data-change="{}"><td><span>{}{}</span></td><th scope="row">{}{}</th><td class="mono">{}</td>'
    '<td class="mono">{}</td><td class="extra level">{}</td><td class="extra">{}</td><td class="extra muted">{}</td>'
    '<td class="num extra{}">{}</td></tr>'
)


def _row(change, comparison, packages_at):
    before, after = (diff_words.shown(package, change.kind) for package in (change.old, change.new))
    same, moved = diff_words.split_at_change(before, after)
    manager, name = (change.new or change.old).manager, change.name
    notes = [(words,) for _, words in diff_words.notes(change)]
    return format_html(
        _ROW,
        change.tone,
        _icons[change.kind],
        change.word,
        format_html('<a href="{}{}/{}/">{}</a>', packages_at, manager, name, name) if packages_at else name,
        format_html_join("", '<br><small class="muted">{}</small>', notes),
        format_html("<del>{}</del>", before) if before else _NOTHING,
        format_html("{}<mark>{}</mark>", same, moved) if after else _NOTHING,
        change.level if change.kind != MOVED or change.level in LEVELS else "",
        diff_words.source(change),
        diff_words.because_of(change, comparison),
        "" if change.growth else " muted",
        growth(change.growth),
    )


class _Icons(dict):
    def __missing__(self, kind):
        self[kind] = icon(KINDS[kind][0] if kind in KINDS else "warning")
        return self[kind]


_icons = _Icons()
