"""Packages built from source in real builds: real source distributions, real uv, real bubblewrap. Linux."""

import hashlib
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.urls import reverse

from builds import caches, keeping, pack, preview, process, sandbox, sdist_fetch
from builds.failures import Failure
from builds.models import Status
from builds.tests.in_process import HERE, run, said
from environments.models import Interpreter, Rule
from envportal.tests import sdist_maker
from envportal.tests.sdist_maker import make_sdist, make_setup
from envportal.tests.wheel_maker import make_wheel

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux"),
]
DEMO = ("--no-binary demo", "demo")


@pytest.fixture(autouse=True)
def cache(settings, tmp_path):
    settings.CACHE = tmp_path / "kept"
    settings.CACHE.mkdir()


@pytest.fixture
def build_of(index, make):
    """Build a definition of one package that has this source distribution and no wheel."""

    def build_of(data, *pip, version="1.0"):
        index.put_sdists("demo", {version: data})
        return make(*(pip or DEMO))

    return build_of


def packages(build):
    return {package.name: (package.version, package.is_source) for package in build.lock.packages.all()}


def test_what_the_definition_names_is_built_from_source_and_all_others_are_wheels(index, make, settings):
    index.put_sdists("demo", {"1.0": make_sdist(requires=["other"], code="x = 'from source'\n")}, wheels=["1.0"])
    index.put_sdists("other", {"2.0": make_sdist("other", "2.0", built="raise OSError('never')")}, wheels=["2.0"])
    build = make(*DEMO)
    assert (build.status, build.reason) == (Status.SUCCEEDED, ""), said(build)
    assert packages(build) == {"demo": ("1.0", True), "other": ("2.0", False)}
    (module,) = (settings.PREFIXES / build.prefix).glob("lib/python3*/site-packages/demo.py")
    assert module.read_text() == "x = 'from source'\n"
    locked = build.lock.packages.get(name="demo")
    assert locked.url == f"{index.url}files/demo-1.0.tar.gz"
    assert locked.sha256 == sdist_of(index, "demo-1.0.tar.gz")
    assert build.lock.packages.get(name="other").requested_by == ["demo"]


def sdist_of(index, filename):
    return hashlib.sha256(index.pages[f"/files/{filename}"][1]).hexdigest()


def test_without_the_line_a_wheel_is_taken_and_where_there_is_none_the_build_says_what_to_do(index, make):
    index.put_sdists("demo", {"1.0": make_sdist()}, wheels=["1.0"])
    assert packages(make("demo")) == {"demo": ("1.0", False)}
    index.put_sdists("bare", {"1.0": make_sdist("bare")})
    build = make("bare")
    assert build.failure == Failure.NO_WHEEL
    assert "“--no-binary NAME”" in build.advice


def test_a_version_whose_needs_do_not_fit_gives_way_to_one_that_does(index, make):
    index.put_sdists(
        "demo", {"1.0": make_sdist(requires=["other<2"]), "2.0": make_sdist(version="2.0", requires=["other>=2"])}
    )
    index.put_sdists("other", {}, wheels=["1.0", "2.0"])
    build = make(*DEMO, "other==1.0")
    assert (build.status, build.reason) == (Status.SUCCEEDED, ""), said(build)
    assert packages(build) == {"demo": ("1.0", True), "other": ("1.0", False)}


def test_one_line_may_name_several(index, make):
    index.put_sdists("demo", {"1.0": make_sdist(requires=["other"])}, wheels=["1.0"])
    index.put_sdists("other", {"2.0": make_sdist("other", "2.0")}, wheels=["2.0"])
    build = make("--no-binary other,demo", "demo")
    assert (build.status, build.reason) == (Status.SUCCEEDED, ""), said(build)
    assert packages(build) == {"demo": ("1.0", True), "other": ("2.0", True)}


def test_what_another_package_needs_may_be_named_too_and_extras_count(index, make):
    index.put_wheels("top", "1.0", requires=["demo[more]"])
    needs = ["other ; extra == 'more'\nProvides-Extra: more"]
    index.put_sdists("demo", {"1.0": make_sdist(requires=needs)})
    index.put_wheels("other", "1.0")
    build = make("--no-binary demo", "top")
    assert (build.status, build.reason) == (Status.SUCCEEDED, ""), said(build)
    assert packages(build) == {"demo": ("1.0", True), "other": ("1.0", False), "top": ("1.0", False)}


