"""Reads an export of advisories: a zip of JSON files, or one JSON file; from a path or an address.

Everything is bounded: the bytes that are fetched, the time of that, the entries and their size when unpacked.
"""

import json
import time
import urllib.error
import urllib.request
import zipfile
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryFile

from django.conf import settings

from environments.faults import UserFault

from . import osv

SILENCE, LONGEST = 30, 1200  # seconds that the other side may say nothing, and that all of it may take
PIECE = 256 * 1024  # bytes
MOST_ENTRIES, LARGEST_ENTRY = 500_000, 20_000_000  # number, bytes


class FileFault(UserFault):
    """The file as a whole cannot be read."""


def is_address(source):
    return source.startswith(("http://", "https://"))


@contextmanager
def opened(source):
    """Yield the file that a path or an address names, with its place at the beginning."""
    if is_address(source):
        with TemporaryFile() as file:
            _fetch(source, file)
            file.seek(0)
            yield file
        return
    try:
        if Path(source).stat().st_size > _most():
            raise FileFault(_too_large())
        file = open(source, "rb")  # noqa: SIM115, closed below
    except OSError as fault:
        raise FileFault(f"The file cannot be read: {fault.strerror}.") from fault
    with file:
        yield file


def is_whole(file):
    """Whether it is an export, and so names all that there is; one JSON file names only what stands in it."""
    found = zipfile.is_zipfile(file)
    file.seek(0)
    return found


def entries(file):
    """Yield (name, Entry or OsvFault) of each advisory, one at a time."""
    yield from _of_zip(file) if is_whole(file) else _of_json(file)


def _of_zip(file):
    try:
        with zipfile.ZipFile(file) as archive:
            infos = [info for info in archive.infolist() if info.filename.endswith(".json")]
            if len(infos) > MOST_ENTRIES:
                raise FileFault(f"It has more than {MOST_ENTRIES:,} entries.")
            for info in infos:
                yield Path(info.filename).stem, _tried(lambda info=info: _unpacked(archive, info))
    except zipfile.BadZipFile as fault:
        raise FileFault("The zip file is damaged.") from fault


def _unpacked(archive, info):
    try:
        with archive.open(info) as entry:
            text = entry.read(LARGEST_ENTRY + 1)
    except Exception as fault:  # of zipfile, of the disk, of whichever method the entry is packed by
        raise osv.OsvFault("It cannot be unpacked.") from fault
    if len(text) > LARGEST_ENTRY:
        raise osv.OsvFault(f"It has more than {LARGEST_ENTRY:,} bytes.")
    return osv.read(_parsed(text))


def _of_json(file):
    text = file.read(LARGEST_ENTRY + 1)
    if len(text) > LARGEST_ENTRY:
        raise FileFault(f"A JSON file has at most {LARGEST_ENTRY:,} bytes. Import the export as a zip file.")
    try:
        document = _parsed(text)
    except osv.OsvFault as fault:
        raise FileFault(f"The file is neither a zip of advisories nor one of them. {fault}") from fault
    for number, each in enumerate(document if isinstance(document, list) else [document], 1):
        name = each.get("id") if isinstance(each, dict) and isinstance(each.get("id"), str) else f"entry {number}"
        yield name[:100], _tried(lambda each=each: osv.read(each))


def _parsed(text):
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise osv.OsvFault("It is no JSON.") from fault


def _tried(read):
    try:
        return read()
    except osv.OsvFault as fault:
        return fault


def _fetch(url, file):
    deadline, left = time.monotonic() + LONGEST, _most()
    try:
        with _opener.open(url, timeout=SILENCE) as answer:
            while piece := answer.read1(PIECE):
                left -= len(piece)
                if left < 0:
                    raise FileFault(_too_large())
                if time.monotonic() > deadline:
                    raise FileFault(f"It did not come within {LONGEST // 60} minutes.")
                file.write(piece)
            if answer.length:
                raise FileFault("It broke off in the middle.")
    except urllib.error.HTTPError as fault:
        fault.close()
        raise FileFault(f"The address answers {fault.code}.") from None  # without it: it may hold a password
    except (OSError, HTTPException, ValueError) as fault:
        raise FileFault(f"The address does not answer: {type(fault).__name__}.") from None


def _web_alone():
    """An opener that knows no other way than HTTP, whatever a redirect says."""
    opener = urllib.request.OpenerDirector()
    kinds = ("ProxyHandler", "HTTPHandler", "HTTPSHandler", "HTTPDefaultErrorHandler", "HTTPRedirectHandler")
    for kind in (*kinds, "HTTPErrorProcessor", "UnknownHandler"):
        opener.add_handler(getattr(urllib.request, kind)())
    return opener


_opener = _web_alone()


def _most():
    return settings.ADVISORIES_MB * 1_000_000


def _too_large():
    return f"It has more than {settings.ADVISORIES_MB:,} MB, which is what ENVPORTAL_ADVISORIES_MB allows."
