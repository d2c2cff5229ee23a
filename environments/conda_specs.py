"""Match specs of conda: what a line among the conda dependencies means. Pure.

Source: conda's documentation of match specifications, and what rattler reads. A spec is one of

    [channel[/subdir]::]name [constraint] [build] [[key=value, …]]
    name=version=build
    https://…/name-version-build.conda[#md5]
"""

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from urllib.parse import unquote, urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from . import addresses
from .addresses import redact
from .catalogue import found
from .findings import place
from .texts import shorten, without_comment

LONGEST = 1000
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?"
_CHANNEL = re.compile(r"https?://[^\s\[\]]+|[A-Za-z0-9_.-][A-Za-z0-9_./-]*")
_HEAD = re.compile(rf"(?P<name>{_NAME})(?P<rest>(?:\s*[=<>!~^(*]|\s+[\d*]).*|)")
_OPERATOR = r"(?:==|>=|<=|!=|~=|=|<|>)"
_VERSION = r"(?:\d+!)?(?:[\w.+-]+\*?|\*)|\^[^\s,|]*\$"
_ATOM = rf"(?:{_OPERATOR}\s*)?(?:{_VERSION})"
_CONSTRAINT = re.compile(rf"\(*\s*{_ATOM}\s*\)*(?:\s*[,|]\s*\(*\s*{_ATOM}\s*\)*)*")
_BUILD = re.compile(r"[\w.*+!^$|-]+")
_EXACT = re.compile(r"(?P<version>={1,2}\s*(?:\d+!)?[^\s=,|<>!~]+)(?:\s*=\s*|\s+)(?P<build>[^\s=,<>!~]+)")
_BRACKETS = re.compile(r"""\s*([\w-]+)\s*=\s*('[^']*'|"[^"]*"|[^\s,'"\[\]]+)\s*(?:,|$)""")
_KNOWN_KEYS = {
    "build", "build_number", "channel", "features", "fn", "license", "license_family", "md5", "name", "sha256",
    "subdir", "track_features", "url", "version",
}  # fmt: skip
_PACKAGE_FILE = re.compile(rf"(?P<name>{_NAME})-(?P<version>[^-]+)-(?P<build>[^-]+)\.(?:conda|tar\.bz2)")
_FOR_PIP = re.compile(
    r"-|(?:git|hg|svn|bzr)\+|\.{0,2}/|\S+\.(?:whl|zip|tar\.gz)(?:#|$)|[^\[\]]*[^\[\]\s]\s*(?:@\s*\w+:|;)"
)


@dataclass(frozen=True)
class CondaSpec:
    """One dependency: the text as written, and what it means.

    `version` is the constraint with its operators, `build` the build string or empty, `url` the address of an
    exact file or empty, `options` the rest of what stands in brackets.
    """

    text: str
    name: str
    version: str = ""
    build: str = ""
    channel: str = ""
    url: str = ""
    options: dict = field(default_factory=dict, hash=False)
    constraint: str = ""  # all behind the name, as a form shows it

    @cached_property
    def canonical(self):
        """The same string for every spelling of the same dependency."""
        if self.url:
            return self.url
        channel = self.channel if "://" in self.channel else self.channel.lower()
        version = "" if re.fullmatch(r"={0,2}\s*\*", self.version) else "".join(self.version.split())
        if not re.search(r"[|()]", version):
            version = ",".join(sorted(set(version.split(","))))
        build, options = "" if self.build == "*" else self.build, dict(self.options)
        if build and not version:
            options["build"], build = build, ""
        text = " ".join(filter(None, [self.name, version, build]))
        inside = ",".join(f"{key}={_quoted(value)}" for key, value in sorted(options.items()))
        return (f"{channel}::" if channel else "") + text + (f"[{inside}]" if inside else "")

    @property
    def is_pinned(self):
        version = self.version.replace(" ", "")
        return bool(self.url) or bool(re.fullmatch(r"={0,2}(?:\d+!)?[^=*|,<>!~]+", version))


