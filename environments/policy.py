"""What an administrator decides about definitions, as a value. Pure.

The dates and images below are those known when this release was made; rows that administrators keep
(`models.Rule`) are laid over them.
"""

from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase

from packaging.utils import canonicalize_name

from .addresses import lies_in
from .version_sets import VersionSet

# When the Python core team ends security fixes. Source: the status table of Python's developer guide.
PYTHON_ENDS = {
    "2.7": date(2020, 1, 1),
    "3.4": date(2019, 3, 18),
    "3.5": date(2020, 9, 30),
    "3.6": date(2021, 12, 23),
    "3.7": date(2023, 6, 27),
    "3.8": date(2024, 10, 7),
    "3.9": date(2025, 10, 31),
    "3.10": date(2026, 10, 31),
    "3.11": date(2027, 10, 31),
    "3.12": date(2028, 10, 31),
    "3.13": date(2029, 10, 31),
    "3.14": date(2030, 10, 31),
}
_AZURE = "It is no longer updated by Azure."
_UBUNTU = "openmpi4.1.0-ubuntu22.04"


@dataclass(frozen=True)
class ImageRule:
    """`pattern` is matched against `name:tag` without the registry, with * and ?."""

    pattern: str
    message: str = ""
    replacement: str = ""


@dataclass(frozen=True)
class PackageRule:
    """A package that is required or blocked. `replacement` is a requirement as pip writes it, or empty.

    `manager` is whose packages it is about, `constraint` the versions that are meant; empty is both, and all.
    """

    name: str
    message: str = ""
    replacement: str = ""
    manager: str = ""
    constraint: str = ""

    @property
    def words(self):
        """`requests <2.32`"""
        return f"{self.name} {self.constraint}".strip()

    def is_about(self, manager, name):
        return self.manager in ("", manager) and canonicalize_name(self.name) == canonicalize_name(name or "-")

    def has(self, manager, version):
        """Whether this version is among those that are meant."""
        return VersionSet(self.constraint, self.manager).has(manager, version)


DEPRECATED_IMAGES = (
    ImageRule("azureml/base:*", _AZURE, ""),
    ImageRule("azureml/base-gpu:*", _AZURE, ""),
    ImageRule("azureml/intelmpi2018.3-*", _AZURE, ""),
    ImageRule("azureml/openmpi3.1.2-*", _AZURE, ""),
    ImageRule("azureml/*-ubuntu16.04*", _AZURE, ""),
    ImageRule("azureml/*-ubuntu18.04*", _AZURE, ""),
    ImageRule("azureml/*-ubuntu20.04*", _AZURE, ""),
    ImageRule("ubuntu:16.04*", "Ubuntu 16.04 has had no updates since April 2021.", "ubuntu:24.04"),
    ImageRule("ubuntu:18.04*", "Ubuntu 18.04 has had no updates since May 2023.", "ubuntu:24.04"),
    ImageRule("ubuntu:20.04*", "Ubuntu 20.04 has had no updates since May 2025.", "ubuntu:24.04"),
    ImageRule("debian:stretch*", "Debian 9 has had no updates since June 2022.", "debian:bookworm"),
    ImageRule("debian:9*", "Debian 9 has had no updates since June 2022.", "debian:bookworm"),
    ImageRule("debian:buster*", "Debian 10 has had no updates since June 2024.", "debian:bookworm"),
    ImageRule("debian:10*", "Debian 10 has had no updates since June 2024.", "debian:bookworm"),
    ImageRule("centos:*", "CentOS Linux has had no updates since June 2024.", ""),
    ImageRule("python:2*", "Python 2 has had no updates since January 2020.", ""),
)


@dataclass(frozen=True)
class Policy:
    """`channels` and `indexes` are those that the portal allows, `own_…` those of the workspace; all when empty.

    What is named must stand on both lists. `pythons` are those that workers have, if known.
    """

    reserved_prefixes: tuple = ("AzureML", "Microsoft")
    python_ends: dict = field(default_factory=lambda: dict(PYTHON_ENDS), hash=False)
    deprecated_images: tuple = DEPRECATED_IMAGES
    blocked_images: tuple = ()
    required: tuple = ()
    blocked: tuple = ()
    channels: tuple = ()
    indexes: tuple = ()
    own_channels: tuple = ()
    own_indexes: tuple = ()
    default_python: str = "3.12"
    pythons: tuple = ()
    wheels: frozenset | None = None  # (sha256, filename) of the private ones that there are, None when unknown
    secrets: frozenset | None = None  # names of those that the workspace has, None when unknown
    confined: bool | None = None  # whether a worker has the sandbox, None when unknown
    today: date = field(default_factory=date.today)

    @property
    def refuses(self):
        """Whether any definition can be refused for what was decided, so that one has to look."""
        lists = (self.required, self.blocked, self.channels, self.own_channels, self.indexes, self.own_indexes)
        return any((*lists, self.blocked_images))

    def channels_without(self, channel):
        """The list of allowed channels that refuses this one; empty when none does."""
        return _refusing((self.channels, self.own_channels), channel)

    def indexes_without(self, address):
        return _refusing((self.indexes, self.own_indexes), address)

    def image_rule(self, image):
        """The ImageRule that deprecates an image, or None."""
        return _matching(self.deprecated_images, image)

    def image_blocked(self, image):
        """The ImageRule that blocks an image, or None."""
        return _matching(self.blocked_images, image)


def _matching(rules, image):
    name = bare_image(image)
    return next((rule for rule in rules if fnmatchcase(name, rule.pattern.lower())), None)


def _refusing(lists, address):
    return next((some for some in lists if some and not any(lies_in(address, each) for each in some)), ())


def bare_image(image):
    """`registry.example.org:5000/library/Ubuntu:22.04@sha256:…` as `ubuntu:22.04`."""
    image = image.partition("@")[0].lower()
    first, slash, rest = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        image = rest
    return image.removeprefix("library/")