def test_what_builds_a_package_is_fetched_as_wheels_and_is_not_in_the_lock(index, make):
    index.put_wheels("helper", "1.0")
    index.put_wheels("late", "1.0")
    asked = "import helper\nprint('helper is here')"
    index.put_sdists(
        "demo",
        {"1.0": make_sdist(asked=asked, built="import helper, late", build_requires=["helper"], more=["late>=1"])},
    )
    build = make(*DEMO)
    assert (build.status, build.reason) == (Status.SUCCEEDED, ""), said(build)
    assert packages(build) == {"demo": ("1.0", True)}
    assert "helper is here" in said(build)
    assert "Fetching what builds demo 1.0: helper, late>=1\n" in said(build)


def test_what_builds_a_package_and_has_no_wheel_is_named_with_the_package(index, make):
    index.put_sdists("helper", {"1.0": make_sdist("helper", built="raise OSError('never')")})
    index.put_sdists("demo", {"1.0": make_sdist(build_requires=["helper"])})
    build = make(*DEMO)
    assert build.failure == Failure.NO_WHEEL
    assert build.reason.endswith("It is needed to build demo 1.0.")


@pytest.mark.parametrize(
    "line", ["x @ file:///etc/passwd", "x @ https://example.org/x.whl", "--index-url https://x", "a b"]
)
def test_what_builds_a_package_comes_from_an_index_alone(build_of, line):
    for sdist in (make_sdist(build_requires=[line]), make_sdist(more=[line])):
        build = build_of(sdist)
        assert build.failure == Failure.SOURCE
        assert "which it needs for that, is taken from no index." in build.reason


def test_the_wheel_is_kept_and_a_rebuild_runs_no_code_again(index, make, editor):
    index.put_sdists("demo", {"1.0": make_sdist(built="print('code', 'ran')")})
    build = make(*DEMO)
    assert said(build).count("code ran") == 1
    again = run(keeping.rebuild(build, editor))
    assert (again.status, again.reason) == (Status.SUCCEEDED, ""), said(again)
    assert "Taking the wheel that was built from the source of demo 1.0 before\n" in said(again)
    assert "code ran" not in said(again)


def test_a_rebuild_fetches_the_very_source_of_the_lock_or_fails(index, make, editor):
    index.put_sdists("demo", {"1.0": make_sdist()})
    build = make(*DEMO)
    for folder in caches.built().iterdir():
        (folder / "demo-1.0-py3-none-any.whl").unlink()
    kind, data = index.pages["/files/demo-1.0.tar.gz"]
    index.pages["/files/demo-1.0.tar.gz"] = (kind, data[:-1] + bytes([data[-1] ^ 1]))
    again = run(keeping.rebuild(build, editor))
    assert again.failure == Failure.HASH_MISMATCH
    assert again.reason == "demo==1.0 is not the file that was locked: its hash is another."


def test_another_index_has_a_cache_of_its_own(index, make):
    index.put_sdists("demo", {"1.0": make_sdist()})
    make(*DEMO)
    build = make(*DEMO, f"--extra-index-url {index.url}simple/")
    assert "Building demo 1.0 from source" in said(build)


def test_without_the_sandbox_the_build_fails_at_once_and_editor_and_preview_say_so_before(
    index, make, settings, wanted, found_pythons
):
    settings.SANDBOX = "off"
    index.put_sdists("demo", {"1.0": make_sdist(built="print('HAD IT')")})
    build = make(*DEMO)
    assert (build.status, build.failure) == (Status.FAILED, Failure.NO_SANDBOX)
    assert build.reason == (
        "“--no-binary demo” has code of packages run while they are built, which is done in the sandbox alone."
        " Builds are not confined: ENVPORTAL_SANDBOX is off."
    )
    assert not index.asked
    assert preview.resolve(wanted(*DEMO, python=HERE), "me").failure.reason == build.reason
    assert Rule.objects.policy().confined is False  # which the editor knows
    Interpreter.objects.report("w", found_pythons, is_confined=True)
    assert Rule.objects.policy().confined is True


def test_nobody_who_types_has_code_run(index, wanted, db, pythons):
    index.put_sdists("demo", {"1.0": make_sdist(built="print('HAD IT')")})
    answer = preview.resolve(wanted(*DEMO, python=HERE), "me")
    assert (answer.failure.failure, answer.needs_build) == (Failure.NOT_BUILDABLE, True)
    assert (
        answer.failure.reason
        == "What is built from source (demo) is resolved by a build only, not while somebody types."
    )
    assert not index.asked


