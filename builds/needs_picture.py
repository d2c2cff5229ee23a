"""Where the packages round one of a lock stand in a picture of why it is there. Pure.

The package stands in the middle. On its left the chains from what was asked for, as a tree that grows towards it, so
that no two lines cross; on its right what it needs itself. A lock may have 500 packages, and a picture of them all
shows nothing: long chains are shortened and what is left out is counted.
"""

from dataclasses import dataclass
from functools import cached_property

from environments.texts import count

# All lengths are CSS pixels.
WIDTH, HEIGHT = 124, 40  # of a package; two columns fit a telephone
COLUMN, ROW = 152, 50  # from one to the next
EDGE = 4  # round everything, for the ring of what has the focus
CHAINS, NEEDS = 6, 7  # drawn
LISTED = 20  # chains, below the picture
LETTERS = 17  # of a name that fit
DEEPEST = 3  # columns on the left


@dataclass(frozen=True)
class Node:
    """A package in the picture, or (without a key) words that stand for some. `x` and `y` are its upper left corner."""

    key: tuple | None
    x: float
    y: float
    label: str
    note: str
    kind: str  # chosen, direct, between or gap

    @property
    def title(self):
        return f"{self.key[1]}, {self.note}" if self.key else self.label

    @property
    def middle(self):
        return self.y + HEIGHT / 2

    @property
    def middle_x(self):
        return self.x + WIDTH / 2


@dataclass(frozen=True)
class Line:
    """From a package to one that it needs, from left to right."""

    start: Node
    end: Node

    @property
    def path(self):
        x, y, to_x, to_y = self.start.x + WIDTH, self.start.middle, self.end.x, self.end.middle
        half = (x + to_x) / 2
        head = f"M{to_x - 6:g} {to_y - 3.5:g}L{to_x - 1:g} {to_y:g}L{to_x - 6:g} {to_y + 3.5:g}"
        return f"M{x:g} {y:g}C{half:g} {y:g} {half:g} {to_y:g} {to_x - 1:g} {to_y:g}{head}"


class Picture:
    """`needs` is the graph of a lock, `key` the package in the middle."""

    WIDTH, HEIGHT = WIDTH, HEIGHT

    def __init__(self, needs, key):
        self.graph, self.key = needs, key
        self.chains, self.needed = needs.chains_to(key), needs.needs[key]
        self.nodes, self.lines = [], []
        tree = self._tree()
        left, right = _leaves(tree), min(len(self.needed), NEEDS + 1)
        rows = max(left, right)
        self.columns = _depth(tree)  # on the left
        self.width = (self.columns + bool(right)) * COLUMN + WIDTH + 2 * EDGE
        self.height = (rows - 1) * ROW + HEIGHT + 2 * EDGE
        self._row = (rows - left) / 2
        chosen = self._grow(tree)
        self._put_needs(chosen, (rows - right) / 2)

    @property
    def package(self):
        return self.graph.packages[self.key]

    @property
    def left_out(self):
        """Chains that are not drawn."""
        return max(0, len(self.chains) - CHAINS)

    @property
    def left_out_needs(self):
        return max(0, len(self.needed) - NEEDS)

    @property
    def because(self):
        """The chains that are listed: those that another package begins."""
        return [chain for chain in self.chains if len(chain) > 1][:LISTED]

    @property
    def more_because(self):
        return sum(len(chain) > 1 for chain in self.chains) - len(self.because)

    @cached_property
    def sentence(self):
        """What it shows, in words."""
        return f"{self._because} {self._needs_in_words}"

    @property
    def _because(self):
        name = self.package.name
        others = [chain[0][1] for chain in self.chains if len(chain) > 1]
        named = _listed(others)
        if self.package.direct:
            return f"{name} was asked for{f', and is needed because of {named}, too' if others else ''}."
        if not others:
            return f"The lock does not say who needs {name}."
        return f"{name} is here because of {named}."

    @property
    def _needs_in_words(self):
        many, below = len(self.needed), len(self.graph.below(self.key))
        if not many:
            return "It needs nothing itself."
        more = f", and through {'it' if many == 1 else 'them'} {below - many:,} more" if below > many else ""
        return f"It needs {count(many, 'package')} itself{more}."

    def _tree(self):
        """What leads to the package, as (token, [trees]). A token is a key, or words that stand for some."""
        tree = _tree([_shortened(chain) for chain in self.chains[:CHAINS]] or [(self.key,)])
        return (tree[0], [*tree[1], (_rest(self.left_out), [])]) if self.left_out else tree

    def _grow(self, tree, end=None, depth=0):
        """Put a node in the middle of the rows of its leaves, and before it all that leads to it. Return the node."""
        token, above = tree
        row = self._row + (_leaves(tree) - 1) / 2
        node = self._node(token, EDGE + (self.columns - depth) * COLUMN, row)
        self.nodes.append(node)
        if end:
            self.lines.append(Line(node, end))
        for each in above:
            self._grow(each, node, depth + 1)
        self._row += not above
        return node

    def _put_needs(self, chosen, row):
        tokens = self.needed[:NEEDS] + [_rest(self.left_out_needs)] * bool(self.left_out_needs)
        for place, token in enumerate(tokens):
            node = self._node(token, chosen.x + COLUMN, row + place, self._brings(token))
            self.nodes.append(node)
            self.lines.append(Line(chosen, node))

    def _brings(self, token):
        below = len(self.graph.below(token)) if token in self.graph.needs else 0
        return f"needs {below} more" if below else "needs nothing"

    def _node(self, token, x, row, note=""):
        y = EDGE + row * ROW
        if isinstance(token, str):
            return Node(None, x, y, token, "", "gap")
        package = self.graph.packages[token]
        kind = "chosen" if token == self.key else "direct" if package.direct else "between"
        note = "asked for" if package.direct else note or package.version
        return Node(token, x, y, _cut(package.name), _cut(note), kind)


def _shortened(chain):
    """A chain from the target to what was asked for, with so many steps at most."""
    path = chain[::-1]
    return path if len(path) <= DEEPEST + 1 else (*path[:2], f"{len(path) - 3} between", path[-1])


def _rest(many):
    return f"and {many:,} more"


def _tree(paths):
    """(token, [trees]) of paths that all begin with the same token."""
    heads = {}
    for path in paths:
        if len(path) > 1:
            heads.setdefault(path[1], []).append(path[1:])
    return paths[0][0], [_tree(below) for below in heads.values()]


def _leaves(tree):
    return sum(_leaves(each) for each in tree[1]) or 1


def _depth(tree):
    return 1 + max(_depth(each) for each in tree[1]) if tree[1] else 0


def _cut(text):
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"


def _listed(names):
    """a, b and c; of more than three two and how many others."""
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} others that were asked for"]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
