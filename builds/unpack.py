"""Writes the place where an unpacked environment stands into the files that say it. Called by bin/env-unpack.

Needs Python 3.8 and nothing else.
"""

import json
import os
import re
import sys
from pathlib import Path

LONGEST = 255  # bytes: the room that conda packages keep for it


def main(here):
    root = Path(here)
    if len(os.fsencode(here)) > LONGEST:
        sys.exit(f"This folder's path is longer than {LONGEST} bytes, which conda packages have no room for.")
    if (root / "pyvenv.cfg").exists():
        use_this_python(root)
    notes = root / ".unpack" / "moved.json"
    moved = json.loads(notes.read_text())
    old, new = os.fsencode(moved["place"]), os.fsencode(here)
    for name in moved["text"]:
        rewrite(root / name, lambda data: data.replace(old, new))
    for name in moved["binary"]:
        rewrite(root / name, lambda data: put_into_binary(data, old, new))
    moved["place"] = here
    notes.write_text(json.dumps(moved, indent=1))
    print(f"This environment works in {here}")


def rewrite(path, change):
    data = path.read_bytes()
    path.write_bytes(change(data))


def put_into_binary(data, old, new):
    """A string that ends with a NUL keeps its room: NULs are taken from behind it, or added."""

    def moved(match):
        text, room = match[1].replace(old, new), len(match[0])
        if len(text) >= room:
            sys.exit(f"{os.fsdecode(new)} is too long a path for one of the conda packages.")
        return text + b"\0" * (room - len(text))

    return re.sub(b"(" + re.escape(old) + rb"[^\0]*)\0+", moved, data)


def use_this_python(root):
    """Run with the Python that runs this; its version has to be the one that the packages are for."""
    path = root / "pyvenv.cfg"
    lines = path.read_text().splitlines()
    wanted = next(line for line in lines if re.match(r"version(_info)? *=", line)).partition("=")[2].split(".")[:2]
    if [int(part) for part in wanted] != list(sys.version_info[:2]):
        sys.exit(f"This environment needs Python {'.'.join(wanted).strip()}; this is {sys.version.split()[0]}.")
    base = getattr(sys, "_base_executable", sys.executable)
    home = os.path.dirname(os.path.realpath(base))
    path.write_text("\n".join(f"home = {home}" if re.match("home *=", line) else line for line in lines) + "\n")
    link = root / "bin" / "python"
    link.unlink()
    link.symlink_to(os.path.realpath(base))


main(sys.argv[1])
