"""Packages that a definition has built from source. Done for an Attempt of `engine.py`.

Their code runs while they are built, so three kinds of rooms are kept apart: tools fetch the source and what builds it,
with the network, and run none of that code; the build itself has no network, no cache and no secret, and a folder of
its own; what comes out of that is a wheel, looked at like any that a stranger hands over. Without rooms nothing of
this is done.
"""

import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from environments import wheel_files, wheel_urls
from environments.faults import UserFault
from environments.pip_options import FROM_SOURCE
from environments.texts import shorten

from . import caches, sdist_fetch, uv
from . import lock as locks
from .diagnosis import Diagnosed
from .failures import Failure
from .resolve import WHEELS, indexes_of
from .rooms import SDIST_BUILD, SDIST_FETCH

STEP = "source build"
MOST_REQUIREMENTS = 200  # that a build may name
LONGEST = 1_000_000  # bytes of what a build says that it needs
MOMENT = "315532800"  # 1980, the time of files in wheels, so that the same source gives the same bytes


@dataclass(frozen=True)
class Built:
    """A wheel that was made of a source distribution: its file, with what its metadata asks for."""

    path: Path
    sha256: str
    requires: tuple = ()
    extras: tuple = ()
    python: str = ""

    @property
    def reference(self):
        return wheel_urls.reference(self.sha256, self.path.name)


def why_not(definition, is_confined, told=""):
    """Return (Failure, sentence) that says why what it has built from source is not built, or None."""
    if not definition.from_source:
        return None
    if is_confined:
        return None
    line = f"“{FROM_SOURCE} {','.join(definition.from_source)}” has code of packages run while they are built"
    return Failure.NO_SANDBOX, f"{line}, which is done in the sandbox alone. {told}".strip()


def as_wheels(attempt, packages, python, conda):
    """The Packages of a lock, those that come as source by the wheels that they were built into."""
    return [_as_wheel(attempt, package, python, conda) if package.is_source else package for package in packages]


def _as_wheel(attempt, package, python, conda):
    wheel = wheel_of(attempt, package, python, conda)
    return replace(package, url=wheel.reference, sha256=wheel.sha256, size=wheel.path.stat().st_size)


def wheel_of(attempt, package, python, conda):
    """Return the Built of a package that comes as source, in the folder of an attempt's wheels.

    `conda` are the Packages that bring the Python it is built for; none where that is one of the portal's.
    """
    if package.sha256 not in attempt.built:
        place = _place(attempt, package, python, conda)
        wheel = _kept(attempt, package, python, place)
        if not wheel:
            wheel = _build(attempt, package, python, conda)
            _keep(attempt, wheel, place)
        attempt.built[package.sha256] = wheel
    return attempt.built[package.sha256]


# What was built before


def _place(attempt, package, python, conda):
    """The folder of the cache for what this source becomes here. What builds it comes from the indexes."""
    options = [option.canonical for option in attempt.definition.pip_options if not option.from_source]
    told = [package.sha256, package.name, package.version, python, uv.this_platform(), settings.INDEX_URL, options]
    told.append(sorted(each.sha256 for each in conda))
    return caches.built() / hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _kept(attempt, package, python, folder):
    """What an earlier build made of it, or None. Nothing is kept that was fetched with secrets."""
    wheel = next(folder.glob("*.whl"), None) if attempt.rooms.keeps_cache else None
    if not wheel:
        return None
    os.utime(folder)
    attempt.say(f"Taking the wheel that was built from the source of {package} before")
    shutil.copyfile(wheel, attempt.work / WHEELS / wheel.name)
    return _read(attempt, package, python, attempt.work / WHEELS / wheel.name)


def _keep(attempt, wheel, folder):
    if not attempt.rooms.keeps_cache:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    shutil.copyfile(wheel.path, made / wheel.path.name)
    try:
        made.rename(folder)
    except OSError:  # another build was first
        shutil.rmtree(made)


# The build


