"""What conda channels have, asked by a limited child process, and the rule which channels may be asked.

A person types channels, so the portal must not go wherever they point. Asked is a channel that
ENVPORTAL_SUGGEST_CHANNELS lists; `*` in it, the default, stands for every plain name. A plain name is words
with slashes between (conda-forge, conda-forge/label/dev) and nothing else, so it leads below the channel alias
and nowhere besides. An address is asked only if it is listed as it stands, is http or https, and holds no
user, no password, no query. Files are never read.
"""

import json
import re
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from . import caches, process, uv

SCRIPT = Path(__file__).with_name("channel_data.py")
PLATFORMS = ["linux-64", "noarch"]
MEMORY = 1000  # MB; 400,000 records are read in less than 100
LIST_SECONDS = 600
_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_PLAIN = re.compile(rf"{_WORD}(?:/{_WORD}){{0,3}}")


class ChannelFault(Exception):
    """The channel was not read. The argument says why, as the child did."""


def is_name(channel):
    """Whether it is a plain name, which leads below the channel alias and to no file."""
    return bool(_PLAIN.fullmatch(channel))


def may_be_asked(channel):
    if is_name(channel):
        return "*" in settings.SUGGEST_CHANNELS or channel in settings.SUGGEST_CHANNELS
    listed = {listed.rstrip("/") for listed in settings.SUGGEST_CHANNELS}
    return channel.rstrip("/") in listed and _is_clean(channel)


def _is_clean(address):
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[@?#\s]", address)


def address_of(channel):
    """What tells a channel from those of the same name elsewhere."""
    return channel.rstrip("/") if "://" in channel else f"{settings.CHANNEL_ALIAS.rstrip('/')}/{channel}"


def package_names(channel):
    """Return the names of a channel's packages. Raises ChannelFault."""
    return _ask(channel, None, LIST_SECONDS).split("\n")


def package_versions(channel, name, seconds):
    """Return [(version, builds)] of a package in a channel, newest first; none if it is not there."""
    return [(version, builds) for version, builds in json.loads(_ask(channel, name, seconds))]


def forget_older_than(seconds):
    """Remove what was read of channels and not looked at for so long."""
    folder = settings.CACHE / "channels"
    for path in folder.iterdir() if folder.exists() else ():
        if path.is_file() and time.time() - path.stat().st_mtime > seconds:
            path.unlink(missing_ok=True)


def _ask(channel, name, seconds):
    question = {
        "channel": channel,
        "alias": settings.CHANNEL_ALIAS,
        "cache": str(settings.CACHE / "channels"),
        "platforms": PLATFORMS,
        "name": name,
    }
    (settings.CACHE / "channels").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="envportal-") as home:
        answer = Path(home) / "answer"
        command = [sys.executable, "-I", str(SCRIPT), json.dumps(question), str(answer)]
        limits = process.Limits.of(seconds, MEMORY)
        try:
            with caches.in_use():
                process.capture(command, environ=uv.proxied_environ(Path(home)), limits=limits)
            return answer.read_text()
        except OSError as fault:
            raise ChannelFault(_words_of(fault)) from fault


def _words_of(fault):
    said = getattr(fault.__cause__, "stderr", None) or b""
    return said.decode("utf-8", "replace").strip()[:500] or "The channel was not read in time, or in memory."
