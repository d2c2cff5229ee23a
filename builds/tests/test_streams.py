"""Server-sent events from the real server: nothing lost, nothing doubled, one reader for all."""

import contextlib
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from datetime import timedelta
from http.client import HTTPConnection

import pytest
import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from builds import log, streams
from builds.log import LogWriter
from builds.models import Build, Status
from environments.models import Token
from envportal.tests.running import free_port

pytestmark = pytest.mark.django_db(transaction=True)


class Server:
    """A real one, in a thread."""

    def __init__(self):
        self.streams = streams.Streams(get_asgi_application())
        self.looks = []
        look = self.streams.in_thread

        async def counted(*args, **kwargs):
            self.looks.append(args)
            return await look(*args, **kwargs)

        self.streams.in_thread = counted

    @contextlib.contextmanager
    def running(self):
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(self.streams, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        self.port = listener.getsockname()[1]
        yield self
        server.should_exit = True
        thread.join(15)
        listener.close()
        self.streams.threads.shutdown()


@pytest.fixture
def server(settings):
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    with Server().running() as server:
        yield server


class Stream:
    """A connection that reads events."""

    def __init__(self, server, path, **headers):
        self.connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
        self.connection.request("GET", path, headers=headers)
        self.answer = self.connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.answer.close()
        self.connection.close()

    def events(self):
        """Yield (name, id, data) until the stream ends."""
        name, identity, data = "", "", ""
        for line in self.answer:
            key, _, value = line.decode().rstrip("\n").partition(": ")
            if key == "event":
                name = value
            elif key == "id":
                identity = value
            elif key == "data":
                data = value
            elif not key and name not in ("", "alive"):
                yield name, identity, json.loads(data)
                name = ""


@pytest.fixture
def bearer(editor):
    return {"Authorization": f"Bearer {Token.issue(editor)}"}


@pytest.fixture
def running(build):
    build.move_to(Status.RUNNING, worker="w")
    build.steps.filter(name="resolve").update(status=Status.RUNNING, started=timezone.now(), offset=0, line=0)
    return build


@pytest.fixture
def looks_often(monkeypatch):
    """So that a stream that breaks fifty times is not a test of patience."""
    monkeypatch.setattr(streams, "LOOK", 0.03)


class Writing(threading.Thread):
    """Writes lines until it is told that it was enough, then ends the build."""

    def __init__(self, build):
        super().__init__()
        self.build, self.enough, self.count = Build.objects.get(pk=build.pk), threading.Event(), 0

    def run(self):
        writer = LogWriter(self.build)
        while not self.enough.wait(0.02):
            for _ in range(7):
                writer.write(f"line {self.count} ü <b>\n".encode())
                self.count += 1
            writer.flush()
        writer.write(b"without an end")
        writer.flush()
        self.build.fail("ours", "because")
        connection.close()


def test_fifty_connections_that_break_lose_and_double_nothing(server, running, bearer, looks_often):
    url = reverse("api-build-stream", args=[running.pk])
    writing = Writing(running)
    writing.start()
    seen, last, ended = b"", {}, False
    for connections in range(1, 1000):
        if connections > 50:
            writing.enough.set()
        with Stream(server, url, **bearer, **last) as stream:
            for name, identity, data in stream.events():
                if name == "log":
                    assert data["offset"] == len(seen)
                    seen += data["text"].encode()
                    last = {"Last-Event-ID": identity}
                    assert int(identity) == len(seen)
                    if connections <= 50:
                        break
                ended = name == "end"
        if ended:
            break
    writing.join()
    assert connections > 50
    assert seen == log.read(running)
    assert seen.endswith(f"line {writing.count - 1} ü <b>\nwithout an end".encode())
    with Stream(server, url, **bearer, **last) as stream:
        assert stream.answer.status == 204


def page_lines(html):
    return [int(number) for number in re.findall(r'<li id="L(\d+)"', html)]


def signed_in(client, user):
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return {"Cookie": f"{name}={client.cookies[name].value}"}


def test_a_page_whose_connection_breaks_fifty_times_shows_every_line_once(server, running, client, editor, looks_often):
    cookie = signed_in(client, editor)
    url = reverse("build-stream", args=[running.pk]) + "?offset=0&state=queued-0"
    writing = Writing(running)
    writing.start()
    shown, last, offset, goes_on = [], {}, 0, True
    for connections in range(1, 1000):
        if connections > 50:
            writing.enough.set()
        with Stream(server, url, **cookie, **last) as stream:
            for _, identity, data in stream.events():
                assert data["from"] == offset
                offset = int(identity.split()[0])
                shown += page_lines(data["html"])
                last = {"Last-Event-ID": identity}
                goes_on = 'id="poll"' in data["html"]
                if connections <= 50 and page_lines(data["html"]):
                    break
        if not goes_on:
            break
    writing.join()
    assert connections > 50
    assert shown == list(range(1, writing.count + 2))


def test_however_many_watch_one_reads(server, running, bearer, monkeypatch):
    url = reverse("api-build-stream", args=[running.pk])
    writer = LogWriter(running)
    writer.say("before they came")
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(Stream(server, url, **bearer)) for _ in range(30)]
        for watcher in watchers:
            events = watcher.events()
            assert next(events)[0] == "build"
            assert next(events)[2] == {"offset": 0, "text": "before they came\n"}
        assert len(server.streams.readers) == 1
        threads = threading.active_count()
        server.looks.clear()
        began = time.monotonic()
        for n in range(10):
            writer.say(f"line {n}")
            time.sleep(0.2)
        assert len(server.looks) <= (time.monotonic() - began) / streams.LOOK + 1
        for watcher in watchers:
            text = ""
            events = watcher.events()
            while "line 9" not in text:
                text += next(events)[2]["text"]
            assert text == "".join(f"line {n}\n" for n in range(10))
        assert threading.active_count() <= threads
    deadline = time.monotonic() + 5
    while server.streams.readers and time.monotonic() < deadline:
        writer.say("more")
        time.sleep(0.1)
    assert server.streams.readers == {}


