"""Lines of a pip requirements file, parsed and never handed on as they stand. Pure.

The grammar is PEP 508; the file format is that of pip's requirements files. What each option means here:

* accepted and kept: `--index-url`, `--extra-index-url`, `--find-links` (http and https), `--pre`, `--no-binary` with
  names of packages, which are then built from source, and `--hash` behind a requirement;
* dropped, because every build here does it anyway: `--prefer-binary`, `--only-binary`, `--require-hashes`;
* rewritten: `-e` before a repository;
* refused: other files (`-r`, `-c`), paths, and whatever else changes how pip works.
"""

import contextlib
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from . import addresses, pip_options, wheel_urls
from .addresses import redact
from .catalogue import found
from .findings import place
from .pip_options import offer, refuse
from .pip_reasons import explain, is_requirement
from .texts import shorten, without_comment

LONGEST_LINE = 20_000  # a requirement may carry the hashes of many files
_HASH = re.compile(r"\s--hash[=\s]\s*(?P<algorithm>\w+):(?P<digest>[0-9A-Fa-f]+)(?=\s|$)")
_DIGESTS = {"sha256": 64, "sha384": 96, "sha512": 128}
_VCS = re.compile(r"(?:git|hg|svn|bzr)(?:\+[a-z]+)?(?:://|@)|(?:git|hg|svn|bzr)\+")
_SOURCES = (".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class PipLine:
    """One requirement: the text as written, and what it means.

    `url` is the address it names, or empty; `name` is normalised as PEP 503 says (`Foo_Bar` is `foo-bar`), and
    empty only for a repository that tells none. `hashes` are `algorithm:digest`.
    """

    text: str
    name: str
    requirement: Requirement | None = None
    url: str = ""
    hashes: tuple = ()

    @cached_property
    def canonical(self):
        """The same string for every spelling of the same requirement."""
        return self.from_source(self._source) + "".join(f" --hash={digest}" for digest in self.hashes)

    def from_source(self, source):
        """The requirement written anew on one clean line, with `source` for the address that it names."""
        wanted = self.requirement
        extras = sorted(canonicalize_name(extra) for extra in wanted.extras) if wanted else []
        text = self.name + (f"[{','.join(extras)}]" if extras else "")
        if self.url:
            text = f"{text} @ {source}" if text else source
        else:
            text += ",".join(sorted(str(specifier) for specifier in wanted.specifier))
        return f"{text} ; {wanted.marker}" if wanted and wanted.marker else text

    @property
    def _source(self):
        """The content of a private wheel is what counts, not the address of the portal."""
        return f"wheel:{self.wheel.sha256}/{self.wheel.filename}" if self.wheel else self.url

    @cached_property
    def wheel(self):
        """The private wheel that it names, as a WheelUrl, or None."""
        return wheel_urls.parse(self.url) if self.url else None

    @property
    def is_source(self):
        """Whether it comes as source code from an address of its own, which no build here installs."""
        return bool(self.url) and not urlsplit(self.url).path.endswith(".whl")

    @property
    def constraint(self):
        """What a form shows behind the name: specifiers and marker."""
        return split(self.text)[1]

    @property
    def is_pinned(self):
        if self.url:
            return not _VCS.match(self.url)
        return any(
            specifier.operator in ("==", "===") and not specifier.version.endswith(".*")
            for specifier in self.requirement.specifier
        )


def parse(text, path=()):
    """Return (PipLine, PipOption or None, findings). A blank and a comment give None and no finding."""
    text = without_comment(text)
    if not text:
        return None, []
    if len(text) > LONGEST_LINE:
        return refuse(
            "pip-invalid",
            path,
            text=shorten(redact(text)),
            instead="",
            reason=f"it has more than {LONGEST_LINE:,} characters",
        )
    if "{{" in text or re.match(r"\$\{|\$\(", text):
        return refuse("template-value", path, text=shorten(redact(text)))
    if command := _COMMAND.match(text):
        rest = text[command.end() :]
        reason = "it is a command, and the package alone belongs here"
        return offer(text, reason, rest if is_requirement(rest) else "", path)
    if re.match(r"-\s+\w", text):
        return offer(text, "no dash stands before a package", text[1:].strip(), path)
    if text.startswith("-"):
        name, _, value = pip_options.split(text)
        return _read_editable(value, path) if name == "--editable" else pip_options.read(text, path)
    text, hashes, wrong = _take_hashes(text)
    if wrong:
        return None, [pip_options.behind(text, wrong, path)]
    if _is_address(text):
        return _read_address(text, hashes, path)
    return _read_requirement(text, hashes, path)


_COMMAND = re.compile(r"[!%$]?\s*(?:python3? -m )?(?:pip3?|conda|mamba) install\s+")


def _read_editable(value, path):
    if not _VCS.match(value):
        return refuse("pip-path", path, text=shorten(redact(value)))
    line, findings = _read_address(value, (), path)
    if not line:
        return line, findings
    instead = f"{line.name} @ {_without_egg(value)}" if line.name else value
    again, _ = parse(instead)
    name = line.name or shorten(redact(value))
    return again, [
        found("pip-editable", place(*path), name=name, instead=instead, verb="set", path=path, value=instead),
        *findings,
    ]


def _without_egg(address):
    """The address without the name in it; what else stands there (`subdirectory=`) says where the package lies."""
    address, _, fragment = address.partition("#")
    rest = "&".join(part for part in fragment.split("&") if part and not part.startswith("egg="))
    return f"{address}#{rest}" if rest else address


def _take_hashes(text):
    """Return (text without its hashes, hashes, an option that may not stand there)."""
    if " -" not in text:
        return text, (), ""
    hashes = []
    for match in _HASH.finditer(text):
        if _DIGESTS.get(match["algorithm"].lower()) != len(match["digest"]):
            return text, (), "--hash"
        hashes.append(f"{match['algorithm'].lower()}:{match['digest'].lower()}")
    rest = _HASH.sub("", text).strip()
    option = re.search(r"\s(--[a-z][a-z-]*|-[A-Za-z])(?=[\s=]|$)", rest)
    return rest, tuple(sorted(set(hashes))), option[1] if option else ""


# Addresses


def _is_address(text):
    return bool(
        re.match(
            r"[A-Za-z][A-Za-z+.-]*://|(?:git|hg|svn|bzr)[+@]|file:|\.{0,2}/|~/|[A-Za-z]:\\|\.{1,2}(?:\[|$)|\\\\", text
        )
        or re.match(r"[^\s;@\[]+(?:\.whl|\.zip|\.tar\.gz|\.tgz|\.tar\.bz2)(?:\[[^\]]*\])?(?:\s|$)", text)
        or re.match(r"[^\s;@<>=!~]+/[^\s;@]*$", text)
    )


def _read_address(text, hashes, path, requirement=None):
    """A requirement that says where it comes from. `text` is all of it, perhaps with a marker behind the address."""
    address, *marker = [requirement.url] if requirement else re.split(r"\s+;|;\s+", text, maxsplit=1)
    address = address.strip()
    if requirement and re.match(r"v?\d", address):
        return offer(text, "pip writes == where others write @", re.sub(r"\s*@\s*v?(?=\d)", "==", text), path)
    if not re.match(r"https?://[^\s/]", address) and not _VCS.match(address):
        return _refuse_path(text, requirement, path)
    if re.search(r"\s", address):
        return refuse("pip-invalid", path, text=shorten(redact(text)), instead="", reason="an address has no spaces")
    clean, findings = addresses.check(address, path, lambda clean: text.replace(address, clean))
    if not clean:
        return None, findings
    name = requirement.name if requirement else _name_in(address)
    if requirement and _is_of_another(requirement.name, address):
        reason = f"the address is of {canonicalize_name(_name_in(address))}, not of {canonicalize_name(name)}"
        return refuse("pip-invalid", path, text=shorten(redact(text)), instead="", reason=reason)
    if not name and not _VCS.match(address) and not urlsplit(address).path.endswith(_SOURCES):
        reason = "the address names no wheel and no source archive; write name @ address"
        instead = f"git+{address}" if _REPOSITORY.fullmatch(address) else ""
        return offer(text, "pip writes git+ before the address of a repository" if instead else reason, instead, path)
    if marker:
        return _read_requirement(f"{name} @ {address} ;{marker[0]}", hashes, path)
    line = PipLine(text, canonicalize_name(name) if name else "", requirement, address, hashes)
    if not line.canonical.isprintable():
        return refuse(
            "pip-invalid", path, text=shorten(redact(text)), instead="", reason="it holds characters of no address"
        )
    return line, [*findings, *_say_where_from(line, path)]


_REPOSITORY = re.compile(r"https?://(?:github\.com|gitlab\.com|bitbucket\.org)/[\w.-]+/[\w.-]+/?(?:@\S+)?")


def _refuse_path(text, requirement, path):
    """A path means nothing here. Where it is known whose it is, the index may have the package."""
    if not requirement:
        return refuse("pip-path", path, text=shorten(redact(text)))
    version = ""
    if (filename := unquote(requirement.url.rpartition("/")[2])).endswith(".whl"):
        with contextlib.suppress(InvalidWheelFilename):
            version = f"=={parse_wheel_filename(filename)[1]}"
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    instead = f"{requirement.name}{extras}{version}{marker}"
    fix = {"verb": "set", "path": path, "value": instead}
    return None, [found("pip-path-named", place(*path), name=requirement.name, instead=instead, **fix)]


def _is_of_another(name, address):
    """Whether a wheel or source archive is of another package than the one that is said to come from it."""
    told = _name_in(address)
    return bool(told) and canonicalize_name(told) != canonicalize_name(name)


def _name_in(address):
    """The name that a wheel, a source archive or `#egg=` tells, or empty."""
    parts = urlsplit(address)
    egg = re.search(r"(?:^|&)egg=([A-Za-z0-9][A-Za-z0-9._-]*)", parts.fragment)
    if egg:
        return egg[1]
    filename = unquote(parts.path.rpartition("/")[2])
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[0]
        if filename.endswith((".tar.gz", ".zip")):
            return parse_sdist_filename(filename)[0]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        pass
    return ""


def _say_where_from(line, path):
    where, name = place(*path), line.name or shorten(redact(line.url))
    if line.wheel:
        return []
    if _VCS.match(line.url):
        return [found("pip-vcs", where, name=name)]
    findings = [found("pip-source" if line.is_source else "pip-url", where, name=name)]
    if line.url.startswith("http://"):
        fix = {"verb": "set", "path": path, "value": line.text.replace("http://", "https://", 1)}
        findings.append(found("pip-url-open", where, name=name, scheme="http://", **fix))
    return findings


# Requirements from the index

_TEMPLATE = r"\$\{?[A-Za-z_]"


def _read_requirement(text, hashes, path):
    where = place(*path)
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, RecursionError) as fault:
        reason, instead = explain(
            text, "its marker is nested too deep" if isinstance(fault, RecursionError) else str(fault)
        )
        if not instead and re.search(_TEMPLATE, text):
            return None, [found("template-value", where, text=shorten(redact(text)))]
        return offer(text, reason, instead, path)
    line = PipLine(text, canonicalize_name(requirement.name), requirement, "", hashes)
    if reason := _why_not_clean(line):
        return None, [found("pip-invalid", where, text=shorten(redact(text)), reason=reason, instead="")]
    if requirement.url:
        return _read_address(text, hashes, path, requirement)
    return line, []


