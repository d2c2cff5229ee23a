"""Build a wheel from a source distribution (PEP 517). Runs code of the package, so in a room of its own and nowhere else.

    python -I sdist_build.py WHAT ARCHIVE FOLDER SYSTEM LABEL

`python` is one that has what builds the package, 3.8 or newer. WHAT is `requires`: writes FOLDER/requires.json, what
more the build needs; or `wheel`: writes the wheel into FOLDER/wheel. SYSTEM is {"backend", "backend_path"} as JSON,
LABEL how the package is called when it cannot be built.
"""

import importlib
import json
import os
import sys
import tarfile
import traceback
import zipfile

LONGEST = 1500  # characters of a reason


def unpack(archive, folder):
    """Return the one folder that a source distribution has at its top."""
    os.mkdir(folder)
    if archive.endswith(".zip"):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)  # noqa: S202, what it may write is what this room lets it
    else:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # noqa: S202
    found = [entry.path for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith(".")]
    if len(found) != 1:
        raise ValueError(f"its archive has {len(found)} folders at the top, and not one")
    return found[0]


def load(system):
    """Return the object with the hooks; we stand in the folder of the source."""
    for path in reversed(system["backend_path"]):
        sys.path.insert(0, os.path.abspath(path))
    module, _, path = system["backend"].partition(":")
    backend = importlib.import_module(module)
    for name in path.split(".") if path else ():
        backend = getattr(backend, name)
    return backend


def work(what, archive, folder, system):
    os.chdir(unpack(archive, os.path.join(folder, "unpacked")))
    backend = load(json.loads(system))
    if what == "wheel":
        os.mkdir(os.path.join(folder, "wheel"))
        backend.build_wheel(os.path.join(folder, "wheel"))
        return
    hook = getattr(backend, "get_requires_for_build_wheel", None)
    needed = list(hook() if hook else ())
    with open(os.path.join(folder, "requires.json"), "w") as file:
        json.dump(needed, file)


def below(trace):
    """What of a traceback is not ours."""
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def main(what, archive, folder, system, label):
    try:
        work(what, archive, folder, system)
    except BaseException as fault:  # also SystemExit, by which setuptools says that a compiler failed
        traceback.print_exception(type(fault), fault, below(fault.__traceback__))
        reason = " ".join(str(fault).split())[:LONGEST]
        print(f"{label} cannot be built: {type(fault).__name__}: {reason}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