def test_a_watcher_that_is_silent_hears_that_the_stream_is_alive(server, running, bearer, monkeypatch):
    monkeypatch.setattr(streams, "ALIVE", 0.3)
    monkeypatch.setattr(streams, "TICK", 60)
    with Stream(server, reverse("api-build-stream", args=[running.pk]), **bearer) as stream:
        lines = [stream.answer.readline() for _ in range(14)]
    assert lines.count(b"event: alive\n") >= 2


def test_a_stream_ends_after_a_while_so_that_access_is_looked_at_anew(server, running, bearer, monkeypatch):
    monkeypatch.setattr(streams, "LONGEST", 0.5)
    with Stream(server, reverse("api-build-stream", args=[running.pk]), **bearer) as stream:
        assert b"running" in stream.answer.read()


def test_no_proxy_may_hold_a_stream_back(server, running, bearer):
    with Stream(server, reverse("api-build-stream", args=[running.pk]), **bearer) as stream:
        headers = stream.answer.headers
    assert headers["X-Accel-Buffering"] == "no"
    assert "no-transform" in headers["Cache-Control"]
    assert headers["Content-Type"] == "text/event-stream"
    assert "Content-Length" not in headers


NGINX = """
daemon off;
pid %(folder)s/pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path %(folder)s;
    proxy_temp_path %(folder)s;
    fastcgi_temp_path %(folder)s;
    uwsgi_temp_path %(folder)s;
    scgi_temp_path %(folder)s;
    proxy_buffering on;
    server { listen 127.0.0.1:%(port)s; location / { proxy_pass http://127.0.0.1:%(to)s; } }
}
"""


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not here")
def test_lines_pass_a_proxy_that_buffers_at_once(server, running, bearer, tmp_path):
    to, server.port = server.port, free_port()
    (tmp_path / "nginx.conf").write_text(NGINX % {"folder": tmp_path, "port": server.port, "to": to})
    command = ["nginx", "-p", tmp_path, "-c", tmp_path / "nginx.conf"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as proxy:
        try:
            for _ in range(50):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=1):
                    break
                time.sleep(0.1)
            writer = LogWriter(running)
            with Stream(server, reverse("api-build-stream", args=[running.pk]), **bearer) as stream:
                events = stream.events()
                assert next(events)[0] == "build"
                for n in range(5):
                    written = time.monotonic()
                    writer.say(f"line {n}")
                    assert next(events)[2]["text"] == f"line {n}\n"
                    assert time.monotonic() - written < 1
        finally:
            proxy.terminate()


def test_strangers_and_nobody_get_no_stream(server, running, stranger):
    url = reverse("api-build-stream", args=[running.pk])
    theirs = {"Authorization": f"Bearer {Token.issue(stranger)}", "Accept": "text/event-stream"}
    with Stream(server, url, **theirs) as stream:
        assert stream.answer.status == 404
    with Stream(server, url) as stream:
        assert stream.answer.status == 401


def test_the_last_words_after_a_cancel_are_streamed_before_the_end(server, running, bearer, editor, monkeypatch):
    monkeypatch.setattr("builds.models.LAST_WORDS", timedelta(seconds=1))
    writer = LogWriter(running)
    writer.write(b"one\nhalf")
    writer.flush()
    with Stream(server, reverse("api-build-stream", args=[running.pk]), **bearer) as stream:
        events = stream.events()
        assert [next(events)[0], next(events)[2]["text"]] == ["build", "one\n"]
        running.cancel(editor)
        assert next(events)[2] == {"status": "cancelled", "stage": "", "reason": "Cancelled by edgar."}
        writer.write(b" and the rest")
        writer.flush()
        assert [(name, data.get("text")) for name, _, data in events] == [("log", "half and the rest"), ("end", None)]


def test_each_sees_the_head_that_is_theirs(server, running, client, editor, viewer):
    url = reverse("build-stream", args=[running.pk])
    heads = {}
    for user in (editor, viewer):
        with Stream(server, f"{url}?offset=0&state=other", **signed_in(client, user)) as stream:
            heads[user.username] = next(stream.events())[2]["html"]
    assert "Cancel build" in heads["edgar"]
    assert re.search(r'name="csrfmiddlewaretoken" value="[A-Za-z0-9]{64}"', heads["edgar"])
    assert "Cancel build" not in heads["vera"]
    assert "csrf" not in heads["vera"]


def test_without_a_server_that_goes_on_a_stream_is_what_is_there(client, running, editor):
    LogWriter(running).say("one")
    client.force_login(editor)
    answer = client.get(reverse("build-stream", args=[running.pk]), {"offset": 0, "state": ""})
    assert b"event: lines" in answer.content
    assert client.get(reverse("build-stream", args=[running.pk]), {"offset": "x"}).status_code == 400
