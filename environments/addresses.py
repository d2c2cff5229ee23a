"""Addresses that people write, and the secrets that stand in them. Pure."""

import re
from urllib.parse import unquote, urlsplit, urlunsplit

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
# What a build fills in: a secret of the workspace.
SECRET = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")


def check(address, path, write):
    """Return (address or None, findings). Credentials that stand in it are refused; `${NAME}` is none.

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
    return address, []


def without_credentials(address):
    """The address without user, password and token. `${NAME}` is none: it is filled in from elsewhere."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    is_open = user in ("", "git", "hg") or bool(re.fullmatch(_PLACEHOLDER, password or name))
    netloc = parts.netloc if is_open else host
    path = _TOKEN_IN_PATH.sub("", parts.path)
    query = "" if _SECRET_PARAMETERS.search(parts.query) else parts.query
    if (netloc, path, query) == (parts.netloc, parts.path, parts.query):
        return address
    return urlunsplit(parts._replace(netloc=netloc, path=path, query=query))


def secrets_in(address):
    """The names of the secrets that are to be filled in, each once."""
    return tuple(dict.fromkeys(SECRET.findall(address)))


def unfillable(address):
    """What in an address looks as if it were to be filled in and cannot be, or empty.

    A secret is filled in as user, password, or part of path and query. It never decides where anything is fetched.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    user, _, host = parts.netloc.rpartition("@")
    rest = SECRET.sub("", f"{user} {parts.path} {parts.query}") if parts.netloc else address
    for part in (host, parts.fragment, rest):
        if "$" in part:
            return (re.search(_PLACEHOLDER, part) or re.search(r"\$.{0,20}", part))[0]
    return ""


def redact(text):
    """The text fit to be shown: users, passwords and tokens of the addresses in it are left out."""
    text = _USER.sub(lambda match: f"{match[1] or ''}…@", text)
    text = _TOKEN_IN_PATH.sub("/t/…", text)
    return _SECRET_PARAMETERS.sub(lambda match: f"{match[0].partition('=')[0]}=…", text)


def lies_in(address, allowed):
    """Whether a channel or an address is `allowed` or lies below it, whoever is named as its user."""
    address, allowed = _bare(address), _bare(allowed)
    return bool(address) and (address == allowed or address.startswith(f"{allowed}/"))


def _bare(address):
    """Without user, query and the slash at its end, in small letters; empty where a path leads upwards."""
    address = address.lower()
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if "\\" in address or any(unquote(part) in (".", "..") for part in parts.path.split("/")):
        return ""
    if not parts.scheme or not parts.netloc:
        return address.rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")).rstrip("/")
