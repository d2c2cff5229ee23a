"""The one module that asks the package index over HTTP what it has.

Size and time of every answer are limited, and no error text holds an address, which may hold a password.
"""

import base64
import codecs
import functools
import logging
import os
import socket
import ssl
import sys
import threading
import urllib.request
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from django.conf import settings
from packaging.utils import canonicalize_name

from . import process, simple_api

log = logging.getLogger(__name__)

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
LARGEST_LIST = 400_000_000  # bytes of all names, unpacked
LARGEST_PAGE = 30_000_000  # bytes of one package's files, unpacked
LIST_SECONDS = 600
MOST_REDIRECTS = 3
PIECE = 65_536

# Asks pip itself: its parser knows its configuration files, its variables and its own default.
_ASK_PIP = (
    'from pip._internal.commands import create_command as c; print(c("download").parser.get_default_values().index_url)'
)
_OF_PIP = ("PIP_", "XDG_", "HOME", "PATH", "VIRTUAL_ENV")


class RegistryFault(Exception):
    """The index did not answer as an index does. The argument says what it did, without its address."""


class NotThere(RegistryFault):
    """The index has no such page."""


def index_url():
    """The address of the index, ending in a slash: the setting's, else what pip uses; empty when neither is known."""
    url = settings.INDEX_URL or os.environ.get("UV_DEFAULT_INDEX") or _index_of_pip()
    return url.rstrip("/") + "/" if urlsplit(url).scheme in ("http", "https") else ""


def without_credentials(url):
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


@functools.cache
def _index_of_pip():
    variables = {name: value for name, value in os.environ.items() if name.startswith(_OF_PIP)}
    limits = process.Limits.of(20, 1000)
    try:
        return process.capture([sys.executable, "-c", _ASK_PIP], environ=variables, limits=limits).decode().strip()
    except OSError:
        log.warning("pip does not say which index it uses; ENVPORTAL_INDEX_URL can")
        return ""


def project_names(index):
    """Yield the normalised names of all packages, as they arrive. Raises RegistryFault, also in the middle."""
    with _ask(index, LIST_SECONDS, LARGEST_LIST) as answer:
        names = simple_api.names_of_json if answer.is_json else simple_api.names_of_html
        for name in names(answer.texts()):
            yield canonicalize_name(name)


def releases(index, name, seconds):
    """Return the Releases of a package, newest first and pre-releases last, without those that were yanked.

    `name` is normalised. Raises NotThere when the index has no such package, RegistryFault when it is of no use.
    """
    with _ask(f"{index}{name}/", seconds, LARGEST_PAGE) as answer:
        text = "".join(answer.texts())
        return simple_api.releases_of_json(text) if answer.is_json else simple_api.releases_of_html(text)


# How they are fetched


@dataclass
class _Deadline:
    """Cuts the connections of one question when its time is over, whatever they are in the middle of.

    The time limit of a socket alone begins anew with every byte.
    """

    seconds: float
    sockets: list = field(default_factory=list)
    is_over: bool = False

    def __enter__(self):
        self._timer = threading.Timer(self.seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *exception):
        self._timer.cancel()

    def _cut(self):
        self.is_over = True
        for each in self.sockets:
            with suppress(OSError):  # it was closed before
                socket.socket.shutdown(each, socket.SHUT_RDWR)  # of TLS, too, without its handshake


def _connecting(kind, deadline):
    """A class of connections that `deadline` can cut."""

    class Connection(kind):
        def connect(self):
            super().connect()
            deadline.sockets.append(self.sock)

    return Connection