def _why_not_clean(line):
    """Say why a requirement that could be read cannot be written for the resolver, or return nothing."""
    for specifier in line.requirement.specifier:
        if specifier.operator == "===" and not _is_version(specifier.version):
            return f"{specifier.version or 'nothing'} is no version"
    if not _has_good_marker(line.requirement):
        return "its marker means nothing here"
    bare = PipLine("", line.name, line.requirement).from_source(line.requirement.url)
    return "" if _is_same_again(bare) else "it holds characters that no requirement has"


def _has_good_marker(requirement):
    try:
        return not requirement.marker or _means_something(requirement.marker)
    except (ValueError, RecursionError):  # a value with both kinds of quotation marks cannot be written anew
        return False


@lru_cache(2000)
def _means_something(marker):
    try:
        marker.evaluate({"extra": ""})
    except (ValueError, KeyError, RecursionError):
        return False
    return True


def _is_same_again(text):
    """Whether what was written anew reads back as itself; plain characters always do."""
    if _PLAIN.fullmatch(text):
        return True
    try:
        again = Requirement(text)
    except (InvalidRequirement, RecursionError):
        return False
    written = PipLine("", canonicalize_name(again.name), again, again.url or "").from_source(again.url)
    return text.isprintable() and written == text


_PLAIN_NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_PLAIN_MARKER = r"[a-z_]+ (?:<=|>=|==|!=|<|>) \"[\w.]+\""
_PLAIN = re.compile(
    rf"{_PLAIN_NAME}(?:\[{_PLAIN_NAME}(?:,{_PLAIN_NAME})*\])?(?:[<>=!~][A-Za-z0-9._+*!<>=~,-]*)?"
    rf"(?: ; {_PLAIN_MARKER}(?: (?:and|or) {_PLAIN_MARKER})*)?"
)


def _is_version(text):
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def split(text):
    """Split a requirement into what a form shows in two fields: name with extras, and the rest."""
    text = text.strip()
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\s*\[[^\]]*\])?(?=\s*(?:[=<>!~;(@]|$))", text)
    return (match[0], text[match.end() :].lstrip()) if match else (text, "")