def test_where_conda_brings_the_python_it_is_built_for_that_one(conda, index, make, settings, editor):
    asked = (
        "print('PREFIX', sys.base_prefix, os.path.exists(os.path.join(sys.base_prefix, 'share/zlib-like/note.txt')))"
    )
    index.put_sdists("demo", {"1.0": make_sdist(built=asked)})
    build = make(*DEMO, conda=["zlib-like", "pip"], channels=["team"])
    assert (build.status, build.reason) == (Status.SUCCEEDED, ""), said(build)
    assert {name: is_source for name, (_, is_source) in packages(build).items() if is_source} == {"demo": True}
    assert f"PREFIX {build.pk} True" in said(build)
    assert list((settings.PREFIXES / build.prefix).glob("lib/python3*/site-packages/demo.py"))
    again = run(keeping.rebuild(build, editor))
    assert "Taking the wheel that was built from the source of demo 1.0 before\n" in said(again)


# What is hostile


@pytest.fixture
def listener():
    """A server on loopback, and the paths that were asked of it."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1], asked
        server.shutdown()


NETWORK = (
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/stolen', timeout=5); print('HAD', 'IT')"
)
OUTSIDE = "import socket; socket.create_connection(('192.0.2.1', 80), 5); print('HAD', 'IT')"
READ = "print('HAD', 'IT', len(open({path!r}).read()))"
WRITE = "open({path!r}, 'w').write('x'); print('HAD', 'IT')"
ROOT = "os.setuid(0); print('HAD', 'IT')"
SECRETS = "import json; print('ENV', json.dumps(dict(os.environ)))"
HELD = {
    "asks a server of this machine": (NETWORK, "", "its code wanted the network, which no build has."),
    "asks one outside": (OUTSIDE, "", "its code wanted the network, which no build has."),
    "reads the settings": (READ, "settings", "No such file or directory"),
    "reads passwords": (READ, "shadow", "No such file or directory"),
    "reads another prefix": (READ, "prefix", "No such file or directory"),
    "writes into the system": (WRITE, "system", "its code wanted to do what is held back in the sandbox."),
    "writes beside the portal": (WRITE, "outside", "No such file or directory"),
    "writes into what builds it": (WRITE, "builder", "its code wanted to do what is held back in the sandbox."),
    "becomes root": (ROOT, "", "its code wanted to do what is held back in the sandbox."),
}


@pytest.fixture
def places(settings, tmp_path):
    other = settings.PREFIXES / "other"
    other.mkdir()
    (other / "code.py").write_text("very secret")
    (tmp_path / "outside").mkdir()
    for path in (tmp_path, settings.PREFIXES, other, tmp_path / "outside"):
        path.chmod(0o777)
    return {
        "settings": str(settings.VAR / "settings.env"),
        "shadow": "/etc/shadow",
        "prefix": str(other / "code.py"),
        "system": "/etc/envportal-was-here",
        "outside": str(tmp_path / "outside" / "x"),
        "builder": "",
        "": "",
    }


@pytest.mark.parametrize("hook", ["asked", "built"])
@pytest.mark.parametrize("attempt", HELD)
def test_code_that_attacks_while_it_is_built_is_held_and_the_build_says_so(build_of, listener, places, hook, attempt):
    code, target, words = HELD[attempt]
    path = places[target]
    if target == "builder":
        code = "open(os.path.join(sys.prefix, 'pyvenv.cfg'), 'a').write('x'); print('HAD', 'IT')"
    build = build_of(make_sdist(**{hook: code.format(path=path, port=listener[0])}))
    assert (build.status, build.failure) == (Status.FAILED, Failure.SOURCE), said(build)
    assert build.reason.startswith("demo 1.0 cannot be built: ")
    assert words in build.reason
    assert "HAD IT" not in said(build)
    assert listener[1] == []
    assert build.reason_line


def test_the_same_code_has_its_way_where_nothing_holds_it(listener, places, tmp_path):
    """So that the tests above mean something: outside of a room each of these works, but for being root."""
    for name in ("asks a server of this machine", "reads another prefix", "writes beside the portal"):
        code, target, _ = HELD[name]
        code = code.format(path=places[target], port=listener[0])
        ended = subprocess.run(
            [sys.executable, "-c", f"import os\n{code}"], capture_output=True, text=True, check=False
        )
        assert "HAD IT" in ended.stdout or "HTTP Error 404" in ended.stderr
    assert listener[1] == ["/stolen"]


def test_no_secret_stands_in_the_environment_of_a_build(build_of, settings, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    build = build_of(make_sdist(built=SECRETS))
    assert build.status == Status.SUCCEEDED, said(build)
    (line,) = [line for line in said(build).split("\n") if line.startswith("ENV ")]
    names = {"HOME", "LANG", "NO_COLOR", "PATH", "SOURCE_DATE_EPOCH", "TMPDIR"}
    assert set(json.loads(line[4:])) - {"PWD", "LC_CTYPE", "SHLVL", "OLDPWD", "_"} == names


BOMB = """
import time
while True:
    if not os.fork():
        time.sleep(20)
        os._exit(0)