def _quoted(value):
    return value if re.fullmatch(r"[\w.*+!^$|/:-]+", value) else f"'{value}'" if "'" not in value else f'"{value}"'


def parse(text, path=()):
    """Return (CondaSpec or None, findings). Without a spec one of the findings is an error."""
    text = without_comment(text)
    if "{{" in text or "${" in text.partition("::")[2] or (text.startswith("${") and "::" not in text):
        return None, [found("template-value", place(*path), text=shorten(redact(text)))]
    if len(text) > LONGEST or not text.isprintable():
        return None, [_invalid(text, path)]
    if _FOR_PIP.match(text):
        fix = {} if text.startswith("-") and not text.startswith("-e") else {"verb": "to-pip", "path": path}
        return None, [found("conda-pip-only", place(*path), text=shorten(redact(text)), **fix)]
    spec = _read(text)
    if not spec:
        return None, [_invalid(text, path)]
    for address in (spec.channel, spec.url):
        clean = addresses.without_credentials(address)
        if clean != address:
            fix = {"verb": "set", "path": path, "value": text.replace(address, clean)}
            return None, [found("credentials", place(*path), **fix)]
    return spec, []


def _read(text):
    channel, _, rest = text.rpartition("::")
    rest = rest.strip()
    if not channel and re.match(r"https?://", text):
        return _read_url(text)
    if channel and not _CHANNEL.fullmatch(channel.strip()):
        return None
    rest, bracket, inside = rest.partition("[")
    options = _read_brackets(inside) if bracket else {}
    match = _HEAD.fullmatch(rest.strip())
    if options is None or not match or not re.search("[A-Za-z_]", match["name"]):
        return None
    parts = _read_constraint(match["rest"].strip())
    if not parts:
        return None
    if any(said and key in options for key, said in (("version", parts[0]), ("build", parts[1]), ("channel", channel))):
        return None
    version = options.pop("version", "") or parts[0]
    build = options.pop("build", "") or parts[1]
    channel = options.pop("channel", "") or channel.strip()
    if (version and not _CONSTRAINT.fullmatch(version)) or (build and not _BUILD.fullmatch(build)):
        return None
    if options.pop("name", match["name"]).lower() != match["name"].lower() or (
        channel and not _CHANNEL.fullmatch(channel)
    ):
        return None
    if "url" in options:
        file = _read_url(options["url"])
        return replace(file, text=text) if file and file.name == match["name"].lower() else None
    constraint = match["rest"].strip() + (f"[{inside}" if bracket else "")
    return CondaSpec(text, match["name"].lower(), version, build, channel, "", options, constraint)


def _read_constraint(text):
    """Return (version, build), or None when this is neither."""
    if not text:
        return "", ""
    if not re.search(r"[\d*=<>!~]", text):  # two words, and not a version behind a name
        return None
    exact = _EXACT.fullmatch(text)
    if exact and _CONSTRAINT.fullmatch(exact["version"]) and _BUILD.fullmatch(exact["build"]):
        return exact["version"], exact["build"]
    if _CONSTRAINT.fullmatch(text):
        return text, ""
    version, _, build = text.rpartition(" ")
    if _CONSTRAINT.fullmatch(version.strip()) and _BUILD.fullmatch(build):
        return version.strip(), build
    return None


def _read_brackets(inside):
    """Return what stands in the brackets, or None when it is no list of key=value."""
    if not inside.endswith("]"):
        return None
    inside, at, options = inside[:-1].strip(), 0, {}
    while at < len(inside):
        match = _BRACKETS.match(inside, at)
        if not match or match[1] not in _KNOWN_KEYS or match[1] in options:
            return None
        options[match[1]] = match[2][1:-1] if match[2][0] in "'\"" else match[2]
        at = match.end()
    return options


