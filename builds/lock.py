"""The content of a lock as values, and its form as pylock.toml (PEP 751). Pure."""

import json
import re
import tomllib
from dataclasses import asdict, dataclass
from urllib.parse import unquote, urlsplit

from packaging import tags
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from environments import wheel_urls

GLIBC = 28  # wheels for glibc 2.28, of 2018, run on every distribution that is still kept

CONTENT = ("manager", "name", "version", "url", "sha256", "size", "direct")


@dataclass(frozen=True)
class Package:
    """One package of a lock. `size` is in bytes, `sha256` in hex; empty is what is not known.

    `channel` is the address of the channel or index, `subdir` the platform in a channel. `requested_by` are the
    names of the packages in the same lock that need it.
    """

    manager: str
    name: str
    version: str
    url: str
    sha256: str
    size: int
    direct: bool
    build: str = ""
    channel: str = ""
    subdir: str = ""
    licence: str = ""
    requested_by: tuple = ()

    def as_dict(self):
        return asdict(self) | {"requested_by": list(self.requested_by)}

    def __str__(self):
        return f"{self.name} {self.version}"

    @property
    def is_source(self):
        """Whether it is a source distribution, which is built before it is installed."""
        return is_source(self.manager, self.url)

    @property
    def content(self):
        """What tells one lock from another; the rest follows from the file, or is only said about it."""
        return {field: getattr(self, field) for field in CONTENT}


def is_source(manager, url):
    """Whether a file of pip's is no wheel."""
    return bool(url) and manager == "pip" and not urlsplit(url).path.endswith(".whl")


def read_pylock(text, python, platform, wanted, private=(), provided=(), from_source=()):
    """Return the packages of a pylock.toml, one wheel each: the best for this Python and platform.

    `python` is a full version (3.11.7), `platform` such as linux-64, `wanted` the PipLines that it was made for,
    `private` (sha256, filename, size) of each private wheel among them. The lock names those by a reference that
    is the same everywhere, not by where the file stood. `provided` are the names that conda has, which stay out. Of
    those `from_source` the source distribution is taken.
    Raises ValueError when a package has no wheel with a hash,
    or with none of the hashes that the definition asks for.
    """
    known = {(sha256, filename): size for sha256, filename, size in private}
    ranks = {tag: rank for rank, tag in enumerate(_supported(python, platform))}
    asked = {}
    for line in wanted:
        asked.setdefault(line.name, set()).update(line.hashes)
    entries = tomllib.loads(text).get("packages", [])
    kinds = dict.fromkeys(from_source, _source)
    names = [(canonicalize_name(entry["name"]), entry) for entry in entries]
    return [kinds.get(name, _wheel)(entry, ranks, asked, known) for name, entry in names if name not in provided]


def read_reasons(text):
    """Return ({name: names that need it}, {name: address of its index}) of a requirements file that uv annotated."""
    needed_by, indexes, name = {}, {}, ""
    for line in text.split("\n"):
        said = line.strip()
        if said and not line.startswith((" ", "#")):
            name = canonicalize_name(re.match(r"[\w.-]+", said)[0])
        elif said.startswith("# from "):
            indexes[name] = said.removeprefix("# from ")
        elif match := re.fullmatch(r"#\s+(?:via )?([A-Za-z0-9][\w.-]*)(?:\[.*\])?", said.removesuffix("# via")):
            needed_by.setdefault(name, []).append(canonicalize_name(match[1]))
    return {name: tuple(sorted(set(names))) for name, names in needed_by.items()}, indexes


def write_pylock(packages, python, folder=""):
    """Return a pylock.toml that names exactly these files with their hashes, and the index that each is of.

    `folder` is where the private ones stand, seen from the file that is written. By the index uv finds in its cache
    what it once had; otherwise it fetches that again where the index does not say how long files hold.
    """
    lines = ['lock-version = "1.0"', 'created-by = "envportal"', f'requires-python = ">={python}"']
    for package in packages:
        private = wheel_urls.parse_reference(package.url)
        place = f"path = {json.dumps(f'{folder}/{private[1]}')}" if private else f"url = {json.dumps(package.url)}"
        size = f"size = {package.size}, " if package.size else ""
        file = f"{{ {place}, {size}hashes = {{ sha256 = {json.dumps(package.sha256)} }} }}"
        lines += [
            "",
            "[[packages]]",
            f"name = {json.dumps(package.name)}",
            f"version = {json.dumps(package.version)}",
            *([f"index = {json.dumps(package.channel)}"] if _may_be_named(package.channel) else []),
            # Never as an archive, which is how the resolver writes it: that would leave the path in the prefix.
            f"sdist = {file}" if package.is_source else f"wheels = [{file}]",
        ]
    return "\n".join(lines) + "\n"


