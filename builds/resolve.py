"""From a definition to its lock: conda's solver for the conda part, uv for the pip part beside it.

Each function does its work for an Attempt of `engine.py`, in the attempt's folder, log and limits.
"""

from dataclasses import replace

from django.conf import settings

from environments.addresses import redact

from . import conda, uv
from . import lock as locks
from .failures import Failure
from .lock_models import Lock

CONSTRAINTS = "constraints.txt"
WHEELS = "wheels"  # folder of the private ones
PROVIDED = "provided"  # folder of the wheels that stand for what conda provides
NOTHING = conda.Solved((), {})


def make_lock(attempt, interpreter, platform):
    """Resolve anew. `interpreter` is (version, path), or None where conda brings one."""
    solved = NOTHING if interpreter else _solve_conda(attempt, platform)
    python = interpreter[0] if interpreter else solved.python
    wanted = attempt.definition.pip_requirements
    pip, needed_by = _resolve_pip(attempt, wanted, python, platform, solved) if wanted else ([], {})
    asked = {line.name for line in wanted} & solved.provided.keys()
    packages = [_with_pip(package, needed_by, asked) for package in solved.packages]
    return Lock.objects.store(python, platform, [*packages, *pip])


def _with_pip(package, needed_by, asked):
    """A package of conda, needed by packages of pip, too, or asked for among them."""
    name = conda.index_name(package.name)
    requested_by = tuple(sorted({*package.requested_by, *needed_by.get(name, ())}))
    return replace(package, direct=package.direct or name in asked, requested_by=requested_by)


def _solve_conda(attempt, platform):
    wanted = attempt.definition
    with_python = bool(wanted.pip) and all(spec.name != "python" for spec in wanted.conda)
    if with_python:
        attempt.say("The conda part names no Python and the pip packages need one: the newest that fits is added")
    attempt.say(f"Solving {len(wanted.conda):,} conda specs for {platform}")
    cache = attempt.rooms.cache("channels")
    with attempt.says_conda_faults():
        question = conda.question_of(wanted, platform, cache, with_python)
        answer = attempt.ask_conda(question, settings.RESOLVE_SECONDS, "resolve", cache)
        solved = conda.read_solved(answer, wanted, platform)
        conda.check_together(wanted.pip, solved.provided)
    if solved.python:
        attempt.say(f"Python {solved.python}, from conda")
    return replace(solved, packages=tuple(_without_credentials(attempt, package) for package in solved.packages))


def _without_credentials(attempt, package):
    strip = attempt.credentials.strip
    return replace(package, url=strip(package.url), channel=strip(package.channel))


def resolvable(line):
    """A PipLine as the resolver gets it, a private wheel by the file that was fetched."""
    return line.from_source(f"file:{WHEELS}/{line.wheel.filename}" if line.wheel else line.url)


def _resolve_pip(attempt, wanted, python, platform, solved):
    """Return (Packages of the pip part, {name: names that need it}, what conda provides among them)."""
    work = attempt.work
    attempt.say(f"Resolving {len(wanted):,} requirement{'' if len(wanted) == 1 else 's'}, wheels only")
    text, options, environ = _requirements(attempt, wanted)
    (work / "requirements.in").write_text(text)
    constraints = conda.write_provided(solved.provided, work / PROVIDED)
    (work / CONSTRAINTS).write_text(constraints)
    asked = ("requirements.in", "pylock.toml", python, platform, options, CONSTRAINTS)
    with attempt.blames_conda(solved.provided):
        room = attempt.rooms.of_tools(network=True)
        where = {"cwd": work, "room": room, "environ": environ}
        attempt.call(uv.compile_lock(*asked), settings.RESOLVE_SECONDS, "resolve", **where)
    try:
        private = [(wheel.sha256, wheel.filename, wheel.size) for wheel in attempt.wheels]
        text = (work / "pylock.toml").read_text()
        packages = locks.read_pylock(text, python, platform, wanted, private, solved.provided)
    except ValueError as fault:
        attempt.give_up(Failure.NO_WHEEL, str(fault))
    pins = "".join(f"{package.name}=={package.version}\n" for package in packages)
    (work / CONSTRAINTS).write_text(constraints + pins)
    asked = ("requirements.in", "reasons.txt", *asked[2:])
    attempt.call(uv.explain_lock(*asked), settings.RESOLVE_SECONDS, "resolve", **where)
    needed_by, indexes = locks.read_reasons((work / "reasons.txt").read_text())
    for name in ("pylock.toml", "reasons.txt"):
        (work / name).unlink()  # what was filled in stands in them, too
    packages = [_with_reasons(package, needed_by, indexes) for package in packages]
    return [_without_credentials(attempt, package) for package in packages], needed_by


def _requirements(attempt, wanted):
    """Return (the file that uv resolves, the PipOptions that the command has, uv's environment).

    Where secrets are filled in, addresses stand in the file alone: there uv fills them in, and no list of processes
    shows them.
    """
    credentials, options = attempt.credentials, attempt.definition.pip_options
    lines = "".join(f"{credentials.for_uv(resolvable(line))}\n" for line in wanted)
    environ = attempt.environ | credentials.environ
    if not credentials:
        return lines, options, environ
    if any(option.name == "--index-url" for option in options):
        environ.pop("UV_DEFAULT_INDEX", None)  # which would win over the file
    indexes = "".join(f"{option.name} {credentials.for_uv(option.value)}\n" for option in options if option.value)
    return indexes + lines, [option for option in options if not option.value], environ


def _with_reasons(package, needed_by, indexes):
    index = redact(indexes.get(package.name, ""))
    return replace(package, channel=index, requested_by=needed_by.get(package.name, ()))
