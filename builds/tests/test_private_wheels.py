"""Builds with private wheels: a real portal to fetch them from, real uv."""

import hashlib
import http.server
import subprocess
import threading

import pytest
from django.urls import reverse

from builds import fetch
from builds.failures import Failure
from builds.models import Build, LockedPackage, LogChunk, Status
from builds.tests.in_process import run, said
from environments import wheel_store
from environments.models import Workspace
from environments.wheels import PrivateWheel
from envportal.tests.wheel_maker import make_wheel

NAME = "demo_pkg-1.0-py3-none-any.whl"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def portal(live_server, settings):
    settings.PORTAL_URL = live_server.url
    return live_server


@pytest.fixture
def keep(workspace, editor, upload):
    """Upload a wheel and return it."""

    def keep(filename=NAME, **kwargs):
        return workspace.add_wheel(upload(make_wheel(**kwargs), filename), editor)[0]

    return keep


@pytest.fixture
def signatures(monkeypatch):
    """Every signature that was made."""
    made, sign = [], PrivateWheel.signature

    def note(wheel):
        made.append(sign(wheel))
        return made[-1]

    monkeypatch.setattr(PrivateWheel, "signature", note)
    return made


def line(wheel):
    return wheel.line("https://env.example.org")


def test_a_private_wheel_is_fetched_locked_and_installed_and_its_secrets_stand_nowhere(
    make, keep, settings, signatures, client, editor
):
    wheel = keep(requires=["six"])
    build = make(line(wheel))
    assert (build.status, build.reason) == (Status.SUCCEEDED, "")
    packages = {package.name: package for package in build.lock.packages.all()}
    assert sorted(packages) == ["demo-pkg", "six"]
    demo = packages["demo-pkg"]
    assert (demo.url, demo.sha256) == (f"wheels/{wheel.sha256}/{NAME}", wheel.sha256)
    assert (demo.version, demo.size, demo.direct) == ("1.0", wheel.size, True)
    prefix = settings.PREFIXES / build.prefix
    answer = subprocess.run(
        [prefix / "bin" / "python", "-c", "import demo_pkg; print(demo_pkg.x)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "1\n"
    assert f"Fetching the private wheel {NAME}" in said(build)
    assert "ok     demo_pkg (demo-pkg)" in said(build)
    assert len(signatures) == 1
    client.force_login(editor)
    seen = [
        bytes(b"".join(LogChunk.objects.values_list("data", flat=True))).decode(),
        str(list(LockedPackage.objects.values())),
        *(client.get(url).content.decode() for url in (build.get_absolute_url(), build.version.get_absolute_url())),
        client.get(reverse("api-build", args=[build.pk])).content.decode(),
        *(path.read_text() for path in prefix.rglob("*.dist-info/*") if path.is_file()),
    ]
    for text in seen:
        assert signatures[0] not in text
        assert "signature=" not in text
        assert str(settings.WORK) not in text
    assert not list(settings.WORK.iterdir())


def test_what_a_tool_says_about_a_wheel_names_the_file_and_not_where_it_stands(make, keep, settings):
    build = make(line(keep(requires=["six>=1.17"])), "six==1.16.0")
    assert (build.status, build.failure) == (Status.FAILED, Failure.CONFLICT)
    assert "demo-pkg==1.0 depends on six>=1.17" in build.reason
    broken = keep("broken-1.0-py3-none-any.whl", name="broken", metadata="Name: broken\nVersion: 1.0\nRequires-Dist: ?")
    build = make(line(broken))
    assert build.status == Status.FAILED
    assert "broken-1.0-py3-none-any.whl" in said(build)
    assert str(settings.WORK) not in said(build) + build.reason


def test_code_of_a_package_finds_neither_wheels_nor_can_it_write_the_path_into_the_log(make, keep, settings):
    code = "import os\nprint('home', os.environ['HOME'], sorted(os.listdir(os.environ['HOME'])))\n"
    build = make(line(keep(code=code)))
    assert build.status == Status.SUCCEEDED, build.reason
    assert "home work/check []" in said(build)
    assert "'wheels'" not in said(build)
    assert str(settings.WORK) not in said(build)


def test_extras_markers_and_local_versions_of_a_wheel_hold(make, keep):
    local = keep("demo_pkg-1!2.0+cu121-py3-none-any.whl", version="1!2.0+cu121")
    never = keep("never-1.0-py3-none-any.whl", name="never")
    build = make(line(local), f"{line(never)} ; python_version < '3'")
    assert build.status == Status.SUCCEEDED, build.reason
    assert [(p.name, p.version) for p in build.lock.packages.all()] == [("demo-pkg", "1!2.0+cu121")]


def test_another_workspace_with_the_same_bytes_is_supplied_and_the_lock_names_neither(make, keep, editor, upload):
    first = make(line(keep()))
    elsewhere = Workspace.objects.create(name="elsewhere")
    theirs, _ = elsewhere.add_wheel(upload(make_wheel()), editor)
    second = make(line(theirs), environment=elsewhere.add_environment("other", editor))
    assert (second.status, second.reused_from) == (Status.SUCCEEDED, first)
    # Its prefix was cleaned away, so it is installed again: from the same lock, with the wheel of that workspace.
    Build.objects.filter(pk=first.pk).update(prefix="")
    third = make(line(theirs), environment=elsewhere.environments.get())
    assert (third.status, third.reused_from, third.lock) == (Status.SUCCEEDED, None, first.lock)
    assert "team" not in str(list(LockedPackage.objects.values()))


def test_a_wheel_whose_bytes_are_lost_is_said(request_build, keep):
    wheel = keep()
    build = request_build(line(wheel))
    wheel_store.drop(wheel.sha256)
    run(build)
    assert (build.status, build.failure) == (Status.FAILED, Failure.WHEEL)
    assert build.reason == f"The portal does not give out the private wheel {NAME}. It answered 404."
    assert said(build).splitlines()[build.reason_line - 1] == build.reason


def test_a_wheel_that_is_not_given_out_is_said(make, keep, monkeypatch):
    monkeypatch.setattr(PrivateWheel, "signature", lambda wheel: "made-up")
    build = make(line(keep()))
    assert (build.failure, build.reason) == (
        Failure.WHEEL,
        f"The portal does not give out the private wheel {NAME}. It answered 403.",
    )


@pytest.mark.parametrize(
    ("other", "failure", "says"),
    [
        (make_wheel(code="x = 9\n"), Failure.HASH_MISMATCH, f"{NAME} is not the file that was uploaded"),
        (make_wheel()[:-1], Failure.NETWORK, f"The portal could not be reached to fetch the private wheel {NAME}"),
    ],
)
def test_other_bytes_than_were_uploaded_are_refused(request_build, keep, monkeypatch, other, failure, says):
    monkeypatch.setattr(fetch, "PAUSE", 0.01)
    wheel = keep()
    build = request_build(line(wheel))
    wheel_store.path_of(wheel.sha256).write_bytes(other)
    run(build)
    assert (build.status, build.failure, build.lock) == (Status.FAILED, failure, None)
    assert build.reason.startswith(says)


def test_a_portal_that_does_not_answer_is_a_network_error(make, keep, settings, monkeypatch):
    monkeypatch.setattr(fetch, "PAUSE", 0.01)
    settings.PORTAL_URL = "http://127.0.0.1:9"
    build = make(line(keep()))
    assert build.failure == Failure.NETWORK
    assert build.reason.startswith(f"The portal could not be reached to fetch the private wheel {NAME}: URLError.")


# The other side of a fetch may be anything


class Odd(http.server.BaseHTTPRequestHandler):
    """Answers as its path says."""

    def do_GET(self):
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/endless")
            self.end_headers()
            return
        self.send_response(200)
        if self.path == "/short":
            self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"x" * 5)
        while self.path == "/endless":
            try:
                self.wfile.write(b"x" * 100_000)
            except OSError:
                return

    def log_message(self, *args):
        pass


@pytest.fixture
def odd():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def get(url, path, beat=lambda: True, seconds=20):
    fetch.fetch(url, path, size=10, sha256=hashlib.sha256(b"x" * 10).hexdigest(), seconds=seconds, beat=beat)


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/endless", fetch.WrongFile),
        ("/other", fetch.WrongFile),
        ("/redirect", fetch.Refused),
        ("/short", fetch.Unreachable),
    ],
)
def test_an_odd_answer_is_not_taken(odd, tmp_path, monkeypatch, path, fault):
    monkeypatch.setattr(fetch, "PAUSE", 0.01)
    with pytest.raises(fault):
        get(odd + path, tmp_path / "x")
    assert not (tmp_path / "x").exists() or (tmp_path / "x").stat().st_size <= 10


def test_a_fetch_ends_when_nobody_wants_it_any_more_or_its_time_is_over(odd, tmp_path):
    with pytest.raises(fetch.Stopped):
        get(odd + "/other", tmp_path / "x", beat=lambda: False)
    with pytest.raises(fetch.TooSlow):
        get(odd + "/other", tmp_path / "x", seconds=-1)
