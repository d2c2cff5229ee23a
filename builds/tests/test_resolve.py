"""A lock and its reasons are of one answer of the index, whatever it answers next."""

from itertools import cycle, repeat

import pytest

from builds import preview
from builds.failures import Failure
from builds.models import LockedPackage
from builds.tests.in_process import HERE, said

pytestmark = pytest.mark.django_db


def told(build):
    assert (build.status, build.reason) == ("succeeded", "")
    packages = LockedPackage.objects.filter(lock=build.lock).order_by("name")
    return [(package.name, package.version, package.requested_by) for package in packages]


@pytest.fixture
def demo(index):
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
    build = make("demo", f"--index-url {demo.url}simple")
    assert told(build) == [("demo", "2.0", []), ("needed", "1.1", ["demo"])]
    assert demo.paths.count("/simple/demo/") == 2
    assert "network was disabled" not in said(build)


def test_what_the_index_of_the_portal_said_holds_for_ten_minutes(demo, make, wanted, pythons):
    """For whoever types; a build asks anew."""
    for pip in (["demo"], ["demo>=1"], ["demo>=2", "needed"]):
        assert len(preview.resolve(wanted(*pip, python=HERE), "me").packages) == 2
    assert [demo.paths.count(f"/simple/{name}/") for name in ("demo", "needed")] == [1, 1]
    make("demo")
    assert all(demo.paths.count(f"/simple/{name}/") > 1 for name in ("demo", "needed"))


@pytest.mark.parametrize("pip", [["needed==1.2"], ["demo", "needed>1.1"]])
def test_a_version_that_has_just_come_is_found_nevertheless(demo, make, wanted, pythons, pip):
    assert preview.resolve(wanted(*pip, python=HERE), "me").failure.failure == Failure.NO_VERSION
    demo.put_wheels("needed", "1.0", "1.1", "1.2")
    assert preview.resolve(wanted(*pip, python=HERE), "me").fits
    demo.put_wheels("needed", "1.0", "1.1", "1.2", "1.3")
    assert told(make("needed")) == [("needed", "1.3", [])]


def test_of_a_longer_lock_only_what_is_new_is_fetched(demo, make):
    """Also where the index does not say how long files hold, nor what they are known by."""
    for path, served in [*demo.pages.items()]:
        demo.pages[path] = page(repeat(served))
    first, second = make("needed"), make("demo")
    fetched = [build.steps.get(name="install").downloaded for build in (first, second)]
    assert fetched == [package.size for package in second.lock.packages.order_by("-name")]


def test_a_password_of_the_index_is_in_no_file_that_others_may_read(demo, wanted, pythons, settings, monkeypatch):
    settings.INDEX_URL = settings.INDEX_URL.replace("//", "//reader:pass-word@")
    seen = {}

    def look(command, room, environ):
        seen.update({path.name: path.stat().st_mode & 0o077 for path in settings.WORK.glob("*/*")})
        seen["environ"] = "pass-word" in str(environ)

    ask = preview._Question.ask
    monkeypatch.setattr(
        preview._Question, "ask", lambda self, *given, **more: (look(*given), ask(self, *given, **more))[1]
    )
    assert preview.resolve(wanted("demo", python=HERE), "me").fits
    assert (seen["uv.toml"], seen["environ"]) == (0, False)
    assert demo.asked[0][1]["Authorization"].startswith("Basic ")
