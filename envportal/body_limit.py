"""Cuts off request bodies that are too large while they come. Django would first write all of it to the disk."""

import json
import re

from django.conf import settings
from django.template.loader import render_to_string

from .headers import headers_alone

UPLOADS = re.compile(r".*/workspaces/[^/]+/wheels/")
AROUND = 100_000  # bytes of a form around the file that it carries


class BodyLimit:
    """An ASGI application around another one."""

    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        is_upload = UPLOADS.fullmatch(scope["path"])
        most = settings.WHEEL_MB * 1_000_000 + AROUND if is_upload else settings.DATA_UPLOAD_MAX_MEMORY_SIZE + AROUND
        body = Body(receive, most)
        try:
            body.expect(declared_length(scope))
            await self.application(scope, body.receive, send)
        except TooMuch:
            await body.throw_away()
            told = f"A wheel has at most {settings.WHEEL_MB:,} MB here. An administrator can allow more."
            await answer(scope, send, told if is_upload else f"A request has at most {most - AROUND:,} bytes.")


class TooMuch(Exception):
    """More came than may."""


class Body:
    """What comes from the sender, counted."""

    def __init__(self, receive, most):
        self._receive, self._most = receive, most
        self._count, self._goes_on = 0, True

    def expect(self, count):
        if count > self._most:
            raise TooMuch

    async def receive(self):
        message = await self._receive()
        self._count += len(message.get("body", b""))
        self._goes_on = message["type"] == "http.request" and message.get("more_body", False)
        self.expect(self._count)
        return message

    async def throw_away(self):
        """Read on for a while and keep nothing: a sender that still sends does not hear our answer."""
        self._most, until = float("inf"), self._count + self._most
        while self._goes_on and self._count < until:
            await self.receive()


def declared_length(scope):
    """What the sender says that it will send, in bytes; 0 when it does not say."""
    said = dict(scope["headers"]).get(b"content-length", b"")
    return int(said) if said.isdigit() else 0


async def answer(scope, send, sentence):
    if "/api/" in scope["path"]:
        kind, body = b"application/json", json.dumps({"detail": sentence})
    else:
        kind, body = b"text/html; charset=utf-8", render_to_string("413.html", {"sentence": sentence})
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body.encode())).encode()),
        (b"connection", b"close"),
        *headers_alone(),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
