"""The commands we give to uv, and the environment it runs in."""

import json
import os
import platform
import re
import sys
from glob import glob
from pathlib import Path
from urllib.parse import unquote

from django.conf import settings
from uv import find_uv_bin

from . import sandbox
from .lock import GLIBC

# Of the worker's own environment a tool sees only what it needs to reach the index.
PASSED_ON = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
OLDEST_PYTHON = (3, 8)
TARGETS = ("linux-64", "linux-aarch64")  # can be locked on any machine


def this_platform():
    """The platform of this machine as conda names it: linux-64, linux-aarch64, osx-arm64 …"""
    system = {"linux": "linux", "darwin": "osx"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    known = {"x86_64": "64", "amd64": "64", "aarch64": "aarch64" if system == "linux" else "arm64"}
    return f"{system}-{known.get(machine, machine)}"


def bare_environ(home):
    """The whole environment of a process that needs no index. `home` is a folder of its own."""
    return {
        "PATH": os.pathsep.join([*python_folders(), "/usr/bin", "/bin"]),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
    }


def proxied_environ(home):
    """The whole environment of a process that fetches from outside."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | bare_environ(home)


def certificates():
    """The paths of PASSED_ON that uv reads."""
    paths = (Path(os.environ[name]) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name))
    return tuple(path for path in paths if path.exists())


def cache():
    """The folder of uv's cache. Inside of rooms its owner is another, so that it is another, too."""
    return settings.CACHE / ("uv-confined" if sandbox.is_on() else "uv")


def proxies():
    """Addresses through which tools reach the outside; passwords may stand in them."""
    return [value for name, value in proxied_environ("").items() if name.lower().endswith("_proxy")]


def environ(home):
    """The whole environment of uv."""
    variables = proxied_environ(home) | {
        "UV_CACHE_DIR": str(cache()),
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_SYSTEM_CERTS": "1",
        "UV_HTTP_TIMEOUT": "30",
        # A prefix that user code runs in must not share files with the cache.
        "UV_LINK_MODE": "copy",
        "UV_PREVIEW_FEATURES": "pylock",
    }
    if settings.INDEX_URL:
        variables["UV_DEFAULT_INDEX"] = settings.INDEX_URL
    return variables


# What public indexes say of their answers. Of an index that says nothing uv asks for every page again each time.
HOLDS = 'cache-control = { api = "max-age=600", files = "max-age=600" }'


def holding(variables, folder):
    """The environment of a uv for which what the settings' index said in the last ten minutes holds.

    That is said in a file in its `folder`. uv keeps it with the answers, so that without it they hold, too, unless it
    is told to `--refresh`.
    """
    file = folder / "uv.toml"
    file.touch(0o600)  # a password may stand in the address
    file.write_text(f"[[index]]\nurl = {json.dumps(settings.INDEX_URL)}\ndefault = true\n{HOLDS}\n")
    others = {name: value for name, value in variables.items() if name not in ("UV_NO_CONFIG", "UV_DEFAULT_INDEX")}
    return others | {"UV_CONFIG_FILE": file.name}


def python_folders():
    """Folders that may hold interpreters: those of PATH, and those of the setting."""
    more = [folder for pattern in settings.PYTHON_FOLDERS for folder in sorted(glob(os.path.expanduser(pattern)))]
    own = str(Path(sys.base_prefix) / "bin")
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    # Shims only pretend to be interpreters.
    return [folder for folder in dict.fromkeys([own, *more, *path]) if folder and "shims" not in folder]


def list_pythons():
    return [find_uv_bin(), "python", "list", "--only-installed", "--output-format", "json"]


def read_pythons(text):
    """Return {version: path} of the CPythons that a build can use, from the answer of `list_pythons`."""
    found = {}
    for entry in json.loads(text):
        parts = entry["version_parts"]
        plain = entry["implementation"] == "cpython" and entry["variant"] == "default"
        released = entry["version"].replace(".", "").isdigit()
        if plain and released and (parts["major"], parts["minor"]) >= OLDEST_PYTHON:
            found.setdefault(entry["version"], entry["path"])
    return found


# How uv calls the options that a definition may have.
OPTIONS = {
    "--index-url": "--default-index",
    "--extra-index-url": "--index",
    "--find-links": "--find-links",
    "--no-binary": "--no-binary",
}


def compile_lock(requirements, lock, python, target, options=(), constraints=""):
    """Resolve a requirements file of ours into pylock.toml. `python` is a full version, `options` are PipOptions."""
    more = ["--format", "pylock.toml", "--generate-hashes"]
    return _compile(requirements, lock, python, target, options, constraints) + more


def explain_lock(requirements, reasons, python, target, options=(), constraints=""):
    """Resolve the same again into a requirements file that says who needs what, and which index has it."""
    more = ["--format", "requirements.txt", "--annotation-style", "split", "--emit-index-annotation"]
    return _compile(requirements, reasons, python, target, options, constraints) + more


def _compile(requirements, output, python, target, options, constraints):
    command = [find_uv_bin(), "pip", "compile", requirements, "--output-file", output]
    command += ["--python-version", python, "--only-binary", ":all:", "--no-header", "--quiet"]
    if constraints:
        command += ["--constraints", constraints]
    if target in TARGETS:
        machine = "x86_64" if target == "linux-64" else "aarch64"
        command += ["--python-platform", f"{machine}-manylinux_2_{GLIBC}"]
    for option in options:
        values = option.from_source or [option.value]
        for value in values if option.value else ():
            command += [OPTIONS[option.name], value]
        command += [] if option.value else ["--prerelease", "allow"]
    return command


def make_prefix(prefix, interpreter):
    return [find_uv_bin(), "venv", "--quiet", "--allow-existing", "--no-project", "--python", interpreter, prefix]


def sync(prefix, lock, offline=True):
    """Install, `offline` from the cache alone: then a package that is not there ends with NOT_IN_CACHE."""
    command = [find_uv_bin(), "pip", "sync", "--require-hashes", "--only-binary", ":all:", "--strict"]
    command += ["--offline"] if offline else []
    return [*command, "--python", f"{prefix}/bin/python", lock]


# Of packages that the index has. For those that it has not it is asked each time.
NO_SOLUTION = r"(?s)No solution found(?!.*was not found in the package registry)"
NOT_IN_CACHE = "[Nn]etwork (connectivity is|was) disabled"


def fetch(prefix, lock, folder):
    """Fetch into the cache what is not there, which uv has no command for: links to it are installed in `folder`."""
    command = [find_uv_bin(), "pip", "sync", "--require-hashes", "--only-binary", ":all:", "--link-mode", "symlink"]
    return [*command, "--python", f"{prefix}/bin/python", "--target", folder, lock]


class FetchNotes:
    """Takes out of uv's output, in bytes, what it notes for us while it fetches: the files that it had not."""

    ENVIRON = {"RUST_LOG": "uv_client=debug,uv_installer=debug"}

    def __init__(self):
        self.filenames, self.missing = set(), 0
        self.output = None  # what is called with the rest
        self._line = b""

    def write(self, data):
        *lines, self._line = (self._line + data).split(b"\n")
        shown = b"".join(line + b"\n" for line in lines if not self._is_note(line))
        if shown:
            self.output(shown)

    def flush(self):
        if self._line:
            self.output(self._line)
        self._line = b""

    def _is_note(self, line):
        if re.match(rb"DEBUG (No cache entry for|Found modified response for): ", line):
            self.filenames.add(unquote(line.decode("utf-8", "replace").rsplit("/", 1)[-1].strip()))
        self.missing += line.startswith(b"DEBUG Identified uncached distribution: ")
        return line.startswith((b"DEBUG ", b"TRACE ", b"Using ", b"Installed ", b" + "))


WITHOUT_CACHE = {"UV_NO_CACHE": "1", "UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never"}


def add(prefix, lock):
    """Install a lock beside what conda installed, which stays; from the cache alone, as `sync` does."""
    command = [
        find_uv_bin(),
        "pip",
        "install",
        "--offline",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--no-deps",
        "--strict",
    ]
    # Some Pythons of conda say that nobody but conda may add to them; this prefix is ours.
    return [*command, "--break-system-packages", "--python", f"{prefix}/bin/python", "-r", lock]


def check(prefix):
    return [find_uv_bin(), "pip", "check", "--python", f"{prefix}/bin/python"]


def prune():
    """Remove from the cache what nothing in it refers to. It waits for other uvs that use it."""
    return [find_uv_bin(), "cache", "prune", "--quiet"]
