"""Pack an installed prefix into a .tar.zst that can be unpacked anywhere. A process of its own, because it takes long.

    python -I archive_child.py PREFIX ARCHIVE ANSWER_FILE

The same prefix gives the same bytes: names in order, no owner, one time for all files. What stands in it of the place
where it was installed becomes TARGET, where it works as it is; elsewhere `bin/env-unpack` of the archive puts the new
place there. Links are packed, never followed. Says on its output how far it is, as `BYTES OF_BYTES` in lines, and
last in ANSWER_FILE {"sha256", "size"}. Runs no code of the packages.
"""

import hashlib
import io
import json
import os
import re
import stat
import sys
import tarfile
import time
from pathlib import Path

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TOP = "env"  # the folder in the archive
TARGET = f"/opt/{TOP}"
LEVEL = 3
WORKERS = 2  # one and two write the same bytes, none writes others
MOMENT = 315_532_800  # 1980, as in wheels
SAY = 0.3  # seconds
PIECE = 4_000_000  # bytes
OURS = ".unpack"  # folder of what bin/env-unpack needs
UNPACK_SH, UNPACK_PY = (Path(__file__).with_name(name) for name in ("unpack.sh", "unpack.py"))
# A script that runs with the Python beside it, wherever both stand.
RELATIVE = b"""#!/bin/sh\n'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python' "$0" "$@"\n' '''\n"""


class Counted:
    """A file that counts and hashes what is written."""

    def __init__(self, file):
        self.file, self.size, self.digest = file, 0, hashlib.sha256()

    def write(self, data):
        self.size += len(data)
        self.digest.update(data)
        return self.file.write(data)

    def flush(self):
        self.file.flush()


class Packer:
    def __init__(self, prefix, tar):
        self.prefix, self.tar = prefix, tar
        self.place = os.fsencode(prefix)
        self.moved = {"text": [], "binary": []}  # files that say where they stand
        self.done, self.total, self.said = 0, 0, 0.0

    def pack(self):
        paths = list(walk(self.prefix))
        self.total = sum(stats.st_size for _, stats in paths)
        for name, stats in paths:
            self.add(name, stats)
            self.done += stats.st_size
            self.say()
        self.add_data(f"{OURS}/unpack.py", UNPACK_PY.read_bytes())
        self.add_data(f"{OURS}/moved.json", json.dumps({"place": TARGET} | self.moved, indent=1).encode())
        self.add_data("bin/env-unpack", UNPACK_SH.read_bytes(), 0o755)

    def say(self):
        if time.monotonic() - self.said >= SAY:
            self.said = time.monotonic()
            print(self.done, self.total, flush=True)

    def add(self, name, stats):
        path = os.path.join(self.prefix, name)
        if stat.S_ISLNK(stats.st_mode):
            self.tar.addfile(entry(name, tarfile.SYMTYPE, linkname=self.link_of(path)))
        elif stat.S_ISDIR(stats.st_mode):
            self.tar.addfile(entry(name, tarfile.DIRTYPE, 0o755))
        elif stat.S_ISREG(stats.st_mode):
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                self.add_file(name, file, stats)

    def link_of(self, path):
        """A link to something in the prefix stays one, wherever that is."""
        to = os.readlink(path)
        return os.path.relpath(to, os.path.dirname(path)) if to.startswith(f"{self.prefix}/") else to

    def add_file(self, name, file, stats):
        mode = 0o755 if stats.st_mode & 0o100 else 0o644
        if not says(file, self.place) and not name.endswith(".pyc"):
            file.seek(0)
            info = entry(name, tarfile.REGTYPE, mode)
            info.size = stats.st_size
            self.tar.addfile(info, file)
            return
        file.seek(0)
        data = file.read()
        if name.endswith(".pyc"):
            if self.place not in data:  # else Python makes it anew
                self.add_data(name, dated(data), mode)
        else:
            self.add_data(name, self.moved_to_target(name, data), mode)

    def moved_to_target(self, name, data):
        data = relative_script(data, re.escape(self.place))
        if self.place not in data:
            return data
        kind = "binary" if b"\0" in data else "text"
        self.moved[kind].append(name)
        target = TARGET.encode()
        return data.replace(self.place, target) if kind == "text" else put_into_binary(data, self.place, target)

    def add_data(self, name, data, mode=0o644):
        info = entry(name, tarfile.REGTYPE, mode)
        info.size = len(data)
        self.tar.addfile(info, io.BytesIO(data))


def walk(prefix):
    """Yield (name, stats) of everything below, in order."""
    for here, folders, files in os.walk(prefix):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = os.path.join(here, name)
            yield os.path.relpath(path, prefix), os.lstat(path)


def entry(name, kind, mode=0o777, linkname=""):
    info = tarfile.TarInfo(f"{TOP}/{name}")
    info.type, info.mode, info.linkname, info.mtime = kind, mode, linkname, MOMENT
    return info


def says(file, words):
    """Whether the words stand in a file, a piece of which is in memory at a time."""
    tail = b""
    while data := file.read(PIECE):
        if words in tail + data:
            return True
        tail = data[-len(words) :]
    return False


def put_into_binary(data, old, new):
    """Write another, shorter place into strings that end with a NUL; what is saved becomes NULs, as installers do."""

    def shortened(match):
        text = match[0].replace(old, new)
        return text + b"\0" * (len(match[0]) - len(text))

    return re.sub(re.escape(old) + rb"[^\0]*\0", shortened, data)


def relative_script(data, place):
    """A script that names the Python of its prefix finds it beside itself; any other data is as it was."""
    name = rb"/bin/python[0-9.]*"
    first = rb"#!" + place + name + rb"\n"
    shell = rb"#!/bin/sh\n'''exec' [\"']?" + place + name + rb"[\"']? \"\$0\" \"\$@\"\n' '''\n"
    match = re.match(first + rb"|" + shell, data)
    return RELATIVE + data[match.end() :] if match else data


def dated(data):
    """Bytecode says how old its source was, which is MOMENT now."""
    by_time = data[4:8] == b"\0\0\0\0"
    return data[:8] + MOMENT.to_bytes(4, "little") + data[12:] if by_time and len(data) > 16 else data


def main(prefix, archive, answer):
    os.nice(10)  # builds go first
    options = {
        zstd.CompressionParameter.compression_level: LEVEL,
        zstd.CompressionParameter.nb_workers: WORKERS,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    with open(archive, "wb") as file:
        counted = Counted(file)
        form = {"mode": "w|", "format": tarfile.PAX_FORMAT, "bufsize": PIECE}
        with zstd.ZstdFile(counted, "w", options=options) as packed, tarfile.open(fileobj=packed, **form) as tar:
            Packer(prefix, tar).pack()
    with open(answer, "w") as file:
        json.dump({"sha256": counted.digest.hexdigest(), "size": counted.size}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
