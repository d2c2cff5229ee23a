"""Fetches a file of known size and hash over HTTP, while somebody watches."""

import errno
import hashlib
import http.client
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from envportal import nearby

from .process import Stopped, TooSlow

SILENCE = 10  # seconds that the other side may say nothing
PIECE = 256 * 1024  # bytes
TRIES, PAUSE = 5, 1  # the web process may be starting just now


class Refused(Exception):
    """The answer was no; the argument is its status."""


class Unreachable(Exception):
    """There was no answer, or it broke off."""


class WrongFile(Exception):
    """Another file came: its size or hash is another."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None  # the address is for the portal and nobody else


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def fetch(url, path, *, size, sha256, seconds, beat):
    """Write what stands at `url` to `path`.

    `size` is in bytes, `seconds` the time that all of it may take. `beat` is called all the while; when it
    returns False, Stopped is raised. Raises TooSlow, Refused, Unreachable and WrongFile, and OSError
    when the disk is full.
    """
    deadline = time.monotonic() + seconds

    def watch():
        if not beat():
            raise Stopped
        if time.monotonic() > deadline:
            raise TooSlow(seconds)

    for tries_left in reversed(range(TRIES)):
        watch()
        try:
            return _receive(url, path, size, sha256, watch)
        except urllib.error.HTTPError as fault:
            fault.close()
            if fault.code < 500:
                raise Refused(fault.code) from None  # without the address, which is a secret
            reason = f"it answered {fault.code}"
        except (OSError, http.client.HTTPException, ValueError) as fault:
            if getattr(fault, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                raise  # which is no fault of the other side
            reason = type(fault).__name__
        if not tries_left:
            raise Unreachable(reason)
        time.sleep(PAUSE)
    return None


def _receive(url, path, size, sha256, watch):
    parts = urlsplit(url)
    headers = nearby.headers(parts.hostname) if parts.scheme == "http" else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310, the address is our own
    digest, left = hashlib.sha256(), size
    with _opener.open(request, timeout=SILENCE) as answer, open(path, "wb") as file:
        while piece := answer.read1(PIECE):
            watch()
            left -= len(piece)
            if left < 0:
                raise WrongFile
            digest.update(piece)
            file.write(piece)
    if left and answer.length:  # it broke off in the middle
        raise http.client.IncompleteRead(b"", left)
    if digest.hexdigest() != sha256:
        raise WrongFile
