"""Every setting with its value, its default, and where the value came from; of secrets only whether they are set."""

import os
from dataclasses import dataclass

from dotenv import dotenv_values

from environments.addresses import redact

from . import settings as module
from .setting_words import GROUPS, SECRET

FILE, ENVIRONMENT, DEFAULT = "settings.env", "environment variable", "default"
PREFIX = "ENVPORTAL_"
# Read by `make run` and `setup`, and not by settings.py.
ELSEWHERE = {"HOST": "127.0.0.1", "PORT": "8000", "ENVPORTAL_ADMIN_PASSWORD": ""}


@dataclass(frozen=True)
class Setting:
    name: str
    group: str
    words: str
    value: str
    default: str
    source: str

    @property
    def is_secret(self):
        return self.name in SECRET

    @property
    def is_default(self):
        return self.source == DEFAULT


def table():
    """All of them, in the order of their groups."""
    kept = _file()
    known = [_setting(name, group, words, kept) for group, some in GROUPS.items() for name, words in some.items()]
    return known + _unknown({setting.name for setting in known}, kept)


def _unknown(known, kept):
    """What looks like a setting of ours and is none: a misspelt one does nothing, and nobody sees that elsewhere."""
    words = "not read: this release has no such setting"
    given = {name: FILE for name in kept if name.startswith(PREFIX)}
    given |= {name: ENVIRONMENT for name in os.environ if name.startswith(PREFIX)}
    return [
        Setting(name, "Not known", words, "not shown", "", source)
        for name, source in sorted(given.items())
        if name not in known
    ]


def row(name):
    return next(setting for setting in table() if setting.name == name)


def _file():
    return dotenv_values(module.VAR / "settings.env")


def _setting(name, group, words, kept):
    source = ENVIRONMENT if name in os.environ else FILE if kept.get(name) is not None else DEFAULT
    given, default = os.environ.get(name, kept.get(name)), _default(name)
    if name in SECRET:
        return Setting(name, group, words, "set" if given else "not set", "", source)
    return Setting(name, group, words, redact(default if given is None else given), default, source)


def _default(name):
    """The default as one would write it."""
    field = module.env._fields.get(name)
    if name == "DATABASE_URL":
        return f"sqlite:///{module.VAR}/envportal.sqlite3"
    default = ELSEWHERE.get(name, "") if field is None else field.load_default
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, list | tuple):
        return ",".join(default)
    if isinstance(default, dict):
        return ",".join(f"{name}={value}" for name, value in default.items())
    return "" if "missing" in repr(default) else str(default)
