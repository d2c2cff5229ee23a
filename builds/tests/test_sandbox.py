"""Hostile packages in real builds: real wheels, real uv, real bubblewrap. Linux."""

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.urls import reverse

from builds import log, process, sandbox, uv, worker
from builds.failures import Failure
from builds.models import Build, Status, Worker
from builds.rooms import IMPORT_CHECK
from builds.sandbox import Room
from envportal.tests.wheel_maker import make_wheel

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux"),
]


@pytest.fixture(autouse=True)
def portal(live_server, settings):
    settings.PORTAL_URL = live_server.url
    return live_server


@pytest.fixture
def import_of(workspace, editor, upload, make):
    """Build a definition of one private wheel, whose module runs this code when it is imported."""

    numbers = itertools.count(1)

    def import_of(code="", **kwargs):
        name = f"demo_pkg-1.0-{next(numbers)}-py3-none-any.whl"
        wheel = workspace.add_wheel(upload(make_wheel(code=code, **kwargs), name), editor)[0]
        return make(wheel.line("https://env.example.org"))

    return import_of


@pytest.fixture
def victim():
    with subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL) as sleeper:
        yield sleeper.pid
        sleeper.kill()


@pytest.fixture
def place(settings, tmp_path, live_server, victim):
    """Where things stand that a hostile package is after. All of them are open to everybody but for the walls."""
    (tmp_path / "database.sqlite3").write_text("very secret")
    other = settings.PREFIXES / "other"
    other.mkdir()
    (other / "code.py").write_text("very secret")
    (tmp_path / "outside").mkdir()
    settings.WHEELS.mkdir()
    (settings.WHEELS / "secret.whl").write_text("very secret")
    for path in (*tmp_path.parents[:2], tmp_path, settings.PREFIXES, settings.WHEELS, tmp_path / "outside"):
        path.chmod(0o777)
    return {
        "settings": settings.VAR / "settings.env",
        "database": tmp_path / "database.sqlite3",
        "prefix": other / "code.py",
        "wheels": settings.WHEELS / "secret.whl",
        "outside": tmp_path / "outside",
        "system": "/etc/envportal-was-here",
        "port": live_server.thread.port,
        "victim": victim,
    }


READ = "print('HAD', 'IT', len(open({path!r}).read()))"
WRITE = "open({path!r}, 'w').write('x'); print('HAD', 'IT')"
CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port}), 3); print('HAD', 'IT')"
PTRACE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(16, {victim}, None, None):
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), 'ptrace')
print('HAD', 'IT')
"""
ROOT = "import os; os.setuid(0); print('HAD', 'IT')"
HOSTILE = {
    "reads the settings": (READ, "settings", "No such file or directory"),
    "reads the database": (READ, "database", "No such file or directory"),
    "reads another prefix": (READ, "prefix", "No such file or directory"),
    "reads private wheels": (READ, "wheels", "No such file or directory"),
    "writes outside": (WRITE, "outside/x", "No such file or directory"),
    "writes into the system": (WRITE, "system", "Read-only file system"),
    "opens a socket to the portal": (CONNECT, "", "Connection refused"),
    "looks into another process": (PTRACE, "", "No such process"),
    "becomes root": (ROOT, "", "Operation not permitted"),
}


@pytest.fixture
def attack(import_of, place):
    """Build a package that attempts this."""

    def attack(code, target):
        name, _, below = target.partition("/")
        path = str(place[name] / below if below else place[name]) if name else ""
        return import_of(code.format(path=path, port=place["port"], victim=place["victim"]))

    return attack


@pytest.mark.parametrize("attempt", HOSTILE)
def test_a_package_that_attacks_while_it_is_imported_is_stopped_and_the_build_says_so(attack, attempt):
    code, target, words = HOSTILE[attempt]
    build = attack(code, target)
    assert (build.status, build.failure) == (Status.FAILED, Failure.IMPORT), log.read(build).decode()
    assert words in build.reason
    assert "HAD IT" not in log.read(build).decode()
    assert build.is_sandboxed


@pytest.mark.parametrize("attempt", [name for name in HOSTILE if name != "writes into the system"])
def test_without_the_sandbox_the_same_package_has_its_way(attack, settings, attempt):
    settings.SANDBOX = "off"
    build = attack(*HOSTILE[attempt][:2])
    assert (build.status, build.is_sandboxed) == (Status.SUCCEEDED, False)
    assert "HAD IT" in log.read(build).decode()


DAEMON = """
import os, sys, time
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(1), os.close(2)
    os.execvp("sleep", ["sleep", "300.0{number}"])
