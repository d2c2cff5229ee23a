"""A small real conda channel, made of what this machine has: the interpreter of the tests, and packages of our own.

It is made once and kept in the folder of everything that running makes; another interpreter or another text
of this module makes another. `served` serves it on loopback.
"""

import hashlib
import platform
import shutil
import sys
import sysconfig
import tempfile
import threading
from base64 import b64encode
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

HERE = "{}.{}".format(*sys.version_info[:2])
TAG = HERE.replace(".", "")
NOT_NEEDED = ("site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3",
              "ensurepip", "__pycache__", "config-*", "EXTERNALLY-MANAGED", "*.a")  # fmt: skip
# Debian's Python looks for packages elsewhere; as a package of conda it must look where others do. Its `site` is
# frozen into the program, so another module has to say it.
LOOK_HERE = f"""\
import os, site, sys
site.addsitedir(os.path.join(sys.prefix, "lib", "python{HERE}", "site-packages"))
"""
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def make(folder):
    """Make the channels `team` and `other` below `folder`."""
    from rattler_build import ArchiveType, assemble_package

    def assemble(name, version, where, build, channel, **more):
        more |= {"timestamp": WHEN, "compression_level": 1, "archive_type": ArchiveType.Conda}
        (channel / where).mkdir(parents=True, exist_ok=True)
        assemble_package(name, version, where, build, channel / where, **more)

    with tempfile.TemporaryDirectory() as scratch:
        _python(assemble, folder / "team", Path(scratch))
        _packages(assemble, folder, Path(scratch))
    _index(folder / "team")
    _index(folder / "other")


def _index(channel):
    import asyncio

    from rattler.index import index_fs

    (channel / "noarch").mkdir(parents=True, exist_ok=True)
    asyncio.run(index_fs(channel, write_zst=True, write_shards=False, force=True))


def _python(assemble, channel, scratch):
    """The interpreter that runs the tests, as a package."""
    root, base = scratch / "python", Path(sys.base_prefix)
    lib = root / "lib" / f"python{HERE}"
    shutil.copytree(sysconfig.get_path("stdlib"), lib, ignore=shutil.ignore_patterns(*NOT_NEEDED))
    if "dist-packages" in (lib / "site.py").read_text():
        (lib / "sitecustomize.py").write_text(LOOK_HERE)
        patched = (
            (lib / "sysconfig.py")
            .read_text()
            .replace("prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'")
        )
        (lib / "sysconfig.py").write_text(patched)
    (lib / "site-packages").mkdir()
    (lib / "site-packages" / "README.txt").write_text("packages\n")
    (root / "bin").mkdir()
    shutil.copy2((base / "bin" / f"python{HERE}").resolve(), root / "bin" / f"python{HERE}")
    for name in ("python", "python3"):
        (root / "bin" / name).symlink_to(f"python{HERE}")
    for shared in base.glob("lib/libpython*.so*"):
        shutil.copy2(shared, root / "lib", follow_symlinks=False)
    assemble(
        "python", platform.python_version(), subdir(), "h_0", channel, files_dir=root, license="PSF-2.0",
        depends=["__unix"],
    )  # fmt: skip
    note = _note(scratch, "python_abi")
    assemble("python_abi", HERE, "noarch", f"8_cp{TAG}", channel, files_dir=note, noarch="generic")


def subdir():
    return {"x86_64": "linux-64", "aarch64": "linux-aarch64"}[platform.machine()]


def _note(scratch, name):
    folder = scratch / f"note-{name}-{len(list(scratch.iterdir()))}"
    (folder / "share" / name).mkdir(parents=True)
    (folder / "share" / name / "note.txt").write_text(f"{name}\n")
    return folder


def _module(scratch, name, version, below="site-packages", requires=(), body=""):
    """An installed pure Python package with its metadata."""
    folder = scratch / f"{name}-{version}-{len(list(scratch.iterdir()))}"
    site, module = folder / below, name.replace("-", "_")
    (site / module).mkdir(parents=True)
    (site / module / "__init__.py").write_text(f'__version__ = "{version}"\n{body}')
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
    (info / "INSTALLER").write_text("conda\n")
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    record = [
        f"{module}/__init__.py,,",
        *(f"{info.name}/{file},," for file in ("METADATA", "INSTALLER", "WHEEL", "RECORD")),
    ]
    (info / "RECORD").write_text("\n".join(record) + "\n")
    return folder


