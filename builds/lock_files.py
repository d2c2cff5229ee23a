"""A lock in the formats of other tools, as downloads. Pure."""

import json
import re
from dataclasses import dataclass, replace

from environments.faults import UserFault
from environments.formats import conda_file

from .lock import write_pylock

TEXT = "text/plain; charset=utf-8"
YAML = "application/yaml; charset=utf-8"
# Name of the file -> what it is, in words.
FILES = {
    "pylock.toml": "pip packages, with hashes",
    "requirements.txt": "pip packages, with hashes",
    "explicit.txt": "conda packages, as exact files",
    "pixi.lock": "lock of pixi and rattler",
    "environment.yml": "conda file with exact pins",
}


@dataclass(frozen=True)
class Locked:
    """A lock with what its files say beside it.

    `packages` are Packages, private wheels by an address that can be fetched; `channels` and `options` (lines of
    pip's options) are those of the definition.
    """

    name: str
    python: str
    platform: str
    packages: tuple
    channels: tuple = ()
    options: tuple = ()

    @property
    def conda(self):
        return [package for package in self.packages if package.manager == "conda"]

    @property
    def pip(self):
        return [package for package in self.packages if package.manager == "pip"]

    @property
    def all_channels(self):
        """The channels of the definition, and those that one package alone is from."""
        names, more = [channel for channel in self.channels if channel != "nodefaults"], []
        for package in self.conda:
            known = {"defaults": ("main", "r")}
            short = [without_user(end) for name in names for end in known.get(name, (name,))]
            if not any(f"/{package.channel}".endswith(f"/{end.rstrip('/')}") for end in short):
                more.append(package.channel)
        return [*names, *dict.fromkeys(more)]


def render(file, locked):
    """Return (content, content type). Raise UserFault where the lock cannot be said in that form."""
    write, content_type = _WRITERS[file]
    return write(locked), content_type


def available(managers):
    """{name: words} of the files that a lock with packages of these managers can be said in."""
    needed = {"pylock.toml": "pip", "requirements.txt": "pip", "explicit.txt": "conda", "pixi.lock": "conda"}
    return {file: words for file, words in FILES.items() if needed.get(file) in (None, *managers)}


def with_addresses(packages, address):
    """The Packages, with what `address` says instead of each URL."""
    return tuple(replace(package, url=address(package.url)) for package in packages)


def without_user(address):
    return re.sub(r"(://)[^/@]*@", r"\1", address)


def _need(packages, what):
    if not packages:
        raise UserFault(f"This lock has no {what} packages.")


def _pylock(locked):
    _need(locked.pip, "pip")
    return write_pylock(locked.pip, ".".join(locked.python.split(".")[:2]))


def _requirements(locked):
    _need(locked.pip, "pip")
    lines = [f"# for Python {locked.python} on {locked.platform}"]
    if locked.conda:
        lines.append("# beside the conda packages of explicit.txt")
    lines += locked.options
    lines += [f"{_requirement(package)} --hash=sha256:{package.sha256}" for package in locked.pip]
    return _text(lines)


def _requirement(package):
    """By its address where no index has it, else by its version."""
    return f"{package.name}=={package.version}" if package.channel else f"{package.name} @ {package.url}"


def _explicit(locked):
    _need(locked.conda, "conda")
    lines = [f"# platform: {locked.platform}"]
    if locked.pip:
        lines.append("# beside these the pip packages of requirements.txt")
    return _text([*lines, "@EXPLICIT", *(f"{package.url}#sha256:{package.sha256}" for package in locked.conda)])


def _environment(locked):
    dependencies = [f"{package.name}={package.version}={package.build}" for package in locked.conda]
    names = {package.name for package in locked.packages}
    if not locked.conda:
        dependencies.append(f"python={locked.python}")
    if locked.pip:
        dependencies += [] if "pip" in names else ["pip"]
        dependencies.append({"pip": [*locked.options, *map(_requirement, locked.pip)]})
    channels = [*locked.all_channels, "nodefaults"]
    return conda_file.write({"name": locked.name, "channels": channels, "dependencies": dependencies})


def _pixi(locked):
    """Version 6 of the format. What is needed is known by name alone, so the versions that are locked are named."""
    _need(locked.conda, "conda")
    channels = list(dict.fromkeys(package.channel for package in locked.conda))
    indexes = list(dict.fromkeys(package.channel for package in locked.pip if package.channel))
    lines = ["version: 6", "environments:", "  default:", "    channels:"]
    lines += [f"    - url: {json.dumps(channel.rstrip('/') + '/')}" for channel in channels]
    if indexes:
        lines += ["    indexes:", *(f"    - {json.dumps(index)}" for index in indexes)]
    lines += ["    packages:", f"      {locked.platform}:"]
    lines += [f"      - conda: {json.dumps(package.url)}" for package in locked.conda]
    lines += [f"      - pypi: {json.dumps(package.url)}" for package in locked.pip]
    lines.append("packages:")
    for package in locked.conda:
        lines += [f"- conda: {json.dumps(package.url)}", f"  sha256: {package.sha256}"]
        needs = [other for other in locked.conda if package.name in other.requested_by]
        if needs:
            lines += ["  depends:", *(f"  - {json.dumps(f'{other.name} =={other.version}')}" for other in needs)]
        if package.licence:
            lines.append(f"  license: {json.dumps(package.licence)}")
        lines.append(f"  size: {package.size}")
    for package in locked.pip:
        lines += [f"- pypi: {json.dumps(package.url)}", f"  name: {json.dumps(package.name)}"]
        lines += [f"  version: {json.dumps(package.version)}", f"  sha256: {package.sha256}"]
        needs = [other for other in locked.packages if package.name in other.requested_by]
        if needs:
            lines += ["  requires_dist:", *(f"  - {json.dumps(f'{other.name}=={other.version}')}" for other in needs)]
    return _text(lines)


def _text(lines):
    return "".join(f"{line}\n" for line in lines)


_WRITERS = {
    "pylock.toml": (_pylock, TEXT),
    "requirements.txt": (_requirements, TEXT),
    "explicit.txt": (_explicit, TEXT),
    "pixi.lock": (_pixi, YAML),
    "environment.yml": (_environment, YAML),
}
