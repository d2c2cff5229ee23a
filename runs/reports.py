"""What tools say is installed, as packages: `pip freeze`, `pip list`, `conda list`, in all their forms. Pure."""

import json
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, canonicalize_version, parse_wheel_filename

from builds.lock import Package
from environments.addresses import redact
from environments.faults import UserFault
from environments.texts import can_be_kept, shorten

LONGEST = 2_000_000  # characters
MOST = 10_000  # packages
LONGEST_WORD = 255

_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")
_VERSION = re.compile(r"(?=.*\d)\w[\w.!+-]*")
_BUILD = re.compile(r"[\w.+-]+")
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*===?\s*(?P<version>[^\s;#=]+)$")
_EXPORTED = re.compile(r"(?P<name>[A-Za-z0-9_][\w.-]*)=(?P<version>[^=\s]+)=(?P<build>[^=\s]+)$")
_AT_ADDRESS = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*@\s*(?P<url>\S+)$")
_EDITABLE = re.compile(r"(?:-e|--editable)[\s=]+(?P<url>\S+)$")
_SAID_ABOVE = re.compile(r"#\s*Editable\b.*\((?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s)]+)\)")
_PIP_HEAD = re.compile(r"Package\s+Version\b")
_NOTICE = re.compile(r"\[notice\]")
# What stands around the packages: comments, options, rulers, heads of tables, what pip says besides.
_FURNITURE = re.compile(
    r"#|(?!-e\b|--editable\b)-|─+$|@EXPLICIT$|Name\s+Version\b|List of packages in environment|Using Python \d"
    r"|\[notice\]|(WARNING|DEPRECATION): "
)
_PLATFORM = re.compile(r"#\s*platform:\s*(?P<platform>[a-z0-9-]+)")
_CONDA_FILE = re.compile(r"(?P<name>[^/]+)-(?P<version>[^-/]+)-(?P<build>[^-/]+)\.(?:conda|tar\.bz2)$")
_SHA256 = re.compile(r"(?:sha256[:=])?([0-9a-f]{64})$")


@dataclass(frozen=True)
class Report:
    """What was there. `python` and `platform` are empty where the tool did not say."""

    packages: tuple
    python: str = ""
    platform: str = ""


def read(text, field="packages"):
    """Return the Report of what `pip freeze`, `pip list`, `conda list`, those of uv and mamba, or their JSON printed.

    Raise UserFault, with the line, for what none of them prints. Of a package at an address, the version is
    what the file name says, or empty; credentials in addresses are left out.
    """
    if len(text) > LONGEST:
        raise UserFault(f"A list of packages has at most {LONGEST:,} characters.", field)
    if not can_be_kept(text):
        raise UserFault("This holds characters that are not text.", field)
    text = text.removeprefix("\ufeff")
    try:
        packages = _each_once(_from_json(text) if _is_json(text) else _from_lines(text))
    except _Unread as fault:
        raise UserFault(str(fault), field) from None
    if not packages:
        raise UserFault("This lists no package.", field)
    if len(packages) > MOST:
        raise UserFault(f"This lists more than {MOST:,} packages.", field)
    subdirs = (package.subdir for package in packages.values() if package.subdir != "noarch")
    platform = _PLATFORM.search(text) or {"platform": next(subdirs, "")}
    python = packages.get(("conda", "python"))
    ordered = tuple(packages[key] for key in sorted(packages))
    return Report(ordered, python.version if python else "", platform["platform"])


def _is_json(text):
    return text.lstrip().startswith("[") and not _NOTICE.match(text.lstrip())


def _each_once(found):
    """{(manager, name): Package} of (place in the text, Package). Raise _Unread for two versions of one package."""
    packages = {}
    for place, package in found:
        key = package.manager, package.name
        there = packages.setdefault(key, package)
        if there.version and package.version and there.version != package.version:
            raise _Unread(f"{place}: {package.name} {package.version} is there already, as {there.version}.")
    # What conda installed pip lists, too: by the same version, or by a file of the machine that made it.
    for (manager, name), package in list(packages.items()):
        of_conda = manager == "pip" and packages.get(("conda", name))
        if of_conda and (not package.version or _is_same(package.version, of_conda.version)):
            del packages[manager, name]
    return packages


def _is_same(one, other):
    return canonicalize_version(one) == canonicalize_version(other)


class _Unread(Exception):
    """A line that none of the tools prints; the argument is the sentence about it."""


def _package(manager, name, version, **more):
    name = canonicalize_name(name) if manager == "pip" else name.lower()
    if any(len(word) > LONGEST_WORD for word in (name, version, more.get("build", ""))):
        raise _Unread(f"“{shorten(name, 40)}” has a name, version or build of more than {LONGEST_WORD} characters.")
    facts = {"url": "", "sha256": "", "size": 0, "direct": False} | more
    return Package(manager, name, version, **facts)


def _from_lines(text):
    """Yield (place, Package) of each line that names one."""
    above, read_line = None, _from_line
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(?<=\S)\s+#.*", "", raw.strip())
        editable = _EDITABLE.match(line)
        package = _editable(editable["url"], above) if editable else read_line(line)
        above = _SAID_ABOVE.match(raw.strip())
        if _PIP_HEAD.match(line):
            read_line = _from_pip_columns
        elif package:
            yield f"Line {number}", package
        elif line and not _FURNITURE.match(line):
            raise _Unread(f"Line {number}: “{shorten(line)}” is not what pip freeze or conda list prints.")


def _from_line(line):
    """The Package of one line, or None."""
    if match := _EXPORTED.match(line):
        is_pip = match["build"].startswith("pypi_")
        build = {} if is_pip else {"build": match["build"]}
        return _package("pip" if is_pip else "conda", match["name"], match["version"], **build)
    if match := _PINNED.match(line):
        return _package("pip", match["name"], match["version"])
    if match := _AT_ADDRESS.match(line):
        return _at_address(match["name"], match["url"])
    if re.match(r"\w+://", line):
        return _conda_file(line)
    return _from_columns(line)


def _from_pip_columns(line):
    """A line of `pip list`: name, version, and whatever else was asked for, such as folders with spaces."""
    name, _, rest = line.partition(" ")
    version = rest.split()[:1]
    is_package = version and _NAME.fullmatch(name) and _VERSION.fullmatch(version[0])
    return _package("pip", name, version[0]) if is_package else None


def _from_columns(line):
    """A line of `conda list` (name, version, build, channel), or of `pip list` without its head."""
    name, version, build, channel, *more = [*line.split(), "", "", "", ""][: max(4, len(line.split()))]
    if more or not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        return None
    if not build or build.startswith(("/", "~")):
        return _package("pip", name, version)
    if not _BUILD.fullmatch(build):
        return None
    if channel == "pypi":
        return _package("pip", name, version)
    return _package("conda", name, version, build=build, channel=redact(channel))


def _at_address(name, url):
    path = unquote(urlsplit(url).path)
    sha256 = _SHA256.search(urlsplit(url).fragment)
    try:
        version = str(parse_wheel_filename(path.rsplit("/", 1)[-1])[1])
    except InvalidWheelFilename:
        version = ""
    return _package("pip", name, version, url=_public(url), sha256=sha256[1] if sha256 else "")


def _editable(url, above):
    """A package in development: pip names it in the comment above, or behind the address."""
    if above:
        return _package("pip", above["name"], above["version"], url=_public(url))
    egg = re.search(r"[#&]egg=([A-Za-z0-9][\w.-]*)", url)
    name = egg[1] if egg else urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
    if not re.match(r"[A-Za-z0-9]", name):
        return None
    return _package("pip", name, "", url=_public(url))


def _public(url):
    """An address without credentials; of a file on the machine of the run, only its name."""
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        return f"file:{parts.path.rstrip('/').rsplit('/', 1)[-1]}"
    return redact(url.partition("#")[0])


def _conda_file(line):
    """A line of an explicit list: the address of a package's file, and perhaps its hash."""
    url, _, fragment = line.partition("#")
    channel, _, filename = url.rpartition("/")
    match = _CONDA_FILE.match(unquote(filename))
    if not match:
        return None
    sha256 = _SHA256.match(fragment.strip())
    channel, _, subdir = channel.rpartition("/")
    return _package(
        *("conda", match["name"], match["version"]),
        **{"build": match["build"], "url": redact(url), "channel": redact(channel), "subdir": subdir},
        sha256=sha256[1] if sha256 else "",
    )


def _from_json(text):
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise _Unread(f"This is no JSON: {shorten(str(fault))}.") from None
    return [(f"Package {number} of the JSON", _from_row(row, number)) for number, row in enumerate(rows, 1)]


def _from_row(row, number):
    """A row of `pip list --format json` or of `conda list --json`."""
    is_one = isinstance(row, dict) and all(isinstance(row.get(key), str) and row[key] for key in ("name", "version"))
    if not is_one:
        raise _Unread(f"Package {number} of the JSON has no name and version.")
    if "build_string" not in row or row.get("channel") == "pypi":
        return _package("pip", row["name"], row["version"])
    said = {key: str(row.get(source) or "") for key, source in (("build", "build_string"), ("subdir", "platform"))}
    return _package("conda", row["name"], row["version"], channel=redact(str(row.get("channel") or "")), **said)
