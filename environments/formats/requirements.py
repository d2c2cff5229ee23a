"""pip requirements files. Pure. What each line means stands in `pip_lines`."""

import re

from ..faults import UserFault
from ..findings import place
from . import conda_file

_PATH = ("python", "condaDependencies", "dependencies", 1, "pip")


def logical_lines(text):
    """Join lines that end in a backslash; yield (number of the first, text, comment behind it or alone)."""
    first, parts = None, []
    for number, line in enumerate(text.split("\n"), 1):
        first = first or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            parts.append(line[:-1].strip())
            continue
        whole = " ".join([*parts, line.strip()]).strip()
        wanted, comment = _split_comment(whole)
        yield first, wanted, comment
        first, parts = None, []
    if parts:
        yield first, " ".join(parts), ""


def _split_comment(text):
    match = re.search(r"(?:^|\s+)#", text) if "#" in text else None
    if not match:
        return text, ""
    comment = "".join(character if character.isprintable() else " " for character in text[match.start() :])
    return text[: match.start()].rstrip(), comment.strip()


def read(text):
    """Return (document, {where: line}, the same as a conda file, with its comments)."""
    wanted, lines, shown = [], {}, []
    for number, line, comment in logical_lines(text):
        if line:
            lines[place(*_PATH, len(wanted))] = number
            wanted.append(line)
            shown.append(f"      - {conda_file.scalar(line)}" + (f"  {comment}" if comment else ""))
        elif comment:
            shown.append(f"      {comment}")
    dependencies = ["pip", {"pip": wanted}] if wanted else []
    document = {"python": {"condaDependencies": {"dependencies": dependencies}}}
    below = "".join(f"{line}\n" for line in shown)
    head = "dependencies:\n  - pip\n  - pip:\n" if wanted else "dependencies: []\n"
    return document, lines, head + below


def write(definition):
    """Return the pip part as a requirements file. Raise UserFault when conda packages would be lost."""
    if definition.conda_packages:
        named = ", ".join(spec.name for spec in definition.conda_packages[:5])
        raise UserFault(
            f"A requirements file holds pip packages only, and conda provides {named}. Take the conda file."
        )
    lines = []
    for spec in definition.conda:
        if spec.name == "python" and spec.version:
            lines.append(f"# for Python {spec.version.lstrip('=').strip()}")
    for entry in definition.conda_section.get("dependencies") or []:
        if isinstance(entry, dict):
            lines += [" ".join(text.split()) for text in entry.get("pip") or [] if isinstance(text, str)]
    return "".join(f"{line}\n" for line in lines)
