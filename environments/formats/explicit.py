"""Lists of exact conda packages: `conda list --explicit` (@EXPLICIT) and `conda list --export`. Pure."""

import re

from ..faults import UserFault
from ..findings import place
from ..texts import without_comment
from . import conda_file

MARK = "@EXPLICIT"
_PATH = ("python", "condaDependencies", "dependencies")
_EXPORTED = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)=(?P<version>[^=\s]+)=(?P<build>[^=\s]+)")


def is_explicit(text):
    return bool(re.search(rf"^{MARK}\s*$", text, re.M))


def is_exported(text):
    """Whether every line is name=version=build, as `conda list --export` writes it."""
    lines = [without_comment(line) for line in text.split("\n")]
    lines = [line for line in lines if line]
    return bool(lines) and all(_EXPORTED.fullmatch(line) for line in lines)


def read(text):
    """Return (document, {where: line}, the same as a conda file). Packages of pip in an export stay pip's."""
    conda, pip, lines = [], [], []
    for number, raw in enumerate(text.split("\n"), 1):
        line = without_comment(raw)
        if not line or line == MARK:
            continue
        exported = _EXPORTED.fullmatch(line)
        if exported and exported["build"].startswith("pypi_"):
            pip.append((f"{exported['name']}=={exported['version']}", number))
        else:
            conda.append((line, number))
    dependencies = [line for line, _ in conda]
    lines = {place(*_PATH, i): number for i, (_, number) in enumerate(conda)}
    if pip:
        lines |= {place(*_PATH, len(conda), "pip", i): number for i, (_, number) in enumerate(pip)}
        dependencies.append({"pip": [line for line, _ in pip]})
    section = {"dependencies": dependencies}
    return {"python": {"condaDependencies": section}}, lines, conda_file.write(section)


def write(definition):
    """Return an @EXPLICIT list. Raise UserFault unless every package is named by the address of its file."""
    loose = [spec.name for spec in definition.conda if not spec.url] + [line.name for line in definition.pip]
    if loose or not definition.conda:
        named = f": {', '.join(loose[:5])}" if loose else ""
        raise UserFault(
            f"An explicit list names the exact file of every conda package, and not all are named so here{named}."
        )
    return "".join(f"{line}\n" for line in [MARK, *(spec.url for spec in definition.conda)])
