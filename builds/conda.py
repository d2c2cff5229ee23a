"""Conda packages: what `conda_child.py` is asked, and its answers as values.

The child is a limited process (`process.py`), as everything is that solves: py-rattler may take much memory, and
aborts rather than raises.
"""

import json
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from environments.addresses import redact
from environments.conda_specs import CondaSpec
from environments.texts import shorten

from . import conda_words
from .channels import address_of, is_name
from .failures import Failure
from .lock import Package

SCRIPT = Path(__file__).with_name("conda_child.py")
SUBDIRS = ("noarch", "linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64")
# What a target has unless the definition says otherwise: the glibc that wheels are chosen for, too.
GLIBC, LINUX = "2.28", "5.10"
MACHINES = {"linux-64": "x86_64", "linux-aarch64": "aarch64", "osx-64": "x86_64", "osx-arm64": "arm64"}
OVERRIDES = ("CONDA_OVERRIDE_CUDA", "CONDA_OVERRIDE_GLIBC", "CONDA_OVERRIDE_ARCHSPEC")
# `defaults` is no channel but a list of these.
DEFAULTS = ("main", "r")
# Where conda calls a Python package otherwise than the index does.
INDEX_NAMES = {
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python",
    "py-opencv": "opencv-python",
    "pytables": "tables",
    "pytorch": "torch",
    "tensorflow-base": "tensorflow",
}


class CondaFault(Exception):
    """The arguments are the failure's class and the sentence that says why."""


@dataclass(frozen=True)
class Solved:
    """The conda part of a lock: its Packages, and what of it is there for pip, {name as the index has it: version}."""

    packages: tuple
    provided: dict

    @property
    def python(self):
        return next((package.version for package in self.packages if package.name == "python"), "")


# Solving


def question_of(definition, platform, cache, with_python=False):
    """What the child is asked in order to solve the conda part. Raises CondaFault."""
    specs = definition.conda
    channels = [address for channel in definition.channels for address in addresses_of(channel)]
    # A channel that one package alone names is asked last.
    channels += [address for spec in specs if spec.channel for address in addresses_of(_split(spec.channel)[0])]
    if not channels and not all(spec.url for spec in specs):
        raise CondaFault(Failure.NOT_BUILDABLE, "This definition asks conda for packages and names no channel.")
    texts = [_text_of(spec) for spec in specs]
    # The bare name as well, or the first channel would be the first with a version that fits, and not the first
    # that has the package.
    texts += [spec.name for spec in specs if not spec.url and not spec.channel and spec.canonical != spec.name]
    if with_python:
        texts.append("python")
    return {
        "act": "solve",
        "channels": list(dict.fromkeys(channels)),
        "alias": settings.CHANNEL_ALIAS,
        "specs": texts,
        "platform": platform,
        "virtual": virtual_packages(platform, definition.document.get("environmentVariables") or {}),
        "cache": str(cache),
    }


def addresses_of(channel):
    """Where the packages of a channel are: one address, two for `defaults`, none for `nodefaults`."""
    if channel == "nodefaults":  # nothing is added here that a definition does not name
        return []
    if channel in settings.CHANNEL_MIRRORS:
        return [settings.CHANNEL_MIRRORS[channel]]
    if channel == "defaults":
        return [address for name in DEFAULTS for address in addresses_of(name)]
    _refuse_files(channel)
    # Where no alias is set, py-rattler knows its own.
    return [address_of(channel) if settings.CHANNEL_ALIAS else channel]


def _refuse_files(address):
    """Neither the worker's files nor another scheme, whatever py-rattler makes of them."""
    if not is_name(address) and not re.match(r"https?://[^/\s]", address):
        said = shorten(redact(address))
        raise CondaFault(Failure.NOT_BUILDABLE, f"{said} is neither the name of a channel nor an http(s) address.")


def _split(channel):
    """Split `channel/subdir` in two; the subdir may be empty."""
    head, _, tail = channel.rstrip("/").rpartition("/")
    return (head, tail) if head and tail in SUBDIRS else (channel, "")


