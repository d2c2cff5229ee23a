"""The fixes of findings, applied to the text of a conda file or to a document. Pure.

Both do the same: what the edited text reads as is what the edited document says. A fix that does not fit to
what stands there (because it was changed meanwhile, or is written in another way) raises EditRefused.
"""

import copy

from . import conda_edit
from .conda_edit import EditRefused
from .conda_file import SECTION

_PIP = ("dependencies", None, "pip")


def is_about_conda(fix):
    """Whether the conda file is where this fix belongs."""
    return fix.verb == "lines" or tuple(fix.path[:2]) == SECTION or (fix.verb == "to-pip" and not fix.path)


def apply_to_conda(text, fix):
    """Return the text of a conda file with the fix in it; every line that it is not about stays as it is."""
    if not is_about_conda(fix):
        raise EditRefused
    path = tuple(fix.path[2:])
    if fix.verb == "lines":
        return _replace_lines(text, *fix.path, fix.value)
    if fix.verb == "to-pip":
        return conda_edit.to_pip(text, path, fix.value) if path else conda_edit.append(text, _PIP, fix.value)
    if fix.verb == "remove":
        return conda_edit.remove(text, path)
    edits = {
        "set": conda_edit.set_value,
        "append": conda_edit.append,
        "insert": conda_edit.insert,
        "rename": conda_edit.rename,
    }
    return edits[fix.verb](text, path, fix.value)


def _replace_lines(text, first, last, value):
    lines = text.split("\n")
    if not 1 <= first <= last <= len(lines):
        raise EditRefused
    return "\n".join([*lines[: first - 1], value, *lines[last:]])


def apply_to_document(document, fix):
    """Return a copy of the document with the fix in it."""
    document = copy.deepcopy(document)
    path = list(fix.path)
    if fix.verb == "to-pip":
        _to_pip(document, path, fix.value)
    elif fix.verb == "append":
        _list_at(document, path).append(fix.value)
    elif fix.verb == "insert":
        there = _list_at(document, path[:-1])
        there.insert(path[-1], fix.value)
    else:
        _change(_at(document, path[:-1]), path, fix, document)
    return document


def _change(parent, path, fix, document):
    if fix.verb == "set" and isinstance(parent, dict):
        parent[path[-1]] = fix.value
        return
    _needs(parent, path[-1])
    if fix.verb == "set":
        parent[path[-1]] = fix.value
    elif fix.verb == "remove":
        del parent[path[-1]]
        if not parent and path[-2:-1] == ["pip"]:
            del _at(document, path[:-3])[path[-3]]
    elif fix.verb == "rename" and isinstance(parent, dict) and fix.value not in parent:
        renamed = {fix.value if key == path[-1] else key: value for key, value in parent.items()}
        parent.clear()
        parent.update(renamed)
    else:
        raise EditRefused


def _to_pip(document, path, value):
    if path:
        _needs(_at(document, path[:-1]), path[-1])
        value = value or _at(document, path)
        del _at(document, path[:-1])[path[-1]]
    dependencies = _list_at(document, [*SECTION, "dependencies"])
    there = next((item["pip"] for item in dependencies if isinstance(item, dict) and item.get("pip")), None)
    if isinstance(there, list):
        there.append(value)
        return
    dependencies[:] = [item for item in dependencies if not (isinstance(item, dict) and "pip" in item)]
    dependencies.append({"pip": [value]})


def _at(document, path):
    """The value at a path."""
    value = document
    for part in path:
        _needs(value, part)
        value = value[part]
    return value


def _needs(value, part):
    fits = isinstance(value, dict) if isinstance(part, str) else isinstance(value, list)
    if not fits or (part not in value if isinstance(part, str) else not 0 <= part < len(value)):
        raise EditRefused


def _list_at(document, path):
    """The list at a path, made where there is none."""
    value = document
    for i, part in enumerate(path):
        if isinstance(value, dict) and value.get(part) is None:
            value[part] = [] if i == len(path) - 1 else {}
        _needs(value, part)
        value = value[part]
    if not isinstance(value, list):
        raise EditRefused
    return value
