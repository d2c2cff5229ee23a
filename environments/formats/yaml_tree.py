"""YAML as a tree of nodes that know where they stand in the text. Pure.

Built from the events of libyaml, so that nothing but texts, lists and mappings can come of it, numbers keep
the digits that were typed (`3.10`), every value has its line, and an edit can replace exactly its characters.
Limits hold while the text is read: depth, number of nodes, and what aliases may grow to.
"""

import math
import re
from bisect import bisect_right
from dataclasses import dataclass, field

import yaml

from ..catalogue import found
from ..texts import can_be_kept, line_starts, shorten
from .yaml_mistakes import explain

DEEPEST = 50
MOST_NODES = 100_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map", "merge")}
_NULLS = ("", "~", "null", "Null", "NULL")


class YamlFault(Exception):
    """The text is no YAML that is accepted. Carries the Finding, with its line."""

    def __init__(self, finding):
        super().__init__(finding.message)
        self.finding = finding


@dataclass
class Node:
    """A text, a list (`items`) or a mapping (`pairs` of key and value nodes).

    `start` and `end` are offsets into the text, `line` counts from 1, `column` from 0.
    """

    kind: str
    start: int
    end: int
    line: int
    column: int
    value: str = ""
    is_plain: bool = False
    is_flow: bool = False
    items: list = field(default_factory=list)
    pairs: list = field(default_factory=list)
    size: int = 1
    is_alias: bool = False

    @property
    def is_null(self):
        return self.kind == "text" and self.is_plain and self.value in _NULLS

    @property
    def is_empty(self):
        return self.is_null or (self.kind != "text" and not self.items and not self.pairs)

    def get(self, key):
        """The value of a key of a mapping, or None."""
        return next((value for name, value in self.pairs if name.value == key), None)

    def plain(self):
        """The value as Python has it: text, list, dict or None. Numbers and booleans stay as they were typed."""
        if self.kind == "list":
            return [item.plain() for item in self.items]
        if self.kind == "map":
            return {key.value: value.plain() for key, value in self.pairs}
        return None if self.is_null else self.value

    def typed(self):
        """The same with numbers and booleans as such."""
        if self.kind == "list":
            return [item.typed() for item in self.items]
        if self.kind == "map":
            return {key.value: value.typed() for key, value in self.pairs}
        return _typed(self.value) if self.is_plain else self.value


def _typed(text):
    if text in _NULLS:
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if re.fullmatch(r"-?(?:0|[1-9]\d{0,300})", text):
        return int(text)
    is_float = re.fullmatch(r"-?\d{1,300}(?:\.\d{1,300}(?:e[-+]?\d{1,3})?|e[-+]?\d{1,3})", text)
    return float(text) if is_float and math.isfinite(float(text)) else text


def parse(text):
    """Return the root Node of the one document in the text, or None when it is empty. Raise YamlFault."""
    if not can_be_kept(text):
        raise YamlFault(_strange_character(text))
    reader = _Reader(text)
    try:
        return reader.read()
    except yaml.MarkedYAMLError as fault:
        raise YamlFault(reader.explain(fault)) from fault
    except yaml.reader.ReaderError as fault:
        raise YamlFault(_strange_character(text)) from fault


def _strange_character(text):
    """The first character that no YAML may hold, with its line."""
    at = next((i for i, c in enumerate(text) if not can_be_kept(c) or yaml.reader.Reader.NON_PRINTABLE.match(c)), 0)
    return found("text-character", line=bisect_right(line_starts(text), at), character=f"U+{ord(text[at]):04X}")


