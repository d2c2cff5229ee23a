"""What the pages of a package index say: PEP 691 (JSON), PEP 503 (HTML), PEP 592 (yanked). Pure.

Nothing of them is trusted: whatever is no such page raises NotAPage.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidSdistFilename, parse_sdist_filename
from packaging.version import InvalidVersion, Version

LARGEST_ENTRY = 1_000_000  # characters between two names of the list


class NotAPage(ValueError):
    """The argument says what is wrong."""


@dataclass(frozen=True)
class Release:
    """One version that may be had; `requires_python` is empty where the index does not say."""

    version: str
    requires_python: str = ""


def names_of_json(texts):
    """Yield the names of {"projects": [{"name": …}, …]}, which arrives in pieces, one object at a time.

    The whole at once would take much memory.
    """
    decoder, text, at = json.JSONDecoder(), "", None
    for piece in texts:
        text = text[at or 0 :] + piece
        if at is None:
            begin = re.search(r'"projects"\s*:\s*\[', text)
            if not begin:
                _check_entry(text)
                continue
            at = begin.end()
        else:
            at = 0
        while True:
            at = _skip(text, at)
            if text[at : at + 1] == "]":
                return
            try:
                project, at = decoder.raw_decode(text, at)
            except json.JSONDecodeError:  # cut in two: the rest comes with the next piece
                break
            yield _text_of(project, "name")
        _check_entry(text[at:])
    raise NotAPage("The list of names ends in the middle.")


def _skip(text, at):
    while text[at : at + 1] in (" ", "\n", "\r", "\t", ","):
        at += 1
    return at


def _check_entry(text):
    if len(text) > LARGEST_ENTRY:
        raise NotAPage("The list of names is none.")


def _text_of(thing, key):
    value = thing.get(key) if isinstance(thing, dict) else None
    if not isinstance(value, str):
        raise NotAPage(f"An entry has no {key}.")
    return value


def names_of_html(texts):
    """The same from a page of the older kind: the texts of its links."""
    links = _Links()
    for piece in texts:
        links.feed(piece)
        _check_entry(links.rawdata)
        yield from (text for text, _ in links.take())
    links.close()
    yield from (text for text, _ in links.take())


def releases_of_json(text):
    """Return the Releases of a package's page, newest first and pre-releases last, without those that were yanked."""
    return _releases(_files_of_json(text))


def releases_of_html(text):
    """The same from a page of the older kind."""
    return _releases(_files_of_html(text))


def _releases(files):
    required = {}
    for filename, requires_python, is_yanked in files:
        version = _version_of(filename)
        if version and not is_yanked:
            required[version] = required.get(version) or requires_python
    return [Release(version, required[version]) for version in newest_first(required)]


def newest_first(versions):
    """Sort by PEP 440, pre-releases behind all others. What is no version is left out."""
    known = {}
    for text in versions:
        with suppress(InvalidVersion):
            known.setdefault(Version(text), text)  # 1.0 and 1.0.0 are one
    return [known[version] for version in sorted(known, key=lambda v: (not v.is_prerelease, v), reverse=True)]


def _files_of_json(text):
    try:
        files = json.loads(text)["files"]
        return [(_text_of(f, "filename"), str(f.get("requires-python") or ""), bool(f.get("yanked"))) for f in files]
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise NotAPage("The page of the package is none.") from fault


def _files_of_html(text):
    links = _Links()
    links.feed(text)
    links.close()
    for _, attributes in links.take():
        filename = unquote(urlsplit(attributes.get("href") or "").path.rpartition("/")[2])
        yield filename, attributes.get("data-requires-python") or "", "data-yanked" in attributes


def _version_of(filename):
    """The version that a file is of, or nothing: eggs and installers are not for us."""
    if filename.endswith(".whl"):
        parts = filename.split("-")
        return parts[1] if len(parts) >= 5 else None
    try:
        return str(parse_sdist_filename(filename)[1])
    except (InvalidSdistFilename, InvalidVersion):
        return None


class _Links(HTMLParser):
    """Collects (text, attributes) of the links of a page."""

    def __init__(self):
        super().__init__()
        self._open, self._found = None, []

    def take(self):
        found, self._found = self._found, []
        return found

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self._open = ["", dict(attributes)]

    def handle_data(self, data):
        if self._open:
            self._open[0] += data

    def handle_endtag(self, tag):
        if tag == "a" and self._open:
            self._found.append((self._open[0].strip(), self._open[1]))
            self._open = None
