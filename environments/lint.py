"""What is unwise in a definition that can be read, and what the policy says of it. Pure."""

import re
from datetime import timedelta
from functools import lru_cache

from . import addresses, conda_specs, dockerfile_policy, package_policy, pip_lines
from .addresses import redact
from .catalogue import found
from .conda_specs import CondaSpec
from .findings import place
from .formats import dockerfile
from .pip_lines import PipLine
from .pip_options import PipOption
from .schema import is_image
from .texts import nearest, shorten

SOON = timedelta(days=180)
_CONDA = package_policy.CONDA
_LICENSED = ("defaults", "anaconda", "main", "pkgs/main", "pkgs/r", "msys2", "r", "free", "pkgs/free")
# What nobody can register or build under the policy of its workspace, however well it is written.
_REFUSALS = {
    "channel-not-allowed", "index-not-allowed", "image-blocked", "package-blocked", "package-required",
    "package-other-version",
}  # fmt: skip
# What a run sets itself, whatever the environment says.
_RUN_VARIABLES = re.compile(
    r"AZUREML_\w+|ENVPORTAL_RUN_\w+|CONDA_(?:PREFIX|DEFAULT_ENV|EXE)|VIRTUAL_ENV|PATH|HOME|HOSTNAME"
)
_SECRET = re.compile(
    r"(?:.*[_-])?(?:secret|password|passwd|token|api_?key|access_?key|private_?key|credentials?|sas|connection_?string)(?:[_-].*)?",
    re.I,
)


def remarks(definition, policy, locked):
    """Return the findings about a definition whose shape is right."""
    if not isinstance(definition.document, dict):
        return []
    manages = not definition.brings_its_own_python
    findings = []
    if manages and (elsewhere := _in_another_file(definition.document.get("python") or {})):
        findings.append(elsewhere)
    elif manages and definition.document.get("python") is not None:
        findings += _python(definition, policy)
        findings += _channels(definition, policy)
        findings += _dependencies(definition, locked)
        findings += package_policy.findings(definition, policy)
    findings += _pip_options(definition, policy) + _from_source(definition, policy)
    findings += _addresses(definition, policy) + _wheels(definition, policy)
    findings += _secrets(definition, policy)
    findings += _image(definition.docker, policy)
    findings += _variables(definition.document.get("environmentVariables") or {}, ("environmentVariables",))
    findings += _variables(definition.conda_section.get("variables") or {}, (*_CONDA, "variables"))
    python = definition.document.get("python") or {}
    if python.get("baseCondaEnvironment"):
        findings.append(found("base-conda", "python.baseCondaEnvironment", name=python["baseCondaEnvironment"]))
    if definition.document.get("r"):
        findings.append(found("r-deprecated", "r"))
        findings += _r_secrets(definition.document["r"])
    return findings


def refusals(definition, policy):
    """Return the findings for which the policy refuses a definition whose shape is right."""
    said = remarks(definition, policy, {}) if policy.refuses else []
    return [finding for finding in said if finding.code in _REFUSALS]


def is_refusal(finding):
    return finding.code in _REFUSALS


def name_is_secret(name, value):
    """Whether a variable of that name with that value looks like a secret. `${X}` is none."""
    return bool(value) and not re.fullmatch(r"\$\{?\w+\}?", value) and bool(_SECRET.fullmatch(name))


def _in_another_file(python):
    """The packages stand in a file of the machine that wrote this, so there is nothing to say of them yet."""
    named, path = python.get("condaDependenciesFile"), ("python", "condaDependenciesFile")
    if not named or python.get("condaDependencies"):
        return None
    option = f"conda file: {shorten(redact(named))}"
    return found("pip-file", place(*path), option=option, verb="remove", path=path)


# Python


