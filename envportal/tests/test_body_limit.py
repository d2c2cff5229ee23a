"""Large bodies, against the real server."""

import asyncio
import contextlib
import json
import socket
import threading

import pytest
import uvicorn

from envportal.asgi import application
from envportal.body_limit import Body, BodyLimit

WHEELS = "/workspaces/team/wheels/"
taken = []


async def inner(scope, receive, send):
    """Takes a whole body and says how long it was."""
    count, goes_on = 0, True
    while goes_on:
        message = await receive()
        count += len(message.get("body", b""))
        goes_on = message.get("more_body", False)
        taken.append(count)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.contextmanager
def served(application):
    """Serve an application; give its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    listener.close()


def post(port, path, megabytes, chunked):
    """Send a body piece by piece; return (status, body, whether all of it could be sent)."""
    how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {megabytes * 1_000_000}"
    is_sent, piece = False, b"x" * 1_000_000
    piece = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: testserver\r\n{how}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(megabytes):
                connection.sendall(piece)
            if chunked:
                connection.sendall(b"0\r\n\r\n")
            is_sent = True
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65536):
                answer += piece
                if b"\r\n\r\n" in answer and (b"ok" in answer or b"}" in answer or b"</html>" in answer):
                    break
    head, _, body = answer.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body, is_sent


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize(
    ("path", "says"),
    [
        (f"/api/v1{WHEELS}", "A wheel has at most 2 MB here. An administrator can allow more."),
        (WHEELS, "A wheel has at most 2 MB here."),
        ("/sign-in/", "A request has at most 1,000,000 bytes."),
    ],
)
def test_a_body_that_is_too_large_is_cut_off_and_the_sender_hears_why(settings, path, says, chunked):
    settings.WHEEL_MB, settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2, 1_000_000
    taken.clear()
    with served(BodyLimit(inner)) as port:
        status, body, _ = post(port, path, 4 if "wheels" in path else 2, chunked)
    assert status == 413
    assert says in (json.loads(body)["detail"] if path.startswith("/api/") else body)
    assert max(taken, default=0) <= 2_100_000


def test_a_body_as_large_as_may_be_passes(settings):
    settings.WHEEL_MB = 2
    with served(BodyLimit(inner)) as port:
        assert post(port, WHEELS, 2, chunked=True) == (200, "ok", True)


def test_a_sender_is_still_heard_for_a_while_so_that_it_hears_the_answer(settings):
    settings.WHEEL_MB = 20
    with served(BodyLimit(inner)) as port:
        status, _, is_sent = post(port, WHEELS, 39, chunked=True)
    assert (status, is_sent) == (413, True)


def test_a_sender_that_never_stops_is_cut_off():
    pieces = []

    async def receive():
        pieces.append(1)
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    asyncio.run(Body(receive, 10_000).throw_away())
    assert len(pieces) == 10


def test_the_portal_is_served_with_the_limit():
    assert isinstance(application, BodyLimit)
