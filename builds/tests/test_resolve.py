"""A lock and its reasons are of one answer of the index, whatever it answers next."""

from itertools import cycle, repeat

import pytest

from builds.models import LockedPackage
from builds.tests.in_process import said

pytestmark = pytest.mark.django_db


def told(build):
    assert (build.status, build.reason) == ("succeeded", "")
    packages = LockedPackage.objects.filter(lock=build.lock).order_by("name")
    return [(package.name, package.version, package.requested_by) for package in packages]


@pytest.fixture
def demo(index, settings, tmp_path):
    settings.CACHE = tmp_path / "cache"
    index.put_wheels("needed", "1.0", "1.1")
    index.put_wheels("demo", "2.0", requires=["needed"])
    return index


def page(pages, **headers):
    """What answers with each of these pages in turn."""

    def answer(handler):
        content_type, body = next(pages)
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_an_index_that_takes_a_version_back_meanwhile_makes_no_build_fail(demo, make):
    """As one does behind which several machines answer, of which one is late."""
    new = demo.pages["/simple/needed/"]
    demo.put_wheels("needed", "1.0")
    demo.pages["/simple/needed/"] = page(cycle([new, demo.pages["/simple/needed/"]]))
    assert told(make("demo")) == [("demo", "2.0", []), ("needed", "1.1", ["demo"])]


def test_an_index_whose_pages_may_not_be_kept_is_asked_again(demo, make):
    for name in ("demo", "needed"):
        path = f"/simple/{name}/"
        demo.pages[path] = page(repeat(demo.pages[path]), Cache_Control="no-store")
    build = make("demo")
    assert told(build) == [("demo", "2.0", []), ("needed", "1.1", ["demo"])]
    assert demo.paths.count("/simple/demo/") == 2
    assert "network was disabled" not in said(build)