def _text_of(spec: CondaSpec):
    """The spec as py-rattler gets it, written anew, its channel as an address."""
    if spec.url:
        _refuse_files(spec.url)
        return spec.url
    text = spec.canonical
    if not spec.channel:
        return text
    channel, subdir = _split(spec.channel)
    text = text.partition("::")[2] if "::" in text else text
    if subdir:
        text = f"{text[:-1]},subdir={subdir}]" if text.endswith("]") else f"{text}[subdir={subdir}]"
    return f"{addresses_of(channel)[0]}::{text}"


def virtual_packages(platform, variables):
    """What a target has of itself, as [name, version, build]: it is stated and never detected. Raises CondaFault."""
    linux = platform.startswith("linux")
    there = [["__unix", "0", "0"]]
    there += [["__linux", LINUX, "0"]] if linux else [["__osx", "11.0", "0"]]
    glibc = _version(variables, "CONDA_OVERRIDE_GLIBC", GLIBC)
    if linux and glibc:
        there.append(["__glibc", glibc, "0"])
    if cuda := _version(variables, "CONDA_OVERRIDE_CUDA", settings.CUDA):
        there.append(["__cuda", cuda, "0"])
    machine = str(variables.get("CONDA_OVERRIDE_ARCHSPEC", MACHINES.get(platform, "")))
    if re.fullmatch(r"\w+", machine):
        there.append(["__archspec", "1", machine])
    return there


def _version(variables, name, default):
    """The version that a variable states; an empty one says that there is none."""
    version = str(variables.get(name, default)).strip()
    if version and not re.fullmatch(r"\d+(\.\d+)*", version):
        raise CondaFault(Failure.NOT_BUILDABLE, f"{name} is “{version[:40]}”, and no version such as 12.4.")
    return version


def read_solved(answer, definition, platform):
    """Return what was Solved. Raises CondaFault with the reason in words."""
    if "fault" in answer:
        raise CondaFault(*conda_words.explain(answer["fault"], platform))
    records = sorted(answer["records"], key=lambda record: record["name"])
    for spec in definition.conda:
        _check_hash(spec, records)
    asked = {spec.name for spec in definition.conda}
    needed_by = {}
    for record in records:
        for need in record["depends"]:
            needed_by.setdefault(need.split()[0], []).append(record["name"])
    packages = tuple(
        Package(
            "conda",
            record["name"],
            record["version"],
            record["url"],
            record["sha256"],
            record["size"],
            record["name"] in asked,
            build=record["build"],
            channel=record["channel"],
            subdir=record["subdir"],
            licence=record["licence"],
            requested_by=tuple(needed_by.get(record["name"], ())),
        )
        for record in records
    )
    return Solved(packages, provided(records))


def _check_hash(spec, records):
    """An exact address may say its hash behind a #, as explicit lists do; md5 is for conda, which we do not trust it with."""
    match = re.fullmatch(r"(?:sha256:)?([0-9a-f]{64})", urlsplit(spec.url).fragment) if spec.url else None
    found = next((record["sha256"] for record in records if record["name"] == spec.name), "")
    if match and found != match[1]:
        raise CondaFault(
            Failure.HASH_MISMATCH, f"{spec.name} is not the file that the definition names: its hash is another."
        )


def provided(records):
    """{name as the index has it: version} of the Python packages among these records."""
    there = {}
    for record in records:
        needs = {need.split()[0] for need in record["depends"]}
        if "python" not in needs and "python_abi" not in needs:
            continue
        try:
            version = str(Version(record["version"]))
        except InvalidVersion:
            continue
        there[index_name(record["name"])] = version
    return there


def index_name(name):
    """What the index calls a package of conda, normalised."""
    return canonicalize_name(INDEX_NAMES.get(name, name))


# What pip is told of it


def write_provided(there, folder):
    """Write an empty wheel for each package that conda provides. Return the constraints that name them.

    So the resolver takes the package as it is, whether or not the index has that version, and asks for nothing
    that it needs: conda's solver saw to that.
    """
    folder.mkdir()
    lines = []
    for name, version in sorted(there.items()):
        stem = f"{name.replace('-', '_')}-{version}"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            info = f"{stem}.dist-info"
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        lines.append(f"{name} @ file:{folder.name}/{stem}-py3-none-any.whl\n")
    return "".join(lines)


