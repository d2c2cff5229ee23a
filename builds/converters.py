import re

from django.urls import register_converter

from environments.converters import NameConverter

from . import lock_files, pack


class LockFileConverter(NameConverter):
    """The name of a file that a lock can be downloaded as."""

    regex = "|".join(re.escape(name) for name in lock_files.FILES)


class ArtifactConverter(NameConverter):
    """The name of a file that a build gives."""

    regex = "|".join(re.escape(name) for name in pack.WORDS)


class PackageConverter(NameConverter):
    """The name of a package, as conda and pip have them."""

    regex = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}"


class ManagerConverter(NameConverter):
    regex = "conda|pip"


register_converter(ArtifactConverter, "artifact")
register_converter(ManagerConverter, "manager")
register_converter(PackageConverter, "package")
register_converter(LockFileConverter, "lockfile")
