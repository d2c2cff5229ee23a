"""Options of a pip requirements file: which are kept, and why others are not. Pure."""

import re
from dataclasses import dataclass

from packaging.utils import canonicalize_name, is_normalized_name

from . import addresses
from .addresses import redact
from .catalogue import found
from .findings import place
from .pip_reasons import is_requirement
from .texts import shorten

_OPTION = re.compile(r"(?P<name>--?[A-Za-z][A-Za-z-]*)(?:\s*=\s*|\s+|$)(?P<value>.*)")
_ALIASES = {
    "-i": "--index-url", "--pypi-url": "--index-url", "-f": "--find-links", "-r": "--requirement",
    "-c": "--constraint", "-e": "--editable",
}  # fmt: skip
INDEXES = ("--index-url", "--extra-index-url", "--find-links")
FROM_SOURCE = "--no-binary"
KEPT = (*INDEXES, "--pre", FROM_SOURCE)
_DROPPED = ("--prefer-binary", "--only-binary", "--require-hashes", "--use-pep517")
_WHY_NOT = {
    "--no-build-isolation": "what is built from source is built alone, with what it says that builds it.",
    "--config-settings": "what is built from source is built as it comes.",
    "--global-option": "what is built from source is built as it comes.",
    "--trusted-host": "certificates are always checked.",
    "--no-deps": "what a package needs is always installed.",
    "--no-index": "the index is a setting of the portal.",
    "--install-option": "what is built from source is built as it comes.",
    "--hash": "a hash follows a requirement, as in name==1.0 --hash=sha256:… with 64 hex digits.",
}
# They belong to the command `pip install`; pip does not take them in a file either.
_OF_COMMAND = (
    "-U", "--upgrade", "-q", "--quiet", "-v", "--verbose", "--user", "--no-cache-dir", "--force-reinstall", "--ignore-installed",
    "-I", "--no-input", "--disable-pip-version-check", "--use-feature", "--use-deprecated", "--timeout", "--default-timeout",
    "--retries", "--proxy", "--progress-bar", "--break-system-packages", "-t", "--target",
)  # fmt: skip
_WHY_NOT |= dict.fromkeys(_OF_COMMAND, "it belongs to the command pip install.")


@dataclass(frozen=True)
class PipOption:
    """An option that is kept: an index, a place with wheels, `--pre`, or names of packages that are built from source."""

    text: str
    name: str
    value: str = ""

    @property
    def canonical(self):
        return f"{self.name} {self.value}".strip()

    @property
    def address(self):
        """Of an index or a place with wheels, else empty."""
        return self.value if self.name in INDEXES else ""

    @property
    def from_source(self):
        """The names of the packages that it has built from source."""
        return tuple(self.value.split(",")) if self.name == FROM_SOURCE else ()


def refuse(code, path, **words):
    """Refuse a line of which one click can rid the definition."""
    return None, [found(code, place(*path), verb="remove" if code in _REMOVABLE else "", path=path, **words)]


def offer(text, reason, instead, path):
    """Refuse a line and offer what was probably meant, if that is known."""
    fix = {"verb": "set", "path": path, "value": instead} if instead else {}
    return None, [found("pip-invalid", place(*path), text=shorten(redact(text)), reason=reason, instead=instead, **fix)]


_REMOVABLE = ("pip-option", "pip-file", "pip-path", "pip-option-dropped")


def split(text):
    """Return (name as pip's long options are called, as it is written, value) of a line that begins with a dash."""
    text = re.sub(r"^-([rcief])(?=[^\s=-])", r"-\1 ", text)  # `-rmore.txt`
    match = _OPTION.fullmatch(text)
    if not match:
        return text.split()[0], text.split()[0], ""
    return _ALIASES.get(match["name"], match["name"]), match["name"], match["value"].strip().strip("\"'")


def read(text, path):
    """Return (PipOption or None, findings) of a line with an option; `--editable` is a requirement and not read here."""
    name, written, value = split(text)
    if name in ("--requirement", "--constraint"):
        return refuse("pip-file", path, option=f"{written} {shorten(redact(value))}".strip())
    if name in ("-U", "--upgrade", "-I", "--user", "--no-cache-dir") and is_requirement(value):
        return offer(text, f"{name} belongs to the command pip install", value, path)
    if name in _DROPPED:
        return refuse("pip-option-dropped", path, option=name)
    if name == "--pre" and not value:
        return PipOption(text, name), []
    if name in INDEXES:
        return _read_index(text, name, value, path)
    if name == FROM_SOURCE:
        return _read_from_source(text, value, path)
    return refuse("pip-option", path, option=shorten(name), reason=_WHY_NOT.get(name, "it is unknown here."))


def _read_index(text, name, value, path):
    if not re.match(r"https?://[^\s/]", value) or " " in value:
        reason = "it needs an address that begins with https://."
        return refuse("pip-option", path, option=f"{name} {shorten(redact(value))}".strip(), reason=reason)
    address, findings = addresses.check(value, path, lambda clean: f"{name} {clean}")
    return (PipOption(text, name, address) if address else None), findings


def _read_from_source(text, value, path):
    """Names of packages alone: who means all of them would run the code of whatever the index gives."""
    names = [name.strip() for name in value.split(",")]
    wrong = next((name for name in names if not is_normalized_name(canonicalize_name(name))), None)
    if wrong is None:
        return PipOption(text, FROM_SOURCE, ",".join(sorted({canonicalize_name(name) for name in names}))), []
    reason = (
        f"{shorten(wrong)} is no name of a package." if wrong else "it needs names of packages, with commas between."
    )
    if wrong in (":all:", ":none:"):
        reason = "name the packages that are to be built from source; all others are installed from wheels."
    return refuse("pip-option", path, option=f"{FROM_SOURCE} {shorten(value)}".strip(), reason=reason)


def behind(text, option, path):
    name = _ALIASES.get(option, option)
    if name in KEPT:
        return found("pip-option-behind", place(*path), option=option, reason="give it a line of its own.")
    if name == "--hash":
        return found("pip-option", place(*path), option=option, reason=_WHY_NOT[name])
    instead = re.split(rf"\s+{option}(?=[\s=]|$)", text)[0]
    fix = {"verb": "set", "path": path, "value": instead, "instead": shorten(redact(instead), 40)}
    reason = _WHY_NOT.get(name, "it is unknown here.")
    return found("pip-option-behind", place(*path), option=option, reason=reason, **fix)
