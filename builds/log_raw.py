"""A log as a file over HTTP: whole, or the range that was asked for, never all of it in memory."""

import re

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse

from . import log

PIECE = 1_000_000  # bytes in memory
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def answer(request, build):
    size = log.extent(build).size
    name = f"{build.version.environment.name}-{build.version.number}-{build.short_id}.log"
    headers = {
        "Content-Disposition": f'inline; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
    }
    kind, status, (first, last) = "text/plain; charset=utf-8", 200, (0, size - 1)
    # A log only grows, so a range that was true once stays true, and If-Range has nothing to guard.
    if asked := parse_range(request.headers.get("Range", ""), size):
        status, (first, last) = 206, asked
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        if first > last:
            return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Length"] = last - first + 1
    pieces = _pieces_later if isinstance(request, ASGIRequest) else _pieces
    return StreamingHttpResponse(pieces(build, first, last + 1), content_type=kind, status=status, headers=headers)


def is_range(request):
    return "Range" in request.headers


def parse_range(text, size):
    """Return (first, last) byte; None when there is no range that we serve. Of none that is there, first > last."""
    match = RANGE.fullmatch(text.strip())
    if not match or match[0] == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) else (size, size - 1)
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last), size - 1) if last else size - 1


def _pieces(build, at, end):
    while at < end and (data := log.read(build, at, min(PIECE, end - at))):
        yield data
        at += len(data)


async def _pieces_later(build, at, end):
    """The same for a server that would otherwise gather all of it in memory first."""
    while at < end and (data := await sync_to_async(log.read)(build, at, min(PIECE, end - at))):
        yield data
        at += len(data)
