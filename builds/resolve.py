"""From a definition to its packages: conda's solver for the conda part, uv for the pip part beside it.

A build and a preview ask in the same order; each is an asker in a folder, a log and limits of its own. An asker has
`definition`, `work` (its folder), `blocked` (the PackageRules that resolvers are told of), `rooms`, `environ`, `credentials`, `private` ((sha256, filename, size) of the private wheels, which are in the
folder WHEELS of it), `wheel_of(package, python, conda)` where its definition has packages built from source, `say(line)`, and two that raise Diagnosed: `give_up(failure, reason)` and `ask(command, room, environ)`,
which runs a resolver.
"""

import re
from dataclasses import replace

from django.conf import settings

from environments.addresses import redact

from . import conda, ruled_out, uv
from . import lock as locks
from .diagnosis import Diagnosed
from .failures import Failure
from .source_metadata import Sources

CONSTRAINTS = "constraints.txt"
WHEELS = "wheels"  # folder of the private ones
PROVIDED = "provided"  # folder of the wheels that stand for what conda provides
NOTHING = conda.Solved((), {})


def packages_of(asker, python, platform, quick=False):
    """Return (python, Packages). `python` is a full version, empty where conda brings one.

    When it is to be `quick`, what the index said some minutes ago holds, unless nothing fits it; and pip packages do
    not say who needs them nor which index has them.
    """
    definition = asker.definition
    solved = _solve_conda(asker, platform) if definition.conda_packages else NOTHING
    python, wanted = python or solved.python, definition.pip_requirements
    pip, needed_by = _resolve_pip(asker, wanted, python, platform, solved, quick) if wanted else ([], {})
    asked = {line.name for line in wanted} & solved.provided.keys()
    return python, [*(_with_pip(package, needed_by, asked) for package in solved.packages), *pip]


def _with_pip(package, needed_by, asked):
    """A package of conda, needed by packages of pip, too, or asked for among them."""
    name = conda.index_name(package.name)
    requested_by = tuple(sorted({*package.requested_by, *needed_by.get(name, ())}))
    return replace(package, direct=package.direct or name in asked, requested_by=requested_by)


def _solve_conda(asker, platform):
    wanted = asker.definition
    with_python = bool(wanted.pip) and all(spec.name != "python" for spec in wanted.conda)
    if with_python:
        asker.say("The conda part names no Python and the pip packages need one: the newest that fits is added")
    asker.say(f"Solving {len(wanted.conda):,} conda specs for {platform}")
    cache = asker.rooms.cache("channels")
    room, environ = asker.rooms.of_conda(cache), asker.environ | asker.credentials.environ
    try:
        question = conda.question_of(wanted, platform, cache, with_python)
        question["constraints"] = ruled_out.for_conda(asker.blocked)
        answer = conda.ask(question, asker.work, lambda command: asker.ask(command, room, environ))
        solved = conda.read_solved(answer, wanted, platform)
        conda.check_together(wanted.pip, solved, platform)
    except conda.CondaFault as fault:
        failure, reason = fault.args
        asker.give_up(failure, ruled_out.blame(reason, asker.blocked, "conda"))
    if solved.python:
        asker.say(f"Python {solved.python}, from conda")
    return replace(solved, packages=tuple(_without_credentials(asker, package) for package in solved.packages))


def _without_credentials(asker, package):
    strip = asker.credentials.strip
    return replace(package, url=strip(package.url), channel=strip(package.channel))


def resolvable(line):
    """A PipLine as the resolver gets it, a private wheel by the file that was fetched."""
    return line.from_source(f"file:{WHEELS}/{line.wheel.filename}" if line.wheel else line.url)