def _read_url(text):
    """A package file, as explicit lists name it: `https://…/linux-64/name-version-build.conda#md5`."""
    parts = urlsplit(text)
    match = _PACKAGE_FILE.fullmatch(unquote(parts.path.rpartition("/")[2]))
    if not match:
        return None
    version = f"=={match['version']}"
    return CondaSpec(text, match["name"].lower(), version, match["build"], url=text, constraint="")


def _invalid(text, path):
    reason, instead = _why(text)
    fix = {"verb": "set", "path": path, "value": instead} if instead else {}
    return found("conda-invalid", place(*path), text=shorten(redact(text)), reason=reason, instead=instead, **fix)


def _why(text):
    """Return (what is wrong in words, or empty; what is probably meant, or empty)."""
    if re.fullmatch(rf"{_NAME}\s*\[[\w\s,.-]+\]\s*.*", text):
        return ": conda has no extras", ""
    for pattern, repair, reason in _REPAIRS:
        instead = pattern.sub(repair, text)
        if instead != text and len(text) <= LONGEST and _read(instead):
            return f": {reason}", instead
    if re.match(r"[\d.]+$", text):
        return ": it has no name", ""
    return "", ""


_REPAIRS = [
    (re.compile(r"^([A-Za-z]\w*) ([A-Za-z]\w*)$"), r"\1-\2", "a name has no spaces"),
    (re.compile(r"=([<>])"), r"\1=", "the operator is written the other way round"),
    (re.compile(r"==="), "==", "conda has no ==="),
    (re.compile(r"([<>=!~]\s*[\w.*]+)\s+(?=[<>!~=])"), r"\1,", "a comma is missing between two constraints"),
    (re.compile(r"(?<=\w)\s*@\s*(?=\d)"), "=", "conda writes = where others write @"),
    (re.compile(r"[,;:]\s*$"), "", "it ends with a mark"),
    (re.compile(r"^(\S+)\s*:\s*(\d)"), r"\1=\2", "conda writes = between name and version"),
    (re.compile(r"[“”\"']"), "", "it holds a quotation mark"),
]


def split(text):
    """Split a spec into what a form shows in two fields: (channel::)name, and the rest."""
    text = text.strip()
    spec, _ = parse(text)
    if not spec or spec.url or not spec.constraint:
        return text, ""
    return text.removesuffix(spec.constraint).rstrip(), spec.constraint


def python_specifiers(constraint):
    """Return the SpecifierSets that a conda constraint on python stands for, any of which may hold.

    `=3.11` and a bare `3.11` mean 3.11.*, as does `==3.11`: no Python is released under two numbers.
    Raises ValueError when the constraint is none that can be understood.
    """
    try:
        return [_one_of(part) for part in constraint.split("|")] if constraint.strip() else [SpecifierSet()]
    except InvalidSpecifier as fault:
        raise ValueError(f"“{constraint}” is no version. Write 3.11, =3.11.7 or >=3.10,<3.13.") from fault


def _one_of(part):
    part = re.sub(r"\s+", "", part).removeprefix("(").removesuffix(")")
    if re.fullmatch(r"={0,2}\*(?:=.*)?", part):
        return SpecifierSet()
    return SpecifierSet(",".join(_specifier(piece) for piece in part.split(",")))


def _specifier(piece):
    if not piece or piece.startswith("==="):
        raise InvalidSpecifier(piece)
    exact = re.fullmatch(r"={0,2}(\d+(?:\.\d+)*)(\.?\*)?(=.*)?", piece)
    if not exact:
        piece = re.sub(r"^=(?=[\w])|^(?=\d)", "==", piece.partition("=")[0] if piece[:1].isdigit() else piece)
        return re.sub(r"^(>=|<=|<|>)(\d[\d.]*?)\.?\*$", r"\1\2", piece)  # `>=3.6.*` means >=3.6
    version, star = exact[1], exact[2]
    return f"=={version}.*" if star or version.count(".") < 2 else f"=={version}"
