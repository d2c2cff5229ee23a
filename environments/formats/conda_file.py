"""Conda environment files. Pure.

`read` makes of a text the section that stands under `python.condaDependencies`, and says where each value
stands. `write` makes a text of a section. Keys and values mean what they mean to conda.
"""

import json
import re
from dataclasses import dataclass, field

from ..catalogue import found
from ..findings import place
from ..texts import shorten
from . import yaml_mistakes
from .yaml_tree import YamlFault, parse

SECTION = ("python", "condaDependencies")
# Of these the text as typed is what counts, not the number or truth that YAML sees in it.
_TEXTS = ("name", "channels", "dependencies", "variables", "prefix")


@dataclass
class CondaFile:
    """What a text says. `section` is None when it is no YAML; then a finding says why."""

    text: str
    section: dict | None = None
    findings: list = field(default_factory=list)
    root: object = None
    nodes: dict = field(default_factory=dict)  # where in the document -> Node

    def line_of(self, where):
        """The line of a place in the document, or of the nearest place around it."""
        while where:
            if where in self.nodes:
                return self.nodes[where].line
            where = re.sub(r"(\.[^.\[\]]*|\[\d+\]|^[^.\[]*)$", "", where)
        return None


def read(text):
    """Return a CondaFile, whatever the text is."""
    try:
        root = parse(text)
    except YamlFault as fault:
        return CondaFile(text, None, [fault.finding])
    if root is None:
        return CondaFile(text, {}, [], None)
    if root.kind != "map":
        reason = "a conda file is a mapping with channels: and dependencies:"
        return CondaFile(text, None, [found("yaml-invalid", line=root.line, reason=reason)])
    return of_node(text, root)


def of_node(text, root):
    """The CondaFile of a mapping that stands somewhere in a text."""
    file = CondaFile(text, section_of(root), [], root)
    _remember(file.nodes, SECTION, root)
    if mistake := _swallowed(text, root):
        return CondaFile(text, None, [mistake], root)
    file.findings += [said for path, node in _packages(root) if (said := _selector(text, path, node))]
    return file


def _packages(root):
    """Yield (path, node) of the texts among the dependencies, those below `pip:` too."""
    for path, node in _items(root, "dependencies", (*SECTION, "dependencies")):
        yield path, node
        for _, value in node.pairs:
            yield from ((((*path, "pip", i)), item) for i, item in enumerate(value.items))


def _items(root, key, path):
    node = root.get(key)
    return [((*path, i), item) for i, item in enumerate(node.items if node and node.kind == "list" else [])]


# Lines that YAML reads otherwise than they were meant


def _swallowed(text, root):
    """A list item that lost its dash, or its place, and became a part of the line above it."""
    nodes = [node for key in ("channels", "dependencies") if (node := root.get(key)) and node.kind == "text"]
    nodes += [node for _, node in [*_packages(root), *_items(root, "channels", ())]]
    nodes += [value for _, node in _items(root, "dependencies", ()) for _, value in node.pairs]
    for node in nodes:
        if (
            not node.is_plain
            or node.is_alias
            or not ("\n" in text[node.start : node.end] or node.value.startswith("-"))
        ):
            continue
        lines = text.split("\n")
        before = lines[node.line - 1][: node.column]
        indent = before.rfind("-") if re.fullmatch(r"\s*(?:- +)+", before) else None
        last = node.line + text.count("\n", node.start, node.end)
        if mistake := yaml_mistakes.swallowed(lines, node.line, last, indent):
            return mistake
    return None


_SELECTOR = re.compile(r"[^\n]*?#\s*\[([^\]\n]{1,200})\]\s*$", re.M)
_OF_LINUX = {"linux", "linux64", "linux-64", "unix", "x86", "x86_64"}
_OF_OTHERS = {
    "win", "win32", "win64", "win-64", "osx", "osx64", "osx-64", "osx-arm64", "macos", "arm64", "aarch64", "ppc64le",
    "linux32", "linux-aarch64", "linux-ppc64le", "s390x", "armv6l", "armv7l",
}  # fmt: skip


def _selector(text, path, node):
    """The finding about a selector in the comment behind a dependency, or None."""
    if node.kind != "text" or node.is_alias:
        return None
    match = _SELECTOR.match(text, node.end)
    words = re.findall(r"[\w.-]+", match[1].lower()) if match else []
    if not any(word in _OF_LINUX | _OF_OTHERS or re.match(r"py\d*$|np\d*$", word) for word in words):
        return None
    fix = {"verb": "remove", "path": path} if _holds_on_linux(match[1].lower()) is False else {}
    return found("conda-selector", place(*path), node.line, selector=shorten(match[1]), **fix)