def _packages(assemble, folder, scratch):
    team, other = folder / "team", folder / "other"

    def pure(channel, name, version, depends=(), requires=(), **more):
        files = _module(scratch, name, version, requires=requires)
        needs = [f"python >={HERE},<{HERE}.99", *depends]
        assemble(name, version, "noarch", "py_0", channel, files_dir=files, noarch="python", depends=needs, **more)

    def note(channel, name, version, depends=(), build="h_0", where=None, **more):
        where = where or subdir()
        noarch = {"noarch": "generic"} if where == "noarch" else {}
        assemble(name, version, where, build, channel, files_dir=_note(scratch, name), depends=list(depends), **noarch, **more)  # fmt: skip

    pure(team, "pip", "25.0")
    for version in ("1.0", "2.0"):
        pure(team, "cloudpick", version, license="BSD-3-Clause")
    pure(team, "joblike", "1.6", ["cloudpick >=2.0"], ["cloudpick>=2.0"], license="BSD-3-Clause")
    pure(team, "idna", "3.7", license="BSD-3-Clause")
    pure(team, "urllib3", "1.20", license="MIT")
    pure(team, "oldpick", "0.9", ["cloudpick <2.0"], ["cloudpick<2.0"])
    pure(team, "lonely", "1.0", ["nowhere >=3"])
    # Modules in a package of one platform, as compiled ones are.
    files = _module(scratch, "fastpick", "1.2", f"lib/python{HERE}/site-packages", ["cloudpick"])
    assemble(
        "fastpick", "1.2", subdir(), f"py{TAG}_0", team, files_dir=files, license="MIT",
        depends=[f"python >={HERE},<{HERE}.99", f"python_abi {HERE}.* *_cp{TAG}", "cloudpick", "zlib-like >=1"],
    )  # fmt: skip
    broken = _module(scratch, "broken", "1.0", body="raise RuntimeError('out of order')\n")
    assemble("broken", "1.0", "noarch", "py_0", team, files_dir=broken, noarch="python", depends=[f"python >={HERE}"])
    for version in ("1.2", "1.3"):
        note(team, "zlib-like", version, license="Zlib")
    note(team, "gpu-lib", "12.0", ["__cuda >=12"], "cuda_0")
    note(team, "gpu-lib", "11.0", [], "cpu_0")
    note(team, "needs-cuda", "1.0", ["__cuda >=12"])
    note(team, "new-glibc", "1.0", ["__glibc >=2.99"])
    note(team, "new-glibc", "0.9", ["__glibc >=2.17"])
    note(team, "arm-only", "1.0", where="linux-aarch64")
    note(team, "data", "2026.1", where="noarch")
    for channel, version in ((team, "1.0"), (other, "5.0")):
        note(channel, "both", version)
    note(other, "only-other", "1.0")


def ready(var):
    """Return the folder of the channels, made unless they are there."""
    said = f"{sys.version} {sys.base_prefix}".encode() + Path(__file__).read_bytes()
    folder = var / "cache" / "test-channels" / hashlib.sha256(said).hexdigest()[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder.parent))
        make(fresh)
        try:
            fresh.rename(folder)
        except OSError:  # somebody else was first
            shutil.rmtree(fresh)
    return folder


class Served:
    """Channels on loopback. `faults` maps the end of a path to what is answered instead: a status, or bytes.

    With a `login` (user:password) it wants that one, or the `token` of a path that begins with /t/.
    """

    def __init__(self, port, folder):
        self.url, self.folder, self.faults, self.asked = f"http://127.0.0.1:{port}/", folder, {}, []
        self.login = self.token = None

    def lets_in(self, handler):
        """Whether whoever asks may; of a path with a token the rest is what is asked for."""
        if not self.login:
            return True
        empty, t, token, rest = (*handler.path.split("/", 3), "", "", "")[:4]
        if (empty, t, unquote(token)) == ("", "t", self.token):
            handler.path = f"/{rest}"
            return True
        return handler.headers.get("Authorization") == f"Basic {b64encode(self.login.encode()).decode()}"


@contextmanager
def serve(folder, certificate=None):
    """Serve a folder; with an SSLContext as `certificate` by https."""

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self):
            served.asked.append(self.path)
            if not served.lets_in(self):
                self.send_error(401)
                return
            fault = next((fault for end, fault in served.faults.items() if self.path.endswith(end)), None)
            if callable(fault):
                fault(self)
            elif isinstance(fault, bytes):
                self.send_response(200)
                self.send_header("Content-Length", str(len(fault)))
                self.end_headers()
                self.wfile.write(fault)
            elif fault:
                self.send_error(fault)
            else:
                super().do_GET()

        def log_message(self, *arguments):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, address):
            """Who asked hung up, as many tests want."""

    with Server(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        served = Served(server.server_address[1], folder)
        if certificate:
            server.socket = certificate.wrap_socket(server.socket, server_side=True)
            served.url = served.url.replace("http:", "https:")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield served
        server.shutdown()
        thread.join()