def check_together(lines, solved, platform):
    """Raise CondaFault when a PipLine cannot be had beside what conda provides."""
    for line in lines:
        version = solved.provided.get(line.name)
        if not version or not _holds(line, solved.python, platform):
            continue
        if line.url:
            told = f"conda installs {line.name} {version}, and pip is asked for a file of it"
        elif not line.requirement.specifier.contains(version, prereleases=True):
            told = f"conda installs {line.name} {version}, and pip is asked for {line.name}{line.requirement.specifier}"
        elif line.requirement.extras:
            extras = ", ".join(sorted(line.requirement.extras))
            told = f"conda installs {line.name} without extras, and pip is asked for its extra {extras}"
        else:
            continue
        told = told[0].upper() + told[1:]
        raise CondaFault(Failure.CONFLICT, f"{told}. Ask only one of the two for it.")


def _holds(line, python, platform):
    """Whether a line is meant for this Python on this platform, which need not be ours."""
    marker = line.requirement.marker if line.requirement else None
    system = ("linux", "Linux") if platform.startswith("linux") else ("darwin", "Darwin")
    there = {"extra": "", "os_name": "posix", "platform_machine": MACHINES.get(platform, "")}
    there |= {"sys_platform": system[0], "platform_system": system[1]}
    there |= {"python_version": ".".join(python.split(".")[:2]), "python_full_version": python}
    return not marker or marker.evaluate(there)


# Installing


def install_question(packages, prefix, platform, cache, source=str):
    """What the child is asked in order to link these Packages into a prefix. `source` says where a URL is fetched."""
    packages = [package for package in packages if package.manager == "conda"]
    needs = {package.name: [] for package in packages}
    for package in packages:
        for name in package.requested_by:
            needs.setdefault(name, []).append(package.name)
    records = [
        {
            key: getattr(package, key)
            for key in ("name", "version", "build", "subdir", "url", "channel", "sha256", "size", "licence")
        }
        | {"depends": sorted(needs[package.name]), "source": source(package.url)}
        for package in packages
    ]
    return {"act": "install", "records": records, "prefix": str(prefix), "platform": platform, "cache": str(cache)}


def explain_install(fault):
    """Return (failure, sentence) of what the child answered about an install."""
    package = re.search(r"failed to fetch (\S+)", fault.get("text", ""))
    name = package[1] if package else "A conda package"
    if fault["kind"] == "hash":
        return Failure.HASH_MISMATCH, f"{name} is not the file that was locked: its hash is another."
    if fault["kind"] == "network":
        status = re.search(r"\((\d{3} [^)]*)\)", fault["text"])
        if conda_words.refused(fault["text"]):
            told = f"{name} could not be fetched: the channel answered {status[1]}."
            return Failure.CREDENTIALS, f"{told} It wants credentials, or others than it got."
        told = f"The channel answered {status[1]}." if status else "The channel could not be reached."
        return Failure.NETWORK, f"{name} could not be fetched. {told}"
    if fault["kind"] == "disk":
        return Failure.DISK_FULL, "The disk of the worker is full."
    return Failure.OURS, "The conda packages could not be linked: the log shows why."


def distributions(prefix, package):
    """The names under which Python knows what a conda package installed, from the list of its files."""
    about = next(iter((prefix / "conda-meta").glob(f"{package.name}-{package.version}-{package.build}.json")), None)
    files = json.loads(about.read_text()).get("files", []) if about else []
    found = [match[1] for file in files if (match := re.search(r"site-packages/([^/]+)\.(?:dist|egg)-info/", file))]
    return sorted({canonicalize_name(name.rpartition("-")[0] or name) for name in found})


# Both


def ask(question, folder, call):
    """Ask the child, by way of files in `folder`; `call` runs a command. Return the answer."""
    asked, answered = folder / "conda-question.json", folder / "conda-answer.json"
    asked.write_text(json.dumps(question))
    answered.unlink(missing_ok=True)
    call([sys.executable, "-I", SCRIPT, asked, answered])
    answer = json.loads(answered.read_text())
    answered.unlink()  # its addresses are those that were fetched, with all that was filled in
    return answer