def _holds_on_linux(selector):
    """Whether a selector such as `linux and not arm64` holds on 64-bit Linux; None when that is not known."""
    return _any_of(_all_of(part) for part in re.split(r"\s+or\s+|,", selector))


def _all_of(part):
    return _not(_any_of(_not(_platform(word)) for word in re.split(r"\s+and\s+", part)))


def _platform(word):
    word = word.strip()
    if word.startswith("not "):
        return _not(_platform(word[4:]))
    return True if word in _OF_LINUX else False if word in _OF_OTHERS else None


def _not(truth):
    return None if truth is None else not truth


def _any_of(truths):
    truths = list(truths)
    return True if True in truths else None if None in truths else False


def section_of(root):
    """The mapping as a section: texts where texts count, numbers and truths elsewhere."""
    section = {}
    for key, value in root.pairs:
        section[key.value] = value.plain() if key.value in _TEXTS else value.typed()
        if key.value == "variables" and value.kind == "map":
            section["variables"] = {
                name.value: item.value if item.kind == "text" else item.plain() for name, item in value.pairs
            }
    return section


def _remember(nodes, path, node):
    nodes[place(*path)] = node
    if node.kind == "list":
        for i, item in enumerate(node.items):
            _remember(nodes, (*path, i), item)
    for key, value in node.pairs:
        _remember(nodes, (*path, key.value), value)
        nodes[place(*path, key.value)] = _at_key(key, value)


def _at_key(key, value):
    """A list or mapping is named by the line of its key; a value by its own."""
    return key if value.kind != "text" or value.is_null else value


_LONGEST_KEY = 500  # longer ones have another form in YAML


def write(section):
    """Return a section as a conda file. Read again it is the same section."""
    order = [key for key in ("name", "channels", "dependencies") if key in section]
    lines = []
    for key in [*order, *(key for key in section if key not in order)]:
        lines += _pair(key, section[key], "")
    return "".join(f"{line}\n" for line in lines)


def _pair(key, value, indent):
    key, inline = scalar(key), _inline(value)
    if len(key) > _LONGEST_KEY:
        return [
            f"{indent}? {key}",
            *([f"{indent}: {inline}"] if inline else [f"{indent}:", *_block(value, indent + "  ")]),
        ]
    return [f"{indent}{key}: {inline}"] if inline else [f"{indent}{key}:", *_block(value, indent + "  ")]


def _inline(value):
    """What is written on the line of its key or dash, or empty."""
    if isinstance(value, str):
        return scalar(value)
    return "" if isinstance(value, list | dict) and value else json.dumps(value)


def _block(value, indent):
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _pair(key, item, indent)]
    lines = []
    for item in value:
        inline = _inline(item)
        below = [] if inline else _block(item, indent + "  ")
        lines += [f"{indent}- {inline or below[0].strip()}", *below[1:]]
    return lines


_PLAIN = re.compile(r"[A-Za-z0-9_./<>=~+(-](?:[^:#]|:(?=\S)|(?<=\S)#)*")  # of what is printable


def scalar(text, quote=""):
    """Write a text as a YAML value, plain where that is safe, else quoted; `quote` is preferred."""
    if not quote and _is_plain(text):
        return text
    if quote == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character):
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return {"\n": "\\n", "\t": "\\t"}.get(character, f"\\U{ord(character):08x}")


def _is_plain(text):
    if text != text.strip() or not text or not text.isprintable() or text.startswith(("---", "...", "<<")):
        return False
    if _PLAIN.fullmatch(text) and not re.match(r"-(?:\s|$|-)|[=<>]|\?", text):
        return not _looks_typed(text)
    try:
        node = parse(f"- {text}")
    except YamlFault:
        return False
    only = node.items[0] if node and node.kind == "list" and len(node.items) == 1 else None
    return bool(only) and only.kind == "text" and only.value == text and not only.is_null and not _looks_typed(text)


def _looks_typed(text):
    """Whether YAML would see a number, a truth or nothing in it. Versions such as 1.2.3 are texts."""
    return bool(
        re.fullmatch(
            r"[-+]?[\d.,_]+(?:e[-+]?\d+)?|0x[\da-f]+|true|false|yes|no|on|off|null|~|\.nan|[-+]?\.inf|[\d:]+",
            text,
            re.I,
        )
    )
