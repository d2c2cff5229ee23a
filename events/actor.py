"""Who acts, through what, and from where: known to whoever records an event, without being handed on by every verb."""

import ipaddress
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings

LONGEST_NAME = 150
_request = ContextVar("request", default=None)
_instead = ContextVar("instead", default=None)
_process = ""  # what this process is, where nobody asked: "worker w1"


@dataclass(frozen=True)
class Actor:
    """One who acts. `kind` is a Kind."""

    kind: str
    name: str = ""
    token: str = ""
    address: str = ""


class Kind:
    PERSON, NOBODY, PORTAL = "person", "nobody", "portal"


def this_process(name):
    """Say what this process acts as while it answers no request."""
    global _process
    _process = name


@contextmanager
def answering(request):
    """Whoever sent this request is the one who acts inside."""
    mark = _request.set(request)
    try:
        yield
    finally:
        _request.reset(mark)


def request_of_this_moment():
    """The request that is being answered, or None."""
    return _request.get()


@contextmanager
def as_portal(name):
    """What is done inside the portal does by itself, whoever's request it is."""
    mark = _instead.set(Actor(Kind.PORTAL, name))
    try:
        yield
    finally:
        _instead.reset(mark)


def denied_in(workspace):
    """Say in which workspace the request of this moment is being denied, so that its owners see it."""
    if request := _request.get():
        request.denied_in = workspace


def not_seen():
    """Say that the request of this moment is for what its person does not see, whether or not it is there."""
    if request := _request.get():
        request.is_not_seen = True


def current(by=None):
    """The Actor of this moment. `by` is a person in whose name it is done where no request says who it is."""
    if _instead.get():
        return _instead.get()
    request = _request.get()
    if request is None:
        return Actor(Kind.PERSON, by.get_username()) if by else Actor(Kind.PORTAL, _process or _command())
    # The person is looked at late: a token says who it is after the middleware began.
    user = getattr(request, "user", None)
    user = user if user is not None and user.is_authenticated else by
    address = address_of(request.META, settings.PROXIES)
    if user is None:
        return Actor(Kind.NOBODY, address=address)
    token = getattr(request, "auth", None)
    return Actor(Kind.PERSON, user.get_username(), f"{token.pk} {token.name}".strip() if token else "", address)


def _command():
    """Which command runs: `command clean`."""
    words = [word for word in sys.argv[1:2] if not word.startswith("-")]
    return " ".join(["command", *words])[:LONGEST_NAME]


def address_of(meta, proxies):
    """Where a request comes from, as the outermost of `proxies` proxies in front of the portal says it.

    What stands further left in X-Forwarded-For the caller may have written, so it is not believed.
    """
    told = [word.strip() for word in meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if word.strip()]
    candidates = [told[-proxies]] if 0 < proxies <= len(told) else []
    for text in (*candidates, meta.get("REMOTE_ADDR", "")):
        try:
            return str(ipaddress.ip_address(text.split("%")[0]))
        except ValueError:
            continue
    return ""