time.sleep(0.2)
"""


def test_a_daemon_that_a_package_starts_ends_with_its_step(import_of):
    build = import_of(DAEMON.format(number=os.getpid()))
    assert build.status == Status.SUCCEEDED
    assert not [pid for pid in Path("/proc").glob("[0-9]*") if f"300.0{os.getpid()}" in _command(pid)]


def _command(process):
    try:
        return (process / "cmdline").read_bytes().decode()
    except OSError:
        return ""


MANY = """
import os, time
for _ in range(5):
    if not os.fork():
        x = bytearray(150_000_000)
        for i in range(0, len(x), 4096):
            x[i] = 1
        time.sleep(20)
time.sleep(20)
"""


@pytest.mark.parametrize("code", ["x = bytearray(900_000_000)\n", MANY], ids=["one process", "many processes"])
def test_a_package_that_fills_the_memory_is_stopped_and_the_build_says_so(import_of, settings, code):
    settings.BUILD_MEMORY = 500
    build = import_of(code)
    assert (build.status, build.failure) == (Status.FAILED, Failure.OUT_OF_MEMORY), log.read(build).decode()
    assert build.reason == "The step needed more memory than the 500 MB that a build may have."
    assert build.reason_line


BOMB = """
import os, time
children = 0
try:
    while True:
        if not os.fork():
            time.sleep(20)
            os._exit(0)
        children += 1
except BlockingIOError:
    raise OSError(f"no more than {children} processes")