def _build(attempt, package, python, conda):
    if conda:
        attempt.fetched += attempt.link(conda, uv.this_platform())
    archive, system = _fetch(attempt, package)
    requires = _requirements(attempt, package, system["requires"])
    builder = _prepare(attempt, package, python, requires)
    if more := _requirements(attempt, package, _ask(attempt, package, builder, archive, system)):
        builder = _prepare(attempt, package, python, [*requires, *more])
    attempt.say(f"Building {package} from source, without network")
    folder = _run(attempt, package, builder, archive, system, "wheel")
    wheel = _take(attempt, package, python, folder / "wheel")
    for each in (folder, builder, archive.parent):
        shutil.rmtree(each)
    attempt.say(f"Built {wheel.path.name}, sha256 {wheel.sha256}")
    return wheel


def _fetch(attempt, package):
    """Return (path of the archive, what it says of its build)."""
    attempt.say(f"Fetching the source of {package}")
    folder = attempt.work / "sdist"
    folder.mkdir()
    url = _as_fetched(attempt, package.url)
    archive = folder / Path(unquote(urlsplit(package.url).path)).name
    question, answer = attempt.work / "sdist-question.json", folder / "answer.json"
    facts = {
        "name": f"{package.name}=={package.version}",
        "label": str(package),
        "sha256": package.sha256,
        "size": package.size,
    }
    question.touch(0o600)
    question.write_text(json.dumps(facts | {"url": url, "path": str(archive), "authorization": _user_of_index(url)}))
    command = [sys.executable, "-I", SDIST_FETCH, question, answer]
    room = attempt.rooms.of_fetch()
    attempt.call(command, settings.INSTALL_SECONDS, STEP, room=room, cwd=attempt.work)
    question.unlink()
    system = json.loads(answer.read_text())
    attempt.fetched += system["size"]
    return archive, system


def _as_fetched(attempt, url):
    """The address with all that secrets fill in, whether a lock or a resolver says it."""
    credentials = attempt.credentials
    return credentials.fill(credentials.restore(credentials.strip(url)))


def _user_of_index(url):
    """The header for a file on the server of the portal's own index, where that wants one."""
    index, parts = urlsplit(settings.INDEX_URL or ""), urlsplit(url)
    same = (index.scheme, index.netloc.rpartition("@")[2]) == (parts.scheme, parts.netloc)
    return sdist_fetch.split_user(settings.INDEX_URL)[1] if same and settings.INDEX_URL else ""


def _requirements(attempt, package, told):
    """What a build says that it needs, each written anew: names and versions, nothing that leads elsewhere."""
    if not isinstance(told, list) or len(told) > MOST_REQUIREMENTS:
        attempt.give_up(
            Failure.SOURCE, f"{package} cannot be built: what it needs for that is no list of requirements."
        )
    return [_requirement(attempt, package, text) for text in told]


def _requirement(attempt, package, text):
    try:
        wanted = Requirement(text) if isinstance(text, str) else None
    except InvalidRequirement:
        wanted = None
    if not wanted or wanted.url:
        told = f"{package} cannot be built: “{shorten(str(text))}”, which it needs for that, is taken from no index."
        attempt.give_up(Failure.SOURCE, told)
    return str(wanted)


def _prepare(attempt, package, python, requires):
    """Make a folder with a Python that has these, by wheels alone. No code of theirs runs here. Return its path."""
    attempt.say(f"Fetching what builds {package}: {', '.join(requires) or 'nothing'}")
    builder, work = attempt.work / "builder", attempt.work
    if builder.exists():
        shutil.rmtree(builder)
    room = {"room": attempt.rooms.of_tools(), "cwd": work}
    interpreter = attempt.prefix / "bin" / "python" if attempt.is_linked else attempt.rooms.interpreter
    attempt.call(uv.make_prefix(builder.name, interpreter), 60, STEP, **room)
    if requires:
        locked = _lock(attempt, package, python, requires)
        room = {"room": attempt.rooms.of_tools(network=True), "cwd": work}
        attempt.call(uv.sync(builder.name, locked.name, offline=False), settings.INSTALL_SECONDS, STEP, **room)
        locked.unlink()
    return builder