def _python(definition, policy):
    wanted = [each for each in definition.placed if isinstance(each.item, CondaSpec) and each.item.name == "python"]
    findings = []
    for each in definition.placed:
        if isinstance(each.item, CondaSpec) and each.item.name in ("python", "pip"):
            try:
                conda_specs.python_specifiers(each.item.version)
            except ValueError:
                words = {
                    "constraint": each.item.version,
                    "name": each.item.name.capitalize() if each.item.name == "python" else "pip",
                }
                findings.append(found("python-invalid", each.where, **words))
    if findings:
        return findings
    if not wanted:
        path, version = (*_CONDA, "dependencies", 0), policy.default_python
        return [
            found(
                "python-unstated",
                place(*_CONDA, "dependencies"),
                verb="insert",
                path=path,
                value=f"python={version}",
                version=version,
            )
        ]
    versions = list(dict.fromkeys(each.item.version.replace(" ", "") for each in wanted))
    if len(versions) > 1:
        shown = " and ".join(version or "any" for version in versions)
        return [found("python-twice", wanted[1].where, verb="remove", path=wanted[1].path, versions=shown)]
    return _python_end(wanted[0], policy) + _python_absent(definition, wanted[0], policy)


def _python_absent(definition, each, policy):
    """A definition of pip packages alone takes a Python that a worker has; conda brings its own."""
    if definition.conda_packages or not policy.pythons:
        return []
    allowed = conda_specs.python_specifiers(each.item.version)
    if any(version in some for version in policy.pythons for some in allowed):
        return []
    version = each.item.version.replace(" ", "").lstrip("=") or "any"
    return [found("python-absent", each.where, version=version, there=", ".join(policy.pythons))]


def _python_end(each, policy):
    """Whether even the newest Python that is allowed has ended or soon does."""
    allowed = _minors(each.item.version, tuple(policy.python_ends))
    if not allowed or not each.item.version:
        return []
    newest = max(allowed, key=lambda minor: [int(part) for part in minor.split(".")])
    end = policy.python_ends[newest]
    if end < policy.today:
        return [found("python-ended", each.where, version=newest, date=f"{end:%-d %B %Y}")]
    if end - policy.today < SOON:
        return [found("python-ends", each.where, version=newest, date=f"{end:%-d %B %Y}")]
    return []


@lru_cache(500)
def _minors(constraint, known):
    """Those of the known 3.11, 3.12 … of which some release satisfies the constraint."""
    specifiers = conda_specs.python_specifiers(constraint)
    return [minor for minor in known if any(f"{minor}.{patch}" in some for some in specifiers for patch in range(31))]


# Conda and pip


def _channels(definition, policy):
    path, findings, seen = (*_CONDA, "channels"), [], set()
    if not definition.channels and any(not spec.url and not spec.channel for spec in definition.conda_packages):
        findings.append(found("no-channels", place(*_CONDA), verb="append", path=path, value="conda-forge"))
    named = [((*path, i), channel, True) for i, channel in enumerate(definition.channels)]
    named += [
        (each.path, _channel_of(each.item), False)
        for each in definition.placed
        if isinstance(each.item, CondaSpec) and _channel_of(each.item)
    ]
    for here, channel, is_listed in named:
        findings += _channel(here, channel, definition.channels if is_listed else (), policy)
        if is_listed and channel in seen:
            findings.append(found("channel-twice", place(*here), verb="remove", path=here, channel=redact(channel)))
        seen.add(channel)
    return findings


def _channel_of(spec):
    """The channel that a package names, or that its address lies in: it ends before `linux-64/file`."""
    return spec.channel or spec.url.rpartition("/")[0].rpartition("/")[0]


# A file or folder of some machine, or another protocol.
_NO_CHANNEL = re.compile(r"[./~\\]|(?!https?://)[A-Za-z][A-Za-z0-9+.-]*:", re.I)


def _channel(path, channel, listed, policy):
    """What is said of a channel. `listed` are all on the list that it stands on, if it stands on one."""
    where, findings = place(*path), []
    bare = channel.rstrip("/").lower()
    if _NO_CHANNEL.match(channel):
        fix = {"verb": "remove", "path": path} if listed else {}
        return [found("channel-file", where, channel=shorten(redact(channel)), **fix)]
    if "://" in channel:
        address, said = addresses.check(channel, path, lambda clean: clean)
        if not address and said[0].code != "credentials":
            return [found("channel-invalid", where)]
        findings += said
    if channel == "nodefaults":
        return findings
    if allowed := policy.channels_without(channel):
        words = {"channel": redact(channel), "allowed": ", ".join(allowed)}
        findings.append(found("channel-not-allowed", where, **words))
    if bare in _LICENSED or re.search(r"://.*/pkgs/(?:main|r|free|msys2)$", bare):
        fix = {"verb": "set", "path": path, "value": "conda-forge"} if listed else {}
        fix |= {"verb": "remove"} if "conda-forge" in listed else {}
        findings.append(found("channel-licence", where, channel=redact(channel), **fix))
    return findings


