"""Import what a definition names. Runs inside the built prefix, so it knows nothing of the portal.

    python -I import_check.py DISTRIBUTION ...

Prints a line for each distribution. Exits with 1 when one of its modules cannot be imported.
Works with Python 3.8 and later.
"""

import importlib
import importlib.metadata
import os
import subprocess
import sys
import time
import traceback

NOT_THE_PACKAGE = {"test", "tests", "doc", "docs", "example", "examples", "benchmarks", "scripts"}
ENDINGS = (".py", ".so", ".pyd")


def modules_of(name):
    """Return the names under which a distribution is imported, from the list of files that it installed.

    That is the module of its own name, where it has one, otherwise all of them: scikit-learn gives sklearn.
    """
    distribution = importlib.metadata.distribution(name)
    files = [file for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")]
    tops = {file.parts[0] for file in files if len(file.parts) > 1 and "-" not in file.parts[0]}
    packages = {top for top in tops if any(file.as_posix() == top + "/__init__.py" for file in files)}
    packages |= {below(top, files) for top in tops - packages if top.isidentifier()}
    single = {file.name.split(".")[0] for file in files if len(file.parts) == 1 and file.name.endswith(ENDINGS)}
    found = {module for module in packages | single if module and all(map(str.isidentifier, module.split(".")))}
    found = {module for module in found if module.split(".")[0] not in NOT_THE_PACKAGE}
    same = {module for module in found if module.lower() == name.lower().replace("-", "_")}
    return sorted(same) or sorted(module for module in found if not module.startswith("_")) or sorted(found)


def below(top, files):
    """A top folder without __init__.py is a namespace: name the first package inside, as google.cloud.storage."""
    inside = [f.parts[:-1] for f in files if f.parts[0] == top and f.name == "__init__.py"]
    public = [parts for parts in inside if not any(part.startswith("_") for part in parts)]
    return ".".join(min(public, key=len)) if public else ""


def main(names):
    failed = 0
    for name in names:
        modules = modules_of(name)
        if not modules:
            print(f"nothing to import in {name}", flush=True)
        for module in modules:
            started = time.perf_counter()
            try:
                importlib.import_module(module)
            except BaseException as fault:  # a package may raise anything while it is imported
                if len(names) > 1:  # perhaps only because of what was imported before it
                    failed += subprocess.call([sys.executable, "-I", __file__, name])
                    break
                failed += 1
                print(f"failed {module} ({name})")
                traceback.print_exception(type(fault), fault, fault.__traceback__, file=sys.stdout)
                print(f"{name} cannot be imported: {type(fault).__name__}: {fault}", flush=True)
            else:
                print(f"ok     {module} ({name}) {time.perf_counter() - started:.2f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # a thread that a package started shall not keep us