def _lock(attempt, package, python, requires):
    """Resolve what builds a package. Return the file that has it with every hash."""
    indexes, options, environ = indexes_of(attempt)
    options = [option for option in options if option.address]
    (attempt.work / "build.in").write_text(indexes + "".join(f"{line}\n" for line in requires))
    command = uv.compile_lock("build.in", "pylock.build.toml", python, uv.this_platform(), options)
    try:
        attempt.ask(command, attempt.rooms.of_tools(network=True), environ)
        text = (attempt.work / "pylock.build.toml").read_text()
        packages = locks.read_pylock(text, python, uv.this_platform(), ())
    except Diagnosed as fault:
        told = f"{fault.diagnosis.reason} It is needed to build {package}."
        raise Diagnosed(replace(fault.diagnosis, reason=told)) from fault
    except ValueError as fault:
        attempt.give_up(Failure.NO_WHEEL, f"{fault} It is needed to build {package}.")
    (attempt.work / "pylock.build.toml").unlink()
    locked = attempt.work / "pylock.builder.toml"
    locked.touch(0o600)
    packages = [replace(each, url=_as_fetched(attempt, each.url)) for each in packages]
    locked.write_text(locks.write_pylock(packages, ".".join(python.split(".")[:2])))
    return locked


def _ask(attempt, package, builder, archive, system):
    """What more the package needs once its own code was asked."""
    folder = _run(attempt, package, builder, archive, system, "requires")
    with _open(attempt, package, folder / "requires.json") as file:
        data = file.read(LONGEST)
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _run(attempt, package, builder, archive, system, what):
    """Run code of the package in a room of its own. Return the folder that it could write."""
    folder = attempt.work / "source"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    conda = [attempt.prefix] if attempt.is_linked else []
    room = attempt.rooms.of_source(folder, (builder, archive.parent, *conda))
    hooks = json.dumps({name: system[name] for name in ("backend", "backend_path")})
    command = [builder / "bin" / "python", "-I", SDIST_BUILD, what, archive, folder, hooks, package]
    environ = uv.bare_environ(folder) | {"SOURCE_DATE_EPOCH": MOMENT}
    environ["PATH"] = os.pathsep.join([f"{each}/bin" for each in (builder, *conda)] + [environ["PATH"]])
    attempt.call(command, settings.INSTALL_SECONDS, STEP, room=room, cwd=folder, environ=environ)
    return folder


def _take(attempt, package, python, folder):
    """Copy the wheel out of the folder of a stranger. Return the Built of it."""
    found = [] if folder.is_symlink() else list(folder.glob("*.whl"))  # a link leads to what others have built
    if len(found) != 1 or not wheel_urls.is_wheel(found[0].name):
        attempt.give_up(Failure.SOURCE, f"{package} cannot be built: its build made no wheel.")
    kept = attempt.work / WHEELS / found[0].name
    with _open(attempt, package, found[0]) as wheel, open(kept, "wb") as copy:
        shutil.copyfileobj(wheel, copy)
    return _read(attempt, package, python, kept)


def _open(attempt, package, path):
    """Open a file that a stranger left, if it is one: no link, no pipe. Nothing of theirs runs any more."""
    is_file = not path.is_symlink() and path.exists() and stat.S_ISREG(path.lstat().st_mode)
    if not is_file:
        attempt.give_up(Failure.SOURCE, f"{package} cannot be built: its build left no file {path.name}.")
    return open(path, "rb")


def _read(attempt, package, python, path):
    """The Built of a wheel, which has to be of this package and for this Python."""
    try:
        with open(path, "rb") as file:
            name, version = wheel_files.read(file, path.name)
            requires, extras, for_python = wheel_files.needs(file)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        requires = tuple(str(Requirement(line)) for line in requires)
    except UserFault as fault:
        attempt.give_up(Failure.SOURCE, f"{package} cannot be built: {fault.message}")
    except InvalidRequirement as fault:
        attempt.give_up(Failure.SOURCE, f"{package} cannot be built: its wheel needs what is no requirement: {fault}")
    if name != canonicalize_name(package.name) or not locks.is_same_version(version, package.version):
        attempt.give_up(Failure.SOURCE, f"{package} cannot be built: what its build made is {name} {version}.")
    if not locks.is_for(path.name, python, uv.this_platform()):
        attempt.give_up(Failure.SOURCE, f"{package} cannot be built: its build made {path.name}, for another machine.")
    return Built(path, sha256, requires, extras, for_python)