def _dependencies(definition, locked):
    findings, seen = [], {}
    packages = [each for each in definition.placed if isinstance(each.item, CondaSpec | PipLine)]
    if not definition.pip and not definition.conda_packages:
        findings.append(found("no-dependencies", place(*_CONDA, "dependencies")))
    pip = next((each for each in packages if isinstance(each.item, CondaSpec) and each.item.name == "pip"), None)
    if definition.pip and not pip:
        first = next(each for each in packages if isinstance(each.item, PipLine))
        path = first.path[: len(_CONDA) + 2]
        findings.append(found("pip-not-listed", place(*path), verb="insert", path=path, value="pip"))
    elif definition.pip and not pip.item.version:
        findings.append(found("pip-unpinned", pip.where))
    for each in packages:
        manager = "conda" if isinstance(each.item, CondaSpec) else "pip"
        if manager == "conda" and each.item.name in ("python", "pip"):
            continue
        if not each.item.is_pinned:
            findings.append(_unpinned(each, manager, locked))
        findings += _again(each, manager, seen)
    return findings


def _unpinned(each, manager, locked):
    version = locked.get((manager, each.item.name))
    if not version or (each.item.constraint and manager == "pip" and each.item.requirement.marker):
        return found("unpinned", each.where, name=each.item.name)
    pin = f"{'==' if manager == 'pip' else '='}{version}"
    name = conda_specs.split(each.item.text)[0] if manager == "conda" else pip_lines.split(each.item.text)[0]
    return found(
        "unpinned", each.where, verb="set", path=each.path, value=f"{name}{pin}", name=each.item.name, instead=pin
    )


def _again(each, manager, seen):
    """Whether the package stands above already, among the same packages or the others."""
    if not each.item.name or getattr(getattr(each.item, "requirement", None), "marker", None):
        return []
    same, other = (manager, each.item.name), ("conda" if manager == "pip" else "pip", each.item.name)
    words = {"verb": "remove", "path": each.path, "name": each.item.name}
    said = []
    if same in seen:
        said.append(found("twice", each.where, manager=manager, **words))
    elif other in seen:
        said.append(found("both", each.where, **words))
    seen.setdefault(same, each)
    return said


def _addresses(definition, policy):
    """A package by its address comes from no index, so what is allowed of indexes holds for it, too."""
    findings = []
    for each in definition.placed:
        url = each.item.url if isinstance(each.item, PipLine) and not each.item.wheel else ""
        if url and (allowed := policy.indexes_without(url)):
            words = {"index": shorten(redact(url)), "allowed": ", ".join(allowed)}
            findings.append(found("index-not-allowed", each.where, **words))
    return findings


def _pip_options(definition, policy):
    findings, only_once = [], set()
    for each in definition.placed:
        option = each.item
        if not isinstance(option, PipOption) or not option.address:
            continue
        if allowed := policy.indexes_without(option.value):
            words = {"index": redact(option.value), "allowed": ", ".join(allowed)}
            findings.append(found("index-not-allowed", each.where, **words))
        elif option.name == "--index-url" and option.name in only_once:
            fix = {"verb": "remove", "path": each.path}
            findings.append(found("pip-option-repeated", each.where, option=option.name, **fix))
        else:
            findings.append(found("index-own", each.where, index=redact(option.value)))
        only_once.add(option.name)
    return findings


def _from_source(definition, policy):
    """What it means that packages are built from source, and whether they can be."""
    findings, asked = [], {line.name for line in definition.pip}
    for each in definition.placed:
        names = each.item.from_source if isinstance(each.item, PipOption) else ()
        if not names:
            continue
        findings.append(found("from-source", each.where, names=_that_are(names)))
        if others := [name for name in names if name not in asked]:
            fix = {"verb": "remove", "path": each.path} if len(others) == len(names) else {}
            findings.append(found("from-source-other", each.where, names=_that_are(others), **fix))
        if policy.confined is False:
            findings.append(found("from-source-open", each.where))
    return findings


