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
import tempfile
import time
import traceback

NOT_THE_PACKAGE = {"test", "tests", "doc", "docs", "example", "examples", "benchmarks", "scripts"}
ENDINGS = (".py", ".so", ".pyd")
AT_ONCE = 4  # processes that import
NUMBER = 4  # bytes of a number in their queue


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


def check(name, is_alone):
    """Import what a distribution brings and say how that went. Return how many modules failed."""
    modules, failed = modules_of(name), 0
    if not modules:
        print(f"nothing to import in {name}", flush=True)
    for module in modules:
        started = time.perf_counter()
        try:
            importlib.import_module(module)
        except BaseException as fault:  # a package may raise anything while it is imported
            if not is_alone:  # perhaps only because of what was imported before it
                return subprocess.call([sys.executable, "-I", "-B", __file__, name])
            told = "".join(traceback.format_exception(type(fault), fault, fault.__traceback__))
            summary = f"{name} cannot be imported: {type(fault).__name__}: {fault}"
            print(f"failed {module} ({name})\n{told}{summary}", flush=True)
            failed += 1
        else:
            print(f"ok     {module} ({name}) {time.perf_counter() - started:.2f} s", flush=True)
    return failed


def work_through(queue, names):
    """Import what is next until nothing is, as the other processes do. Return whether something failed."""
    failed = 0
    while number := os.read(queue.fileno(), NUMBER):
        failed += check(names[int.from_bytes(number, "big")], len(names) == 1)
    return int(failed > 0)


def main(names):
    """Import in as many processes as the machine has for us. Return the exit code."""
    with tempfile.TemporaryFile(buffering=0) as queue:  # all who inherit it read on from the same place
        queue.write(b"".join(number.to_bytes(NUMBER, "big") for number in range(len(names))))
        queue.seek(0)
        others = []
        for _ in range(min(len(names), AT_ONCE, os.cpu_count() or 1) - 1):
            other = os.fork()  # before anything is imported that could mind
            if other == 0:
                end(work_through(queue, names))
            others.append(other)
        codes = [work_through(queue, names)]
    for other in others:
        status = os.waitpid(other, 0)[1]
        # A package that crashed ends us, too, with the code of a process that a signal ended.
        codes.append(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
    return max(codes)


def end(code):
    sys.stdout.flush()
    os._exit(code)  # a thread that a package started shall not keep us


if __name__ == "__main__":
    end(main(sys.argv[1:]))
