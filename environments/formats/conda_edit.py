"""Edits of a conda file that touch only the lines they are about. Pure.

Each takes a text and returns another; comments, order and quoting elsewhere stay. What was written is read
again and compared with what was wanted, so that an edit either does what it says or raises EditRefused.
Paths are those inside the file: ("dependencies", 3), ("dependencies", 4, "pip", 0), ("channels", 0).
"""

import re

from ..faults import UserFault
from .conda_file import scalar
from .yaml_tree import YamlFault, parse


class EditRefused(UserFault):
    """The text is written in a way that this edit cannot change safely."""

    def __init__(self):
        super().__init__(
            "These lines are written in a way that only the text view can change (anchors, aliases or the like)."
        )


def values(text, path):
    """The list at `path` as it stands, empty when there is none."""
    node = _find(_root(text), path)
    return [item.plain() for item in node.items] if node and node.kind == "list" else []


def pip_path(text):
    """The path of the first `pip:` list, or None."""
    root = _root(text)
    dependencies = root.get("dependencies") if root else None
    for i, item in enumerate(dependencies.items if dependencies else []):
        if item.kind == "map" and item.get("pip"):
            return ("dependencies", i, "pip")
    return None


def set_value(text, path, value):
    """Replace the text at `path`. A key that is not there is added."""
    root = _root(text)
    node = _find(root, path)
    if node is None:
        if len(path) > 1 or not isinstance(value, str):
            raise EditRefused
        return _check(text, _add_key(text, root, path[-1], value), path, value)
    if isinstance(value, list):
        return _set_list(text, node, path, value)
    quote = text[node.start] if text[node.start : node.start + 1] in ("'", '"') else ""
    return _check(text, text[: node.start] + scalar(value, quote) + text[node.end :], path, value)


def _set_list(text, node, path, value):
    if node.kind != "text" or not all(isinstance(item, str) for item in value):
        raise EditRefused
    inside = ", ".join(_flow_scalar(item) for item in value)
    gap = "" if text[node.start - 1 : node.start].isspace() else " "
    return _check(text, f"{text[: node.start]}{gap}[{inside}]{text[node.end :]}", path, value)


def rename(text, path, name):
    """Rename the key at `path`."""
    root = _root(text)
    parent = _find(root, path[:-1])
    key = next((key for key, _ in parent.pairs if key.value == path[-1]), None) if parent else None
    if key is None or parent.get(name):
        raise EditRefused
    node = _find(root, path)
    again = text[: key.start] + scalar(name) + text[key.end :]
    return _compare(text, again, lambda said: _put(_pop(said, path), [name], node.plain()))


def remove(text, path):
    """Remove the list item or the key at `path`. A `pip:` list that is left empty goes, too."""
    if isinstance(path[-1], str):
        return _remove_key(text, path)
    if len(path) == 4 and len(values(text, path[:-1])) == 1:
        path = path[:2]
    kept = values(text, path[:-1])
    if not 0 <= path[-1] < len(kept):
        raise EditRefused
    return reconcile(text, path[:-1], [(i, value) for i, value in enumerate(kept) if i != path[-1]])


def insert(text, path, value):
    """Insert `value` into the list path[:-1] at the index path[-1]."""
    there = list(enumerate(values(text, path[:-1])))
    return reconcile(text, path[:-1], [*there[: path[-1]], (None, value), *there[path[-1] :]])


def append(text, path, value):
    """Append `value` to the list at `path`; ("dependencies", None, "pip") is the pip list, made when missing."""
    return extend(text, path, [value])


def extend(text, path, more):
    """Append values, at once: a long list of them must not be read again for each."""
    if not more:
        return text
    if None not in path:
        node = _find(_root(text), path)
        if node is not None and node.kind != "list" and not node.is_null:
            raise EditRefused
        return reconcile(text, path, [*enumerate(values(text, path)), *((None, value) for value in more)])
    found = pip_path(text)
    if found and (values(text, found) or not _find(_root(text), found).is_empty):
        return extend(text, found, more)
    if found:
        text = remove(text, found[:2])
    return append(text, ("dependencies",), {"pip": list(more)})


def to_pip(text, path, value):
    """Move the dependency at `path` to the pip list, as `value` if there is one."""
    node = _find(_root(text), path)
    if node is None or node.kind != "text":
        raise EditRefused
    value = value or node.value
    return append(remove(text, path), ("dependencies", None, "pip"), value)