class _Reader:
    def __init__(self, text):
        self.text = text
        self.starts = line_starts(text)
        self.events = _events(text)
        self.anchors = {}
        self.count = 0

    def line_of(self, offset):
        return bisect_right(self.starts, offset)

    def read(self):
        root = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self.fail("yaml-documents", event.start_mark.index)
                node = self.node(next(self.events), 0)
                root = None if node.is_null else node
        return root

    def node(self, event, depth):
        if depth > DEEPEST:
            self.fail("too-deep", event.start_mark.index, deepest=DEEPEST)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if event.tag and event.tag not in _CORE_TAGS and event.tag != "!":
            self.fail(
                "yaml-tag", event.start_mark.index, tag=shorten(event.tag.replace("tag:yaml.org,2002:", "!!"), 60)
            )
        node = self.make(event, depth)
        self.count += 1
        if self.count > MOST_NODES:
            self.fail("yaml-too-many", node.start, longest=MOST_NODES)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def make(self, event, depth):
        start = event.start_mark
        node = Node("text", start.index, event.end_mark.index, self.line_of(start.index), start.column)
        if isinstance(event, yaml.ScalarEvent):
            node.value, node.is_plain = event.value, event.style is None or event.style == ""
            node.is_plain = node.is_plain and (not event.tag or not event.tag.endswith(":str"))
        elif isinstance(event, yaml.SequenceStartEvent):
            node.kind, node.is_flow = "list", bool(event.flow_style)
            self.fill_list(node, depth)
        else:
            node.kind, node.is_flow = "map", bool(event.flow_style)
            self.fill_map(node, depth)
        return node

    def fill_list(self, node, depth):
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            item = self.node(event, depth + 1)
            node.items.append(item)
            node.size += item.size
        node.end = event.end_mark.index if node.is_flow else self.last_end(node, node.items)

    def fill_map(self, node, depth):
        seen, merged = {}, []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            if key.kind != "text":
                self.fail_key(key)
            value = self.node(next(self.events), depth + 1)
            node.size += value.size
            if key.is_plain and key.value == "<<":
                merged.append(value)
                continue
            if key.value in seen:
                self.fail("key-twice", key.start, key=shorten(key.value), first=seen[key.value])
            seen[key.value] = key.line
            node.pairs.append((key, value))
        for value in merged:
            self.merge(node, value, seen)
        node.end = event.end_mark.index if node.is_flow else self.last_end(node, [v for _, v in node.pairs])

    def fail_key(self, key):
        line = self.text[self.starts[key.line - 1] :].split("\n", 1)[0].strip()
        if "{{" in line:
            self.fail("template-value", key.start, text=shorten(line.removeprefix("- ")))
        self.fail("yaml-invalid", key.start, reason="a key has to be text")

    def merge(self, node, value, seen):
        """`<<: *other` takes over what the mapping does not say itself."""
        for source in value.items if value.kind == "list" else [value]:
            if source.kind != "map":
                self.fail("yaml-alias", value.start, reason="<<: takes a mapping.")
            for key, item in source.pairs:
                if key.value not in seen:
                    seen[key.value] = key.line
                    node.pairs.append((key, item))
                    node.size += item.size
                    self.count += item.size
        self.check_count(node)

    def alias(self, event):
        node = self.anchors.get(event.anchor)
        if node is None:
            self.fail(
                "yaml-alias", event.start_mark.index, reason=f"There is no anchor &{event.anchor} above this line."
            )
        self.count += node.size
        self.check_count(node, event.start_mark.index)
        copy = Node(**{**vars(node), "is_alias": True})
        copy.start, copy.end = event.start_mark.index, event.end_mark.index
        copy.line, copy.column = self.line_of(copy.start), event.start_mark.column
        return copy

    def check_count(self, node, offset=None):
        if self.count > MOST_NODES:
            self.fail("yaml-too-many", node.start if offset is None else offset, longest=MOST_NODES)

    @staticmethod
    def last_end(node, inside):
        """Block lists end where the next thing begins; their own end is that of their last value."""
        return max([node.start, *(value.end for value in inside if not value.is_alias)])

    def fail(self, code, offset, **words):
        raise YamlFault(found(code, line=self.line_of(offset), **words))

    def explain(self, fault):
        """The sentence for what libyaml says."""
        stopped, opened = (
            self.line_at(mark) for mark in (fault.problem_mark, fault.context_mark or fault.problem_mark)
        )
        lines = re.split(r"\r\n|\r|\n", self.text)
        return explain(lines, stopped, opened, f"{fault.context or ''}, {fault.problem or ''}")

    def line_at(self, mark):
        return self.line_of(mark.index) if mark else 1


def _events(text):
    """The events of the parser; with the one in C where PyYAML has it, which is twenty times as fast."""
    loader = _LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()