def _may_be_named(index):
    parts = urlsplit(index)
    return parts.scheme in ("http", "https") and "@" not in parts.netloc


def _source(entry, ranks, asked, known):
    name, file = canonicalize_name(entry["name"]), entry.get("sdist", {})
    sha256 = file.get("hashes", {}).get("sha256")
    if not sha256 or not re.match("https?://", file.get("url", "")):
        raise ValueError(f"{entry['name']} {entry.get('version', '')} has no source distribution with a sha256.")
    if asked.get(name) and f"sha256:{sha256}" not in asked[name]:
        raise ValueError(f"The source distribution of {entry['name']} has no hash that the definition allows.")
    return Package("pip", name, entry["version"], file["url"], sha256, file.get("size", 0), name in asked)


def is_for(filename, python, platform):
    """Whether a wheel of that name is for this Python and platform."""
    ranks = {tag: rank for rank, tag in enumerate(_supported(python, platform))}
    return _rank({"name": filename}, ranks) is not None


def is_same_version(one, other):
    return Version(one) == Version(other)


def _wheel(entry, ranks, asked, known):
    name = canonicalize_name(entry["name"])
    offered = [_direct_reference(entry["archive"], known)] if "archive" in entry else entry.get("wheels", [])
    wheels = [wheel for wheel in offered if "sha256" in wheel.get("hashes", {})]
    ranked = [(rank, wheel) for wheel in wheels if (rank := _rank(wheel, ranks)) is not None]
    if not ranked:
        raise ValueError(f"{entry['name']} {entry.get('version', '')} has no wheel with a sha256 for this platform.")
    if allowed := asked.get(name):
        ranked = [(rank, wheel) for rank, wheel in ranked if f"sha256:{wheel['hashes']['sha256']}" in allowed]
    if not ranked:
        raise ValueError(f"No wheel of {entry['name']} for this platform has a hash that the definition allows.")
    wheel = min(ranked, key=lambda pair: pair[0])[1]
    size, sha256 = wheel.get("size", 0), wheel["hashes"]["sha256"]
    return Package("pip", name, entry["version"], wheel["url"], sha256, size, name in asked)


def _direct_reference(archive, known):
    """A file that the definition names itself, which a pylock calls an archive."""
    if "path" not in archive:
        return archive
    filename = archive["path"].rsplit("/", 1)[-1]
    sha256 = archive.get("hashes", {}).get("sha256")
    if (sha256, filename) not in known:
        raise ValueError(f"{filename} is a file that the definition does not name.")
    return archive | {"url": wheel_urls.reference(sha256, filename), "size": known[sha256, filename]}


def _rank(wheel, ranks):
    filename = wheel.get("name") or unquote(urlsplit(wheel["url"]).path.rsplit("/", 1)[-1])
    if not filename.endswith(".whl"):
        return None
    found = [ranks[tag] for tag in parse_wheel_filename(filename)[3] if tag in ranks]
    return min(found, default=None)


def _supported(python, platform):
    version = tuple(int(part) for part in python.split(".")[:2])
    names = list(_platform_tags(platform))
    yield from tags.cpython_tags(version, platforms=names)
    yield from tags.compatible_tags(version, f"cp{version[0]}{version[1]}", platforms=names)


def _platform_tags(platform):
    match = re.fullmatch(r"linux-(64|aarch64)", platform)
    if not match:
        yield from tags.platform_tags()
        return
    machine = "x86_64" if match[1] == "64" else "aarch64"
    older = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    for minor in range(GLIBC, 4, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in older:
            yield f"{older[minor]}_{machine}"
    yield f"linux_{machine}"