"""


def test_a_fork_bomb_meets_its_limit(import_of, monkeypatch):
    few = lambda seconds, memory: process.Limits(seconds, memory * 1_000_000, processes=50)  # noqa: E731
    monkeypatch.setattr(process.Limits, "of", few)
    build = import_of(BOMB)
    assert (build.status, build.failure) == (Status.FAILED, Failure.IMPORT)
    assert "no more than 4" in build.reason


def test_code_that_runs_before_any_import_has_no_more(import_of, place):
    steal = f"open({str(uv.cache() / 'x')!r}, 'w'), open({str(place['outside'] / 'x')!r}, 'w')"
    line = f"import sys; print('a .pth file ran', file=sys.stderr); {steal}\n"
    build = import_of(more=[("demo.pth", line)])
    assert "a .pth file ran" in log.read(build).decode()
    assert not (uv.cache() / "x").exists()
    assert not list(place["outside"].iterdir())


def test_a_package_cannot_change_what_was_installed(import_of):
    build = import_of("import sys, os; open(os.path.join(sys.prefix, 'x'), 'w')\n")
    assert (build.status, build.failure) == (Status.FAILED, Failure.IMPORT)
    assert "Read-only file system" in build.reason


def test_a_prefix_is_ours_when_it_is_done(import_of, settings):
    build = import_of()
    assert build.status == Status.SUCCEEDED
    owners = {path.lstat().st_uid for path in (settings.PREFIXES / build.prefix).rglob("*")}
    assert owners == {os.geteuid()}


def test_install_and_check_have_no_network_and_only_tools_get_the_cache(import_of, monkeypatch):
    rooms, run = [], process.run

    def note(command, **kwargs):
        rooms.append(
            (" ".join(map(str, [*command[1:3], *({str(IMPORT_CHECK)} & set(map(str, command)))])), kwargs["room"])
        )
        return run(command, **kwargs)

    monkeypatch.setattr(process, "run", note)
    assert import_of().status == Status.SUCCEEDED
    assert [(what, room.network, uv.cache() in room.writes) for what, room in rooms] == [
        ("pip compile", True, True),
        ("pip compile", True, True),
        ("venv --quiet", False, True),
        ("pip sync", False, True),
        ("pip check", False, False),
        (f"-I -B {IMPORT_CHECK}", False, False),
    ]


@pytest.fixture
def in_room(tmp_path):
    """Run Python code in a room; return what it says."""

    def in_room(code, room, python=sys.executable):
        said = []
        ended = process.run(
            [str(python), "-c", code],
            cwd=tmp_path,
            environ={"PATH": "/usr/bin:/bin"},
            limits=process.Limits.of(30, 1000),
            output=said.append,
            beat=lambda: True,
            room=room,
        )
        assert ended == 0, said
        return b"".join(said).decode()

    return in_room


def test_a_room_has_only_what_it_is_given(in_room, tmp_path):
    given = tmp_path / "given"
    for folder in (given, tmp_path / "secret"):
        folder.mkdir()
        folder.chmod(0o777)
    code = (
        "import os\n"
        "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "print(os.listdir('.'), len([n for n in os.listdir('/proc') if n.isdigit()]), os.getuid() == 0)\n"
        "print([int(status[name], 16) for name in ('CapEff', 'CapPrm', 'CapInh')], status['NoNewPrivs'].strip())\n"
        "print(sorted(set(os.listdir('/')) & {'boot', 'home', 'mnt', 'run', 'srv', 'sys', 'var'}), os.getgroups() == [0])"
    )
    shown = in_room(code, Room(sandbox.of_python(sys.executable), (given,)), Path(sys.executable).resolve())
    assert shown == "['given'] 2 False\n[0, 0, 0] 1\n[] False\n"


def test_a_tool_that_is_our_own_code_finds_the_packages_beside_us(in_room):
    code = "import rattler, packaging; print('found')"
    assert in_room(code, Room(sandbox.of_our_python())) == "found\n"


def test_a_portal_that_stands_in_a_folder_of_the_system_is_covered(in_room, settings, monkeypatch):
    monkeypatch.setattr(sandbox, "SYSTEM", (*sandbox.SYSTEM, str(settings.BASE_DIR)))
    code = (
        f"import os; print(os.path.exists({str(settings.BASE_DIR / 'manage.py')!r}), os.listdir({str(settings.VAR)!r}))"
    )
    assert in_room(code, Room(sandbox.of_python(sys.executable)), Path(sys.executable).resolve()) == "True []\n"


def test_a_worker_says_whether_its_builds_are_confined(client, settings):
    worker.report_alive("w")
    assert Worker.objects.get().is_sandboxed
    assert client.get("/healthz").json()["sandbox"] == "on"
    settings.SANDBOX = "off"
    worker.report_alive("v")
    assert client.get("/healthz").json()["sandbox"] == "Builds are not confined: ENVPORTAL_SANDBOX is off."


def test_the_page_of_a_build_says_whether_it_was_confined(import_of, client, editor, settings):
    client.force_login(editor)
    build = import_of()
    assert "<dt>Sandbox</dt><dd>on</dd>" in client.get(build.get_absolute_url()).content.decode()
    settings.SANDBOX = "off"
    build = import_of("y = 2")
    Build.objects.exclude(pk=build.pk).update(is_sandboxed=None)
    older = Build.objects.exclude(pk=build.pk).get()
    assert "<dt>Sandbox</dt><dd>not known</dd>" in client.get(older.get_absolute_url()).content.decode()
    assert "<dd>off: limits of time and memory alone</dd>" in client.get(build.get_absolute_url()).content.decode()


def test_where_a_sandbox_must_be_and_is_not_no_build_starts(import_of, settings, monkeypatch):
    settings.SANDBOX = "on"
    monkeypatch.setattr(sandbox, "why_not", lambda: "bubblewrap is not installed.")
    build = import_of()
    assert (build.status, build.failure) == (Status.FAILED, Failure.NOT_BUILDABLE)
    assert build.reason == (
        "Builds are not confined: bubblewrap is not installed."
        " ENVPORTAL_SANDBOX is on, so no build starts on this worker."
    )


def test_a_machine_whose_bubblewrap_does_not_work_says_why(monkeypatch, tmp_path):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n")
    fake.chmod(0o755)
    enter = Room.enter
    monkeypatch.setattr(Room, "enter", lambda *args: [str(fake), *enter(*args)[1:]])
    assert sandbox.why_not.__wrapped__() == (
        "bubblewrap does not work here (bwrap: No permissions to create new namespace)."
    )


def test_what_steps_took_is_kept_and_told(import_of, api, editor):
    build = import_of("x = bytearray(200_000_000)\nimport time; time.sleep(0.5)\n")
    steps = {step["name"]: step for step in api(editor).get(reverse("api-build", args=[build.pk])).json()["steps"]}
    assert 150_000_000 < steps["check"]["peak_memory"] < 400_000_000
    assert steps["install"]["peak_memory"]
    assert steps["resolve"]["downloaded"] > 300
    assert steps["install"]["bytes"] > 300


def test_a_time_limit_that_is_near_is_warned_of(import_of, settings):
    settings.CHECK_SECONDS = 2
    build = import_of("import time; time.sleep(5)")
    assert build.failure == Failure.TIMEOUT
    assert "Warning: the check step has used 80% of its time limit of 2 s\n" in log.read(build).decode()
    settings.CHECK_SECONDS = 20
    started = time.monotonic()
    assert "Warning" not in log.read(import_of("y = 3")).decode()
    assert time.monotonic() - started < 16