def reconcile(text, path, wanted):
    """Make the list at `path` hold `wanted`: pairs of (index that it has now, or None for a new one; value).

    Values are texts, and for dependencies also what stands there already.
    """
    root = _root(text)
    node = _find(root, path)
    there = [item.plain() for item in node.items] if node and node.kind == "list" else []
    if [value for _, value in wanted] == there:
        return text
    if node is None or node.is_null or node.kind != "list" or not node.items:
        again = _fill(text, root, node, path, [value for _, value in wanted])
    elif node.is_flow:
        again = _rewrite_flow(text, node, there, wanted)
    else:
        again = _rewrite_block(text, node, there, wanted)
    return _check(text, again, path, [value for _, value in wanted])


# How it is done


def _root(text):
    try:
        return parse(text)
    except YamlFault as fault:
        raise EditRefused from fault


def _find(root, path):
    node = root
    for part in path:
        if node is None or part is None:
            return None
        if isinstance(part, int):
            node = node.items[part] if node.kind == "list" and part < len(node.items) else None
        else:
            node = node.get(part)
    return node


def _check(text, again, path, wanted):
    """Read what was written: it must say `wanted` at the path, and everything else as before."""
    return _compare(text, again, lambda said: _put(said, path, wanted))


def _compare(text, again, change):
    before, after = _root(text), _root(again)
    said = before.plain() if before else {}
    change(said)
    if _meaning(said) != _meaning(after.plain() if after else {}):
        raise EditRefused
    return again


def _put(said, path, value):
    for part in path[:-1]:
        said = said[part]
    said[path[-1]] = value


def _pop(said, path):
    """Take the key at the path away and return the mapping that it was in."""
    for part in path[:-1]:
        said = said[part]
    said.pop(path[-1])
    return said


def _meaning(said):
    """Lists and keys that are empty say the same as if they were not there."""
    if isinstance(said, dict):
        return {key: value for key, item in said.items() if (value := _meaning(item)) not in (None, [], {})}
    return [_meaning(item) for item in said] if isinstance(said, list) else said


def _line_end(text, offset):
    end = text.find("\n", offset)
    return len(text) if end < 0 else end + 1


def _end_of(text, *nodes):
    """The end of the last line of the nodes. A block of text (`|`) ends at the beginning of the next line."""
    offset = max(max(node.start, node.end) for node in nodes)
    is_block = offset > nodes[-1].start and text[offset - 1 : offset] == "\n"
    return offset if is_block else _line_end(text, offset)


def _line_start(text, offset):
    return text.rfind("\n", 0, offset) + 1


def _dash(text, item):
    """The offset of the dash of a block item, which stands on the line of its value."""
    at = text.rfind("-", _line_start(text, item.start), item.start)
    while at > 0 and text[at + 1 : item.start].strip():  # a dash of the value itself
        at = text.rfind("-", _line_start(text, item.start), at)
    if at < 0 or text[at + 1 : item.start].strip():
        raise EditRefused
    return at


def _blocks(text, node):
    """The pieces of text of a block list: for each item its own lines, from its dash to the end of its last line.

    What stands between two items (comments, blank lines) belongs to the item after it.
    """
    ends = [_end_of(text, item) for item in node.items]
    begins = [_line_start(text, _dash(text, node.items[0])), *ends[:-1]]
    if text[begins[0] : _dash(text, node.items[0])].strip():  # the list begins on the line of something else
        raise EditRefused
    pieces = []
    for begin, end, item in zip(begins, ends, node.items, strict=True):
        own = _line_start(text, _dash(text, item))
        piece = text[begin:end]
        pieces.append((text[begin:own], piece[own - begin :] if piece.endswith("\n") else piece[own - begin :] + "\n"))
    return pieces, begins[0], ends[-1]


def _rewrite_block(text, node, there, wanted):
    pieces, begin, end = _blocks(text, node)
    indent = " " * (_dash(text, node.items[0]) - _line_start(text, _dash(text, node.items[0])))
    lead, rest = _leads(pieces, {index for index, _ in wanted if index is not None})
    out = []
    for index, value in wanted:
        if index is None:
            out.append(_new_item(value, indent))
        else:
            own = pieces[index][1]
            if value != there[index]:
                own = _with_value(
                    text, node.items[index], own, value, _line_start(text, _dash(text, node.items[index]))
                )
            out.append(lead[index] + own)
    return text[:begin] + "".join(out) + rest + text[end:]


