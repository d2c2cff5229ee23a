"""The content of a lock as values, and its form as pylock.toml (PEP 751). Pure."""

import json
import re
import tomllib
from dataclasses import asdict, dataclass
from urllib.parse import unquote, urlsplit

from packaging import tags
from packaging.utils import canonicalize_name, parse_wheel_filename

GLIBC = 28  # wheels for glibc 2.28, of 2018, run on every distribution that is still kept


@dataclass(frozen=True)
class Package:
    """One package of a lock. `size` is in bytes, `sha256` in hex."""

    manager: str
    name: str
    version: str
    url: str
    sha256: str
    size: int
    direct: bool

    def as_dict(self):
        return asdict(self)


def read_pylock(text, python, platform, direct):
    """Return the packages of a pylock.toml, one wheel each: the best for this Python and platform.

    `python` is a full version (3.11.7), `platform` one of `PLATFORMS`, `direct` the normalised names that
    the definition asks for. Raises ValueError when a package has no wheel with a hash.
    """
    ranks = {tag: rank for rank, tag in enumerate(_supported(python, platform))}
    return [_package(entry, ranks, direct) for entry in tomllib.loads(text).get("packages", [])]


def write_pylock(packages, python):
    """Return a pylock.toml that names exactly these wheels with their hashes."""
    lines = ['lock-version = "1.0"', 'created-by = "envportal"', f'requires-python = ">={python}"']
    for package in packages:
        wheel = (
            f"{{ url = {json.dumps(package.url)}, size = {package.size}, "
            f"hashes = {{ sha256 = {json.dumps(package.sha256)} }} }}"
        )
        lines += [
            "",
            "[[packages]]",
            f"name = {json.dumps(package.name)}",
            f"version = {json.dumps(package.version)}",
            f"wheels = [{wheel}]",
        ]
    return "\n".join(lines) + "\n"


def _package(entry, ranks, direct):
    wheels = [wheel for wheel in entry.get("wheels", []) if "sha256" in wheel.get("hashes", {})]
    ranked = [(_rank(wheel, ranks), wheel) for wheel in wheels]
    ranked = [(rank, wheel) for rank, wheel in ranked if rank is not None]
    if not ranked:
        raise ValueError(f"{entry['name']} {entry.get('version', '')} has no wheel with a sha256 for this platform.")
    wheel = min(ranked, key=lambda pair: pair[0])[1]
    name = canonicalize_name(entry["name"])
    return Package(
        "pip", name, entry["version"], wheel["url"], wheel["hashes"]["sha256"], wheel.get("size", 0), name in direct
    )


def _rank(wheel, ranks):
    filename = wheel.get("name") or unquote(urlsplit(wheel["url"]).path.rsplit("/", 1)[-1])
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