def _resolve_pip(asker, wanted, python, platform, solved, quick):
    """Return (Packages of the pip part, {name: names that need it}, what conda provides among them)."""
    work = asker.work
    sources = Sources(asker)
    only = f"{' and '.join(sources.names)} from source, all others as wheels" if sources.names else "wheels only"
    asker.say(f"Resolving {len(wanted):,} requirement{'' if len(wanted) == 1 else 's'}, {only}")
    text, options, environ = _requirements(asker, wanted)
    (work / "requirements.in").write_text(text)
    constraints = conda.write_provided(solved.provided, work / PROVIDED)
    constraints += "".join(ruled_out.for_pip(asker.blocked, solved.provided))
    (work / CONSTRAINTS).write_text(constraints)
    asked = (python, platform, options, CONSTRAINTS)
    recently = uv.holding(environ, work) if quick and settings.INDEX_URL else None
    where = (asker.rooms.of_tools(network=True), sources.environ(environ))
    for _ in sources.rounds():
        sources.tell()
        packages = _choose(asker, wanted, asked, where, solved.provided, sources.names, recently)
        if not sources.learn(packages, python, solved.packages):
            break
    else:
        asker.give_up(Failure.SOLVER_TIMEOUT, sources.GAVE_UP)
    if quick:
        return packages, {}
    pins = "".join(f"{package.name}=={package.version}\n" for package in packages)
    (work / CONSTRAINTS).write_text(constraints + pins)
    # Of the answers just had: an index that changes meanwhile would make another lock of it, or none.
    command = uv.explain_lock("requirements.in", "reasons.txt", *asked)
    if not asker.ask([*command, "--offline"], *where, unless=uv.NOT_IN_CACHE):
        asker.ask(command, *where)  # an index that nothing may be kept of
    needed_by, indexes = locks.read_reasons((work / "reasons.txt").read_text())
    for name in ("pylock.toml", "reasons.txt"):
        (work / name).unlink()  # what was filled in stands in them, too
    packages = [_with_reasons(package, needed_by, indexes) for package in packages]
    return [_without_credentials(asker, package) for package in packages], needed_by


def _choose(asker, wanted, asked, where, provided, from_source, recently):
    """Return the Packages that uv chooses. `recently` is the environment of a uv that need not ask the index again."""
    python, platform, *_ = asked
    room, environ = where
    command = uv.compile_lock("requirements.in", "pylock.toml", *asked)
    try:
        if not (recently and asker.ask(command, room, recently, unless=uv.NO_SOLUTION)):
            # Of an index that uv does not know by itself, answers hold that somebody had while typing.
            asker.ask([*command, "--refresh"] if settings.INDEX_URL else command, room, environ)
    except Diagnosed as fault:
        diagnosis = blame_conda(fault.diagnosis, provided)
        reason = ruled_out.blame(diagnosis.reason, asker.blocked, "pip")
        raise Diagnosed(replace(diagnosis, reason=reason)) from fault
    try:
        text = (asker.work / "pylock.toml").read_text()
        return locks.read_pylock(text, python, platform, wanted, asker.private, provided, from_source)
    except ValueError as fault:
        asker.give_up(Failure.NO_WHEEL, str(fault))


def _requirements(asker, wanted):
    """Return (the file that uv resolves, the PipOptions that the command has, uv's environment)."""
    indexes, options, environ = indexes_of(asker)
    return indexes + "".join(f"{asker.credentials.for_uv(resolvable(line))}\n" for line in wanted), options, environ


def indexes_of(asker):
    """Return (what a file begins with that uv resolves, the PipOptions that the command has, uv's environment).

    Where secrets are filled in, addresses stand in the file alone: there uv fills them in, and no list of processes
    shows them.
    """
    credentials, options = asker.credentials, asker.definition.pip_options
    environ = asker.environ | credentials.environ
    if not credentials:
        return "", options, environ
    if any(option.name == "--index-url" for option in options):
        environ.pop("UV_DEFAULT_INDEX", None)  # which would win over the file
    indexes = "".join(f"{option.name} {credentials.for_uv(option.address)}\n" for option in options if option.address)
    return indexes, [option for option in options if not option.address], environ


def _with_reasons(package, needed_by, indexes):
    index = redact(indexes.get(package.name, ""))
    return replace(package, channel=index, requested_by=needed_by.get(package.name, ()))


def blame_conda(diagnosis, provided):
    """Where uv finds no solution, say which of the packages that it names came from conda."""
    said = set(re.findall(r"[a-z0-9][a-z0-9._-]*", diagnosis.reason))
    named = [f"{name} {version}" for name, version in provided.items() if name in said]
    if not named:
        return diagnosis
    return replace(diagnosis, failure=Failure.CONFLICT, reason=f"{diagnosis.reason} Conda provides {', '.join(named)}.")