def _leads(pieces, kept):
    """Return ({index: what stands above it}, what stands below all): comments above an item that goes stay."""
    lead, waiting = {}, ""
    for i, (above, _) in enumerate(pieces):
        waiting += above
        if i in kept:
            lead[i], waiting = waiting, ""
    return lead, waiting if waiting.strip() else ""


def _with_value(text, item, own, value, offset):
    if item.kind != "text" or not isinstance(value, str):
        raise EditRefused
    quote = text[item.start] if not item.is_plain and text[item.start] in "'\"" else ""
    start, end = item.start - offset, item.end - offset
    return own[:start] + scalar(value, quote) + own[end:]


def _new_item(value, indent):
    if isinstance(value, dict):
        below = "".join(f"{indent}    - {scalar(line)}\n" for line in value["pip"])
        return f"{indent}- pip:\n{below}"
    return f"{indent}- {scalar(value)}\n"


def _rewrite_flow(text, node, there, wanted):
    parts = []
    for index, value in wanted:
        if index is not None and value == there[index]:
            parts.append(text[node.items[index].start : node.items[index].end])
        elif isinstance(value, str):
            parts.append(_flow_scalar(value))
        elif index is None:
            parts.append(f"{{pip: [{', '.join(map(_flow_scalar, value['pip']))}]}}")
        else:
            raise EditRefused
    between = _between(text, node)
    if "#" in between:  # a comment has no place of its own in there
        raise EditRefused
    if "\n" in between:  # one item a line, as it was
        indent = _indent(text, node.items[0].start) or "  "
        inside = "".join(f"{indent}{part},\n" for part in parts)
        return f"{text[: node.start]}[\n{inside}{_indent(text, node.end - 1)}{text[node.end - 1 :]}"
    return f"{text[: node.start]}[{', '.join(parts)}]{text[node.end :]}"


def _indent(text, offset):
    return re.match(r" *", text[_line_start(text, offset) :])[0]


def _between(text, node):
    """What stands between the items of a list on one line: commas, blanks, comments."""
    at, pieces = node.start, []
    for item in node.items:
        pieces.append(text[at : item.start])
        at = item.end
    return "".join(pieces) + text[at : node.end]


def _flow_scalar(value):
    plain = scalar(value)
    return plain if not re.search(r"[,\[\]{}]", plain) or plain[0] in "'\"" else scalar(value, '"')


def _fill(text, root, node, path, items):
    """Write a list where there is none, or nothing in it."""
    lines = "".join(_new_item(value, "  ") for value in items)
    if node is None:
        return _add_key(text, root, path[-1], lines)
    if len(path) > 1 or (node.kind != "list" and not node.is_null):
        raise EditRefused
    key = next(key for key, _ in root.pairs if key.value == path[0])
    if node.end > node.start:  # `[]`, `null` or `~`
        text = text[: node.start].rstrip(" ") + text[node.end :]
    at = _line_end(text, key.end)
    before = text[:at] if text[:at].endswith("\n") else text[:at] + "\n"
    return before + lines + text[at:]


def _add_key(text, root, key, value):
    """Add a key to the file: `channels` above the dependencies, everything else at the end."""
    block = f"{scalar(key)}: {scalar(value)}\n" if not value.startswith("  ") else f"{key}:\n{value}"
    if root is None:
        return f"{text.rstrip()}\n{block}".lstrip("\n")
    if root.is_flow:
        raise EditRefused
    dependencies = next((name for name, _ in root.pairs if name.value == "dependencies"), None)
    if key in ("name", "channels") and dependencies:
        at = _line_start(text, dependencies.start)
        return text[:at] + block + text[at:]
    return text.rstrip("\n") + "\n" + block


def _remove_key(text, path):
    root = _root(text)
    parent = _find(root, path[:-1])
    pair = next(((key, value) for key, value in parent.pairs if key.value == path[-1]), None) if parent else None
    if not pair or parent.is_flow:
        raise EditRefused
    begin, end = _line_start(text, pair[0].start), _end_of(text, pair[0], pair[1])
    return _compare(text, text[:begin] + text[end:], lambda said: _pop(said, path))
