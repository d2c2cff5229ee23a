"""Fetch one source distribution, every byte of it checked, and say what builds it. A process of its own, which runs
no code of the package.

    python -I sdist_fetch.py QUESTION ANSWER

The question is JSON: {"name", "label" (what it is called where it cannot be built), "url", "sha256", "size" (0 where unknown), "path" (where to), "authorization" (a header,
or empty)}. The answer is {"size" (bytes), "requires" (list of requirements), "backend", "backend_path"} as its
pyproject.toml says it, or what stands in for one (PEP 517, PEP 518). What goes wrong is said in the words of uv, which
`signs.py` knows.
"""

import base64
import hashlib
import http.client
import json
import sys
import tarfile
import time
import tomllib
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

MOST = 2_000_000_000  # bytes of an archive
LONGEST = 1_000_000  # bytes of a pyproject.toml
SILENCE, TRIES, PAUSE = 30, 3, 1  # seconds that the other side may say nothing; tries; seconds between
PIECE = 256 * 1024  # bytes
LEGACY = {"requires": ["setuptools>=40.8.0"], "backend": "setuptools.build_meta:__legacy__", "backend_path": []}


class Fault(Exception):
    """It cannot be had. The argument says why."""


def fetch(question):
    """Write the archive to its path. Return how many bytes it has."""
    for left in reversed(range(TRIES)):
        try:
            return receive(question)
        except urllib.error.HTTPError as fault:
            if fault.code < 500 or not left:
                kind = "client" if fault.code < 500 else "server"
                said = (
                    f"HTTP status {kind} error ({fault.code} {fault.reason}) for url ({without_user(question['url'])})"
                )
                raise Fault(said) from None
        except (OSError, http.client.HTTPException) as fault:
            if not left:
                raise Fault(f"error sending request for url ({without_user(question['url'])}): {fault}") from None
        time.sleep(PAUSE)
    return 0


def receive(question):
    address, user = split_user(question["url"])
    request = urllib.request.Request(address, headers={"User-Agent": "envportal", "Accept-Encoding": "identity"})  # noqa: S310
    if authorization := user or question["authorization"]:
        request.add_unredirected_header("Authorization", authorization)  # not to whoever we are sent on to
    digest, size = hashlib.sha256(), 0
    with urllib.request.urlopen(request, timeout=SILENCE) as answer, open(question["path"], "wb") as file:  # noqa: S310
        while piece := answer.read(PIECE):
            size += len(piece)
            if size > (question["size"] or MOST):
                raise Fault(f"Hash mismatch for `{question['name']}`: it has more bytes than it should")
            digest.update(piece)
            file.write(piece)
    if digest.hexdigest() != question["sha256"]:
        raise Fault(f"Hash mismatch for `{question['name']}`")
    return size


def split_user(url):
    """Return (the address without user and password, the header that says them or empty)."""
    user = urlsplit(url).netloc.rpartition("@")[0]
    said = base64.b64encode(unquote(user).encode()).decode()
    return without_user(url), f"Basic {said}" if user else ""


def without_user(url):
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def build_system(archive):
    """Return what a source distribution says of its build."""
    text = read_member(archive, "pyproject.toml")
    said = tomllib.loads(text.decode()).get("build-system") if text is not None else None
    if said is None:
        return LEGACY
    backend = said.get("build-backend", LEGACY["backend"])
    return {"requires": said["requires"], "backend": backend, "backend_path": said.get("backend-path", [])}


def read_member(archive, name):
    """Return the bytes of a file that stands at the top of the one folder of an archive; None where there is none."""
    if archive.endswith(".zip"):
        with zipfile.ZipFile(archive) as packed:
            found = next((entry for entry in packed.infolist() if is_at_top(entry.filename, name)), None)
            return found and packed.open(found).read(LONGEST)
    with tarfile.open(archive) as packed:
        for member in packed:
            if member.isfile() and is_at_top(member.name, name):
                return packed.extractfile(member).read(LONGEST)
    return None


def is_at_top(path, name):
    parts = path.removeprefix("./").split("/")
    return len(parts) == 2 and parts[1] == name


def main(question, answer):
    question = json.loads(Path(question).read_text())
    try:
        size = fetch(question)
        system = build_system(question["path"])
    except Fault as fault:
        sys.exit(f"error: {fault}")
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, KeyError, ValueError, AttributeError) as fault:
        reason = " ".join(str(fault).split())
        sys.exit(f"{question['label']} cannot be built: its archive is damaged, or its pyproject.toml: {reason}")
    Path(answer).write_text(json.dumps({"size": size, **system}))


if __name__ == "__main__":
    main(*sys.argv[1:])
