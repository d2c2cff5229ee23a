"""What a child process of a build may see of this machine: a room of bubblewrap's, where that works (Linux).

A room has programs and libraries of the system, and what its Room names; all of that at the same paths as outside, so
that logs and shebangs are right. It has processes, /tmp, /dev and /proc of its own, no capabilities, and ends with
whoever made it. Where we are root its user is another; otherwise it is a user namespace of ours.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from . import process

# Users without a name, of the range that systemd gives to services for as long as they run.
TOOLS, FIRST_GUEST, GUESTS = 61_184, 61_185, 4_000

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
# Of /etc only what programs need to run and to reach the outside. No passwords, no keys.
ETC = (
    *("alternatives", "ca-certificates", "fonts", "group", "gai.conf", "host.conf", "hosts", "ld.so.cache"),
    *("ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "passwd", "pki", "protocols"),
    *("resolv.conf", "services", "ssl", "timezone"),
)
OF_A_PYTHON = ("bin", "etc", "include", "lib", "lib64", "share", "ssl")
SHARED_MEMORY, TEMPORARY = 256_000_000, 512_000_000  # bytes of /dev/shm and /tmp


@dataclass(frozen=True)
class Room:
    """What can be read, what can be written, who is in it (when we are root), and whether the network is there, too."""

    reads: tuple = ()
    writes: tuple = ()
    network: bool = False
    uid: int = TOOLS

    def enter(self, command, cwd):
        """Return the command that runs `command` in the folder `cwd` of this room."""
        inside = ["--chdir", str(cwd), "--"]
        if os.geteuid() == 0:
            inside += ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"]
            inside += ["--no-new-privs", "--inh-caps=-all", "--"]
        return [*self._walls(), *self._furniture(cwd), *inside, *command]

    def _walls(self):
        walls = ["bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
        walls += ["--die-with-parent", "--new-session", "--hostname", "build", "--cap-drop", "ALL"]
        walls += [] if self.network else ["--unshare-net"]
        if os.geteuid() == 0:  # setpriv needs these, and loses them when it is another user
            return [*walls, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        return [*walls, "--unshare-user"]

    def _furniture(self, cwd):
        options = [*_system(), "--proc", "/proc", "--dev", "/dev"]
        options += ["--size", str(SHARED_MEMORY), "--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108
        options += ["--size", str(TEMPORARY), "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108
        # What is written inside of something that is only read comes after it.
        shown = [("--ro-bind", path) for path in self.reads if not _is_there(path)]
        shown += [("--bind", path) for path in self.writes]
        # Should the portal stand in a folder of the system's, what it made is covered.
        var = settings.VAR
        options += [*_folders(var.parents), "--perms", "0755", "--tmpfs", str(var)]
        parents = {parent for _, path in shown for parent in Path(path).parents}
        options += _folders((parents | {Path(cwd)}) - {Path(path) for _, path in shown})
        for option, path in shown:
            options += [option, str(path), str(path)]
        return [*options, "--remount-ro", str(settings.VAR), "--remount-ro", "/dev", "--remount-ro", "/"]


def _folders(paths):
    """Make folders that everybody can pass through; bubblewrap makes missing ones for their owner alone."""
    for path in sorted(set(paths) - {Path("/")}):
        yield from ("--perms", "0755", "--dir", str(path))


def _system():
    yield from _folders(parent for path in SYSTEM if os.path.isdir(path) for parent in Path(path).parents)
    for path in SYSTEM:
        if os.path.islink(path):
            yield from ("--symlink", os.readlink(path), path)
        elif os.path.isdir(path):
            yield from ("--ro-bind", path, path)
    yield from _folders([Path("/etc")])
    for name in ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")


def guest(number):
    """The user of a room in which code of packages runs: another one for each of two builds, mostly."""
    return FIRST_GUEST + number % GUESTS


def of_python(interpreter):
    """The paths that an interpreter needs to run, the last word in a chain of links."""
    real = Path(interpreter).resolve()
    links = [Path(interpreter)] if Path(interpreter).is_symlink() else []
    home = real.parent.parent
    paths = [home / name for name in OF_A_PYTHON if (home / name).exists()] if real.parent.name == "bin" else [real]
    return (*links, *paths)


def of_our_python():
    """The paths that our own interpreter needs to run, with the packages that are installed beside us."""
    return (*of_python(sys.executable), Path(sys.prefix))


def _is_there(path):
    """Whether every room has it, as a part of the system and not of the portal."""
    path = Path(path)
    return not path.is_relative_to(settings.VAR) and any(path.is_relative_to(folder) for folder in SYSTEM)


def give(folder, uid):
    """Make a folder and what is in it somebody's, where we may. No link is followed, and nobody else is at it."""
    if os.geteuid() == 0:
        give_itself(folder, uid)
        for _, folders, files, opened in os.fwalk(folder):
            for name in (*folders, *files):
                os.chown(name, uid, uid, dir_fd=opened, follow_symlinks=False)


def give_itself(folder, uid):
    """Make a folder somebody's, but nothing that is in it."""
    if os.geteuid() == 0:
        os.chown(folder, uid, uid, follow_symlinks=False)


def is_on():
    return settings.SANDBOX != "off" and not why_not()


def state():
    """Return (whether builds are confined, a sentence that says so)."""
    if settings.SANDBOX == "off":
        return False, "Builds are not confined: ENVPORTAL_SANDBOX is off."
    if reason := why_not():
        return False, f"Builds are not confined: {reason}"
    return True, "Builds are confined by bubblewrap."


@cache
def why_not():
    """Return the sentence that says why no room can be made here; empty when one was made and held."""
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed."
    secret = Path(settings.BASE_DIR) / "manage.py"
    test = 'test ! -e "$1" && test ! -w / && test ! -w /usr && test "$(id -u)" = "$2" && echo held'
    uid = TOOLS if os.geteuid() == 0 else os.geteuid()
    try:
        said = process.capture(
            ["/bin/sh", "-c", test, "sh", str(secret), str(uid)],
            environ={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
            limits=process.Limits.of(20, 1000),
            room=Room(),
        )
    except OSError as fault:
        told = (getattr(fault.__cause__, "stderr", None) or str(fault).encode()).decode(errors="replace")
        return f"bubblewrap does not work here ({told.strip().splitlines()[-1]})."
    return "" if said == b"held\n" else "what bubblewrap made did not hold."