"""
GREEDY = """
import time
x = bytearray(900_000_000)
time.sleep(20)
"""


def test_a_fork_bomb_meets_its_limit(build_of, monkeypatch):
    few = lambda seconds, memory: process.Limits(seconds, memory * 1_000_000, processes=60)  # noqa: E731
    monkeypatch.setattr(process.Limits, "of", few)
    build = build_of(make_sdist(built=BOMB))
    assert (build.status, build.failure) == (Status.FAILED, Failure.SOURCE), said(build)
    assert "its code wanted more processes than a build may have." in build.reason


def test_code_that_fills_the_memory_is_ended(build_of, settings):
    settings.BUILD_MEMORY = 600
    build = build_of(make_sdist(built=GREEDY))
    assert (build.status, build.failure) == (Status.FAILED, Failure.OUT_OF_MEMORY), said(build)


def test_code_that_does_not_end_is_ended(build_of, settings):
    settings.INSTALL_SECONDS = 4
    build = build_of(make_sdist(built="import time; time.sleep(60)"))
    assert (build.status, build.failure) == (Status.FAILED, Failure.TIMEOUT)
    assert build.reason == "The source build step took longer than its limit of 4 s."


ENDINGS = {
    "made no wheel": ("os._exit(0)", {}, "its build made no wheel."),
    "made a wheel of another": ("", {"says": "other"}, "says inside that it is other 1.0"),
    "made one for elsewhere": (
        "",
        {"tag": "cp38-cp38-win_amd64"},
        "its build made demo-1.0-cp38-cp38-win_amd64.whl, for another machine.",
    ),
    "left a link to a wheel": (
        "os.symlink('/etc/passwd', os.path.join(folder, 'demo-1.0-py3-none-any.whl')); os._exit(0)",
        {},
        "its build left no file demo-1.0-py3-none-any.whl.",
    ),
    "left a pipe": (
        "os.mkfifo(os.path.join(folder, 'demo-1.0-py3-none-any.whl')); os._exit(0)",
        {},
        "its build left no file demo-1.0-py3-none-any.whl.",
    ),
    "left a link to a folder of ours": (
        "os.rmdir(folder); os.symlink({stored!r}, folder); os._exit(0)",
        {},
        "its build made no wheel.",
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_build_that_gives_no_wheel_of_the_package_says_so(build_of, ending, tmp_path):
    code, facts, words = ENDINGS[ending]
    stored = tmp_path / "stored"
    stored.mkdir()
    (stored / "demo-1.0-py3-none-any.whl").write_bytes(make_wheel("demo", "1.0", code="stolen = 1\n"))
    build = build_of(make_sdist(built=code.format(stored=str(stored)) if "{stored" in code else code, **facts))
    assert (build.status, build.failure) == (Status.FAILED, Failure.SOURCE), said(build)
    assert words in build.reason


@pytest.mark.parametrize("code", ["os._exit(0)", "os.symlink('/etc/passwd', '../../requires.json'); os._exit(0)"])
def test_a_build_that_does_not_say_what_it_needs_says_so(build_of, code):
    build = build_of(make_sdist(asked=code))
    assert build.failure == Failure.SOURCE
    assert build.reason == "demo 1.0 cannot be built: its build left no file requires.json."


def test_a_damaged_archive_is_named(build_of):
    build = build_of(b"\x1f\x8bno archive")
    assert build.failure == Failure.SOURCE, said(build)
    assert build.reason.startswith("demo 1.0 cannot be built: its archive is damaged, or its pyproject.toml: ")


def test_no_code_runs_beside_the_network(build_of, monkeypatch):
    rooms, run = [], process.run

    def note(command, **kwargs):
        rooms.append(
            ([part for part in command if part.endswith(("sdist_build.py", "sdist_fetch.py"))], kwargs["room"])
        )
        return run(command, **kwargs)

    monkeypatch.setattr(process, "run", note)
    assert build_of(make_sdist()).status == Status.SUCCEEDED
    runs_code = [room for parts, room in rooms if parts and parts[0].endswith("sdist_build.py")]
    assert [(room.network, room.uid == sandbox.TOOLS, len(room.writes)) for room in runs_code] == [
        (False, False, 1)
    ] * 2
    assert all(not any("cache" in str(path) for path in room.writes) for room in runs_code)


# Errors of a build, with the compiler and setuptools of this machine and of the real index


@pytest.fixture
def legacy(index, make, settings):
    """Build a package that has a setup.py alone; setuptools comes from the real index."""

    def legacy(setup, **files):
        index.put_sdists("demo", {"1.0": make_setup(setup=setup, **files)})
        own = f"--extra-index-url {settings.INDEX_URL}"
        settings.INDEX_URL = ""
        return make(own, *DEMO)

    return legacy


def test_a_setup_py_builds_as_it_always_did(legacy):
    build = legacy("")
    assert (build.status, build.reason) == (Status.SUCCEEDED, ""), said(build)


C = '#include <Python.h>\n{more}\nPyMODINIT_FUNC PyInit_fast(void) {{ static struct PyModuleDef d = {{PyModuleDef_HEAD_INIT, "fast"}}; return PyModule_Create(&d); }}\n'
EXTENSION = "setup(name='demo', version='1.0', py_modules=['demo'], ext_modules=[Extension('fast', ['fast.c'])])"


def test_a_missing_header_is_a_compile_error_with_its_line(legacy):
    build = legacy(EXTENSION, **{"fast.c": C.format(more="#include <no_such_header.h>")})
    assert build.failure == Failure.COMPILE, said(build)
    assert "no_such_header.h" in build.reason


def test_a_missing_compiler_is_named(legacy):
    build = legacy(f"import os; os.environ['CC'] = 'no-such-cc'\n{EXTENSION}", **{"fast.c": C.format(more="")})
    assert build.failure == Failure.COMMAND, said(build)
    assert build.reason == "The command no-such-cc is not there."


def test_a_module_that_setup_py_needs_and_does_not_name_is_told(legacy):
    build = legacy("import numpy\nsetup(name='demo')")
    assert build.failure == Failure.MODULE
    assert build.reason == (
        "demo 1.0 cannot be built: that needs the Python module numpy, which it does not name among what builds it."
    )


# What is made of such a lock


def test_every_file_of_the_lock_says_that_it_is_source(build_of, api, editor):
    build = build_of(make_sdist())
    client = api(editor)

    def file(name):
        return client.get(reverse("api-build-lock-file", args=[build.pk, name])).content.decode()

    sha256 = build.lock.packages.get().sha256
    assert f'sdist = {{ url = "{build.lock.packages.get().url}"' in file("pylock.toml")
    assert "--no-binary demo\n" in file("requirements.txt")
    assert f"demo==1.0 --hash=sha256:{sha256}\n" in file("requirements.txt")
    assert "--no-binary demo" in file("environment.yml")
    text, _ = pack.documents(build)["Dockerfile"]
    assert "--only-binary :all: --require-hashes --no-binary demo" in text
    assert "# Built from source here" in text
    assert '"type": "source-distribution"' in pack.documents(build)["sbom.cdx.json"][0]
    told = client.get(reverse("api-build", args=[build.pk])).json()["packages"]
    assert [(package["name"], package["is_source"]) for package in told] == [("demo", True)]


def test_the_page_of_the_lock_says_that_it_is_source(build_of, client, editor):
    build = build_of(make_sdist())
    client.force_login(editor)
    assert "pip, built from source" in client.get(build.lock.get_absolute_url()).content.decode()


# The child that fetches


def test_what_builds_a_package_is_read_from_the_top_of_its_archive_alone(tmp_path):
    inner = {"vendored/pyproject.toml": '[build-system]\nrequires = ["evil"]\n', "setup.py": ""}
    (tmp_path / "demo-1.0.tar.gz").write_bytes(sdist_maker.pack("demo-1.0", inner))
    assert sdist_fetch.build_system(str(tmp_path / "demo-1.0.tar.gz")) == sdist_fetch.LEGACY


def test_user_and_password_of_an_address_become_a_header():
    assert sdist_fetch.split_user("https://me:a%40b@h.org/x") == ("https://h.org/x", "Basic bWU6YUBi")
    assert sdist_fetch.split_user("https://h.org/x") == ("https://h.org/x", "")
