"""Looks into a file to see whether it is a wheel: its name, and the metadata inside. Nothing is unpacked. Pure.

Source: the binary distribution format of the Python packaging specifications.
"""

import re
import zipfile
import zlib

from packaging.metadata import parse_email
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from .faults import UserFault
from .wheel_urls import is_wheel

LONGEST_METADATA = 2_000_000  # bytes; descriptions stand in it
LONGEST_DIRECTORY = 10_000_000  # bytes of the list of files: some 100,000 files
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, OverflowError)


def read(file, filename):
    """Return (normalised name, version) of the wheel in an open binary file. Raise UserFault when it is none."""
    if not is_wheel(filename):
        raise UserFault(
            f"“{filename[:100]}” is not the name of a wheel, which is name-version-python-abi-platform.whl, "
            "such as demo-1.0-py3-none-any.whl.",
            "file",
        )
    name, version, *_ = parse_wheel_filename(filename)
    try:
        told = _read_metadata(file)
        found = (canonicalize_name(told["name"]), Version(told["version"]))
    except (KeyError, InvalidVersion) as fault:
        raise UserFault(f"The METADATA of {filename} does not say a name and a version.", "file") from fault
    except DAMAGED as fault:
        raise UserFault(f"{filename} is not a wheel: the file is damaged or no zip archive.", "file") from fault
    if found != (name, version):
        raise UserFault(
            f"{filename} says inside that it is {found[0]} {found[1]}. A wheel is named after its metadata: build it "
            "again instead of renaming it.",
            "file",
        )
    return name, str(version)


def needs(file):
    """Return (requirements, extras, constraint on Python) of a wheel in an open binary file that `read` has read."""
    told = _read_metadata(file)
    return tuple(told.get("requires_dist", ())), tuple(told.get("provides_extra", ())), told.get("requires_python", "")


def next_build(filename):
    """The same file name with a build number, or the next one: demo-1.0-1-py3-none-any.whl."""
    name, version, *rest = filename.removesuffix(".whl").split("-")
    build = parse_wheel_filename(filename)[2]
    return f"{'-'.join([name, version, str(build[0] + 1 if build else 1), *rest[-3:]])}.whl"


def _read_metadata(file):
    with zipfile.ZipFile(_Careful(file)) as archive:
        folders = {match[1] for entry in archive.namelist() if (match := re.match(r"([^/]+\.dist-info)/", entry))}
        if len(folders) != 1:
            raise UserFault("The file is not a wheel: a wheel has one folder *.dist-info.", "file")
        (folder,) = folders
        if f"{folder}/WHEEL" not in archive.NameToInfo or f"{folder}/METADATA" not in archive.NameToInfo:
            raise UserFault(f"The file is not a wheel: {folder[:100]} lacks WHEEL or METADATA.", "file")
        entry = archive.getinfo(f"{folder}/METADATA")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UserFault("The file is not a wheel: its METADATA is packed in a way that wheels are not.", "file")
        with archive.open(entry) as metadata:
            data = metadata.read(LONGEST_METADATA + 1)
    if len(data) > LONGEST_METADATA:
        raise UserFault(f"The METADATA of the wheel is longer than {LONGEST_METADATA:,} bytes.", "file")
    return parse_email(data)[0]


class _Careful:
    """A file that never hands out much at once: the list of files of an archive is read in one go."""

    def __init__(self, file):
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, lambda: True

    def read(self, count=-1):
        return self._file.read(count if 0 <= count <= LONGEST_DIRECTORY else LONGEST_DIRECTORY)