def _that_are(names):
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _secrets(definition, policy):
    """What is to be filled into addresses, and whether it will be."""
    findings = []
    for path, address in definition.addresses:
        if name := addresses.unfillable(address):
            findings.append(found("placeholder", place(*path), name=shorten(name)))
        for name in addresses.secrets_in(address):
            is_missing = policy.secrets is not None and name not in policy.secrets
            findings.append(
                found("secret-missing" if is_missing else "secret-named", place(*path), name=f"${{{name}}}")
            )
    return findings


def _wheels(definition, policy):
    if policy.wheels is None:
        return []
    named = [each for each in definition.placed if isinstance(each.item, PipLine) and each.item.wheel]
    return [
        found("wheel-missing", each.where, filename=each.item.wheel.filename)
        for each in named
        if (each.item.wheel.sha256, each.item.wheel.filename) not in policy.wheels
    ]


# Docker, variables, R


def _image(docker, policy):
    image, path = docker.get("baseImage"), ("docker", "baseImage")
    if docker.get("baseDockerfile"):
        return _dockerfile(docker["baseDockerfile"], policy)
    return _image_remarks(image, policy, place(*path), path) if image and is_image(image) else []


def _image_remarks(image, policy, where, path=()):
    findings = []
    tag = re.search(r":([\w.-]+)$", image.partition("@")[0].rpartition("/")[2])
    if "@" not in image and not tag:
        findings.append(found("image-untagged", where, image=image))
    elif "@" not in image and tag[1] == "latest":
        findings.append(found("image-latest", where, image=image))
    blocks = policy.image_blocked(image)
    if rule := blocks or policy.image_rule(image):
        fix = {"verb": "set", "path": path, "value": rule.replacement} if rule.replacement and path else {}
        words = {"image": image, "message": package_policy.said(rule), "replacement": rule.replacement}
        findings.append(found("image-blocked" if blocks else "image-deprecated", where, **fix, **words))
    return findings


def _dockerfile(text, policy):
    """Findings about a Dockerfile, each with its line there."""
    where = "docker.baseDockerfile"
    try:
        instructions = dockerfile.read(text)
    except dockerfile.DockerfileFault as fault:
        return [found("dockerfile-invalid", where, fault.line, reason=fault.reason)]
    findings = []
    for image, line in dockerfile.base_images(instructions):
        findings += [finding.at(line) for finding in _image_remarks(image, policy, where) if is_image(image)]
        if not is_image(image):
            findings.append(found("image-invalid", where, line, image=shorten(redact(image))))
    findings += dockerfile_policy.findings(instructions, policy, where)
    for each in instructions:
        if each.word not in dockerfile.WORDS:
            meant = nearest(each.word, [word.lower() for word in dockerfile.WORDS], 0.6)
            hint = f" {meant.upper()} is probably meant." if meant else ""
            findings.append(found("dockerfile-unknown", where, each.line, word=each.word[:40], hint=hint))
        if each.takes_files:
            findings.append(found("dockerfile-files", where, each.line, word=each.word))
        for name, value in each.variables:
            if name_is_secret(name, value):
                findings.append(found("dockerfile-secret", where, each.line, name=name))
    return findings


def _variables(variables, section):
    findings = []
    for name, value in variables.items():
        path = (*section, name)
        if _RUN_VARIABLES.fullmatch(name):
            findings.append(found("variable-reserved", place(*path), verb="remove", path=path, name=name))
        elif isinstance(value, str) and name_is_secret(name, value):
            findings.append(found("variable-secret", place(*path), name=name))
    return findings


def _r_secrets(section):
    path = ("r", "githubPackages")
    packages = section.get("githubPackages") or []
    return [
        found("secret", place(*path, i, "authToken"), verb="remove", path=(*path, i, "authToken"))
        for i, package in enumerate(packages)
        if package.get("authToken")
    ]
