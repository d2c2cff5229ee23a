"""Addresses that people write, and the secrets that stand in them. Pure."""

import re
from urllib.parse import urlsplit, urlunsplit

from .catalogue import found
from .findings import place
from .texts import shorten

# How conda writes a token into a path.
_TOKEN_IN_PATH = re.compile(r"/t/(?!\$)[^/\s]{8,}")
_SECRET_PARAMETERS = re.compile(
    r"(?:^|(?<=[?&]))(?:sig|signature|token|access_?token|auth|api_?key|key|password|passwd|pwd|secret|private_token)"
    r"=(?!\$\{?\w+\}?(?:&|$))[^&#\s]+",
    re.I,
)
_USER = re.compile(r"(://)[^/\s@]+@|(?<![^\s='\"])[^/\s@:='\"]+:[^/\s@]+@")
_PLACEHOLDER = r"\$\{?\w+\}?"


def check(address, path, write):
    """Return (address or None, findings). Credentials that stand in it are refused; placeholders are said.

    `write` makes the whole line from an address without credentials, for the fix.
    """
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        words = {"text": shorten(redact(address)), "instead": "", "reason": "it is no address"}
        return None, [found("pip-invalid", place(*path), **words)]
    clean = without_credentials(address)
    if clean != address:
        return None, [found("credentials", place(*path), verb="set", path=path, value=write(clean))]
    named = re.findall(_PLACEHOLDER, address)
    return address, [found("placeholder", place(*path), name=name) for name in dict.fromkeys(named)]


def without_credentials(address):
    """The address without user, password and token. `${NAME}` is none: it is filled in from elsewhere."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    user, _, host = parts.netloc.rpartition("@")
    is_open = user in ("", "git", "hg") or all(re.fullmatch(_PLACEHOLDER, part) for part in user.split(":"))
    netloc = parts.netloc if is_open else host
    path = _TOKEN_IN_PATH.sub("", parts.path)
    query = "" if _SECRET_PARAMETERS.search(parts.query) else parts.query
    if (netloc, path, query) == (parts.netloc, parts.path, parts.query):
        return address
    return urlunsplit(parts._replace(netloc=netloc, path=path, query=query))


def redact(text):
    """The text fit to be shown: users, passwords and tokens of the addresses in it are left out."""
    text = _USER.sub(lambda match: f"{match[1] or ''}…@", text)
    text = _TOKEN_IN_PATH.sub("/t/…", text)
    return _SECRET_PARAMETERS.sub(lambda match: f"{match[0].partition('=')[0]}=…", text)
