import gzip
import json
import sys
import time

import pytest

from builds import registry
from builds.registry import NotThere, RegistryFault
from builds.simple_api import Release
from builds.tests import loopback


@pytest.fixture
def index():
    """A package index on loopback; its address is index.simple."""
    with loopback.serve() as served:
        served.simple = f"{served.url}simple/"
        yield served


def names(index):
    return list(registry.project_names(index.simple))


def releases(index, seconds=5):
    return registry.releases(index.simple, "foo", seconds)


def test_names_come_from_the_index_and_are_normalised(index):
    index.put_names("Django", "ruamel.yaml", "Foo__Bar")
    assert names(index) == ["django", "ruamel-yaml", "foo-bar"]
    path, headers = index.asked[0]
    assert (path, headers["User-Agent"]) == ("/simple/", "envportal")
    assert headers["Accept"].startswith("application/vnd.pypi.simple.v1+json, ")


def test_an_index_that_only_knows_html_is_understood(index):
    index.pages["/simple/"] = (loopback.HTML, b'<a href="x/">Foo.Bar</a><a href="y/">y</a>')
    index.pages["/simple/foo/"] = (loopback.HTML, b'<a href="foo-1.0.tar.gz" data-requires-python="&gt;=3.9">x</a>')
    assert names(index) == ["foo-bar", "y"]
    assert releases(index) == [Release("1.0", ">=3.9")]


def test_a_compressed_answer_is_unpacked(index):
    body = gzip.compress(json.dumps({"files": [{"filename": "foo-1.0.tar.gz"}]}).encode())
    index.pages["/simple/foo/"] = packed(body)
    assert releases(index) == [Release("1.0")]
    index.pages["/simple/foo/"] = packed(body[:-12])
    with pytest.raises(RegistryFault):
        releases(index)


def packed(body):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", loopback.JSON)
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_a_package_that_is_not_there_is_told_apart_from_an_index_that_fails(index):
    with pytest.raises(NotThere):
        releases(index)
    index.pages["/simple/foo/"] = loopback.fail(500)
    with pytest.raises(RegistryFault, match="status 500") as raised:
        releases(index)
    assert raised.type is RegistryFault


def test_a_silent_index_is_left_in_time(index):
    index.pages["/simple/foo/"] = lambda handler: time.sleep(3)
    started = time.monotonic()
    with pytest.raises(RegistryFault, match="within"):
        releases(index, seconds=0.5)
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("head", [b"", b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n"])
def test_an_index_that_drips_is_left_in_time(index, head):
    def drip(handler):
        handler.wfile.write(head)
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    index.pages["/simple/foo/"] = drip
    started = time.monotonic()
    with pytest.raises(RegistryFault, match="within"):
        releases(index, seconds=0.5)
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("pack", [False, True])
def test_an_endless_answer_is_left(index, monkeypatch, pack):
    monkeypatch.setattr(registry, "LARGEST_PAGE", 3_000_000)
    piece = gzip.compress(b"x" * 50_000_000) if pack else b"x" * 100_000

    def pour(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", loopback.HTML)
        if pack:
            handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        for _ in range(10_000):
            handler.wfile.write(piece)

    index.pages["/simple/foo/"] = pour
    with pytest.raises(RegistryFault, match="more than 3,000,000 bytes"):
        releases(index)


def test_an_answer_that_breaks_off_is_refused(index):
    def break_off(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", loopback.HTML)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"<a href='foo-1.0.tar.gz'>x</a>")

    index.pages["/simple/foo/"] = break_off
    with pytest.raises(RegistryFault, match="broke off"):
        releases(index)


def test_an_answer_that_is_no_page_is_refused(index):
    index.pages["/simple/foo/"] = (loopback.JSON, b"<html>")
    with pytest.raises(RegistryFault, match="strangely"):
        releases(index)


def test_redirects_are_followed_a_few_times(index):
    index.put_files("foo", "foo-1.0.tar.gz")
    index.pages["/simple/foo/"], index.pages["/c"] = loopback.redirect("/a"), index.pages["/simple/foo/"]
    index.pages["/a"], index.pages["/b"] = loopback.redirect("/b", 301), loopback.redirect("/c", 307)
    assert releases(index) == [Release("1.0")]
    index.pages["/c"] = loopback.redirect("/simple/foo/")
    with pytest.raises(RegistryFault, match="more than 3 times"):
        releases(index)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "", "gopher://x"])
def test_a_redirect_to_something_else_is_refused(index, location):
    index.pages["/simple/foo/"] = loopback.redirect(location)
    with pytest.raises(RegistryFault, match="redirects"):
        releases(index)
    assert len(index.asked) <= registry.MOST_REDIRECTS + 1


def test_a_password_is_for_the_index_alone_and_is_never_told(index):
    with loopback.serve() as elsewhere:
        elsewhere.put_files("foo", "foo-1.0.tar.gz")
        index.pages["/simple/foo/"] = loopback.redirect(f"{elsewhere.url}simple/foo/")
        address = index.simple.replace("//", "//user:s%40cret@")
        assert registry.releases(address, "foo", 5) == [Release("1.0")]
        assert index.asked[0][1]["Authorization"] == "Basic dXNlcjpzQGNyZXQ="
        assert "Authorization" not in elsewhere.asked[0][1]
    with pytest.raises(RegistryFault) as raised:
        registry.releases(address, "foo", 5)  # which now leads to a server that is gone
    assert not any(word in str(raised.value) for word in ("cret", "127.0.0.1"))


def test_a_certificate_that_nobody_vouches_for_is_refused(index):
    with pytest.raises(RegistryFault, match="SSL"):
        registry.releases(index.simple.replace("http:", "https:"), "foo", 5)


def test_the_index_is_the_one_of_the_settings_or_else_the_one_of_pip(settings, monkeypatch):
    settings.INDEX_URL = "https://index.example.org/simple"
    assert registry.index_url() == "https://index.example.org/simple/"
    settings.INDEX_URL = ""
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv.example.org/")
    assert registry.index_url() == "https://uv.example.org/"
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example.org/simple")
    registry._index_of_pip.cache_clear()
    assert registry.index_url() == "https://pip.example.org/simple/"
    monkeypatch.delenv("PIP_INDEX_URL")
    registry._index_of_pip.cache_clear()
    assert registry.index_url().startswith("https://")
    registry._index_of_pip.cache_clear()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert registry.index_url() == ""
    registry._index_of_pip.cache_clear()