@dataclass
class _Answer:
    """A page while it is read."""

    response: object
    deadline: _Deadline
    largest: int

    @property
    def is_json(self):
        return self.response.headers.get_content_type().endswith("json")

    def pieces(self):
        """Yield bytes, unpacked. Raise RegistryFault when they are too many, too slow or too few."""
        size = 0
        for piece in self._unpacked():
            size += len(piece)
            if size > self.largest:
                raise RegistryFault(f"The index sent more than {self.largest:,} bytes.")
            yield piece
        if self.response.length:  # of what it said that it would send
            raise RegistryFault("The index broke off in the middle.")

    def texts(self):
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        for piece in self.pieces():
            yield decode(piece)
        yield decode(b"", True)

    def _unpacked(self):
        if self.response.headers.get("Content-Encoding", "") not in ("gzip", "x-gzip"):
            yield from self._received()
            return
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
        for piece in self._received():
            yield unpack.decompress(piece, PIECE)
            while unpack.unconsumed_tail:
                yield unpack.decompress(unpack.unconsumed_tail, PIECE)
        if not unpack.eof:
            raise EOFError

    def _received(self):
        while piece := self.response.read1(PIECE):
            yield piece
        if self.deadline.is_over:  # what was cut looks like an end
            raise TimeoutError


@contextmanager
def _ask(url, seconds, largest):
    """Open a page of the index. Every way in which that can fail is a RegistryFault."""
    with _Deadline(seconds) as deadline:
        try:
            with _open(url, deadline) as response:
                yield _Answer(response, deadline, largest)
        except simple_api.NotAPage as fault:
            raise RegistryFault(f"The index answered strangely. {fault}") from None
        except (OSError, EOFError, HTTPException, zlib.error, ValueError) as fault:
            if deadline.is_over or isinstance(fault, TimeoutError):
                raise RegistryFault(f"The index did not answer within {seconds:g} s.") from None
            raise RegistryFault(f"The index could not be read: {_name_of(fault)}.") from None


def _name_of(fault):
    """The kind of a fault. Its text may hold the address."""
    return type(getattr(fault, "reason", fault) if isinstance(fault, urllib.request.URLError) else fault).__name__


def _open(url, deadline):
    """Follow redirects, each of them checked, and return the answer."""
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.ProxyHandler())
    opener.add_handler(_Http(deadline))
    opener.add_handler(_Https(deadline, _certificates()))
    authorization = _authorization(url)
    first = url = without_credentials(url)
    for _ in range(MOST_REDIRECTS + 1):
        request = urllib.request.Request(url)  # noqa: S310, the scheme is checked
        request.add_header("User-Agent", "envportal")
        request.add_header("Accept", ACCEPT)
        request.add_header("Accept-Encoding", "gzip")
        if authorization and urlsplit(url)[:2] == urlsplit(first)[:2]:  # it is for nobody else
            request.add_unredirected_header("Authorization", authorization)
        response = opener.open(request, timeout=deadline.seconds)
        if response.status == 200:
            return response
        response.close()
        if response.status not in (301, 302, 303, 307, 308):
            kind = NotThere if response.status in (404, 410) else RegistryFault
            raise kind(f"The index answered with status {response.status}.")
        url = _next_of(url, response.headers.get("Location", ""))
    raise RegistryFault(f"The index redirects more than {MOST_REDIRECTS} times.")


@functools.cache
def _certificates():
    """Read from disk once: it takes longer than many an answer."""
    return ssl.create_default_context()


def _next_of(url, location):
    """Where a redirect leads, unless that is none of our business."""
    target = urljoin(url, location)
    schemes = ("https",) if url.startswith("https:") else ("http", "https")
    if urlsplit(target).scheme not in schemes or not urlsplit(target).hostname:
        raise RegistryFault("The index redirects to where nothing is fetched from.")
    return without_credentials(target)


def _authorization(url):
    parts = urlsplit(url)
    if not parts.username:
        return ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


class _Http(urllib.request.HTTPHandler):
    def __init__(self, deadline):
        super().__init__()
        self._kind = _connecting(HTTPConnection, deadline)

    def http_open(self, request):
        return self.do_open(self._kind, request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, deadline, context):
        super().__init__(context=context)
        self._kind = _connecting(HTTPSConnection, deadline)

    def https_open(self, request):
        return self.do_open(self._kind, request, context=self._context)
