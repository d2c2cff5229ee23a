"""An artifact over HTTP: whole or a range of it, its hash beside it, never all of it in memory."""

import asyncio
import base64

from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponse, StreamingHttpResponse

from events.models import Verb

from .log_raw import parse_range
from .pack import ARCHIVE, ARCHIVE_PROVENANCE, PROVENANCE, SBOM

PIECE = 1_000_000  # bytes in memory


def answer(request, artifact, build):
    """Answer with a file that `build` gives, which may be the one that another build made."""
    tag = f'"{artifact.sha256}"'
    headers = {
        "Content-Disposition": f'attachment; filename="{filename_of(artifact, build)}"',
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(artifact.sha256)).decode()}:",
        "Cache-Control": "private, no-cache",  # who may no longer see it is not to find it in a cache
    }
    if tag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers=headers)
    artifact.build.use()
    status, first, last = 200, 0, artifact.size - 1
    if asked := _range(request, tag, artifact.size):
        status, (first, last) = 206, asked
        headers["Content-Range"] = f"bytes {first}-{last}/{artifact.size}"
        if first > last:
            return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{artifact.size}"})
    if not artifact.is_there:
        raise Http404
    headers["Content-Length"] = last - first + 1
    if artifact.name == ARCHIVE and request.method == "GET" and first == 0:
        build.record(Verb.DOWNLOADED, after={"file": filename_of(artifact, build), "sha256": artifact.sha256})
    pieces = _pieces_later if isinstance(request, ASGIRequest) else _pieces
    return StreamingHttpResponse(
        pieces(artifact, first, last + 1 - first), content_type=artifact.content_type, status=status, headers=headers
    )


def filename_of(artifact, build):
    """What a browser calls it. A lock and a Dockerfile keep the names that tools look for."""
    endings = {ARCHIVE: ".tar.zst", SBOM: ".cdx.json", PROVENANCE: ".intoto.json"}
    endings[ARCHIVE_PROVENANCE] = f"{endings[ARCHIVE]}{endings[PROVENANCE]}"
    if artifact.name not in endings:
        return artifact.name
    return f"{build.version.environment.name}-{build.version.number}{endings[artifact.name]}"


def _range(request, tag, size):
    if request.headers.get("If-Range", tag) != tag:
        return None
    return parse_range(request.headers.get("Range", ""), size)


def _pieces(artifact, at, left):
    with artifact.open() as file:
        file.seek(at)
        while left and (data := file.read(min(PIECE, left))):
            left -= len(data)
            yield data


async def _pieces_later(artifact, at, left):
    """The same for a server that would otherwise gather all of it in memory first."""
    with artifact.open() as file:
        file.seek(at)
        while left and (data := await asyncio.to_thread(file.read, min(PIECE, left))):
            left -= len(data)
            yield data
