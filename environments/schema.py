"""The shape of a definition: its sections, fields, types and what excludes what. Pure.

The form is that of Azure Machine Learning's environments, with its names in JSON. Fields that are not known
are kept; where a known one was probably meant, a finding says so.
"""

import json
import math
import re

from .addresses import redact
from .catalogue import found
from .findings import place
from .texts import can_be_kept, nearest, shorten

LONGEST_DOCUMENT = 1_000_000  # bytes as JSON
LONGEST_DOCKERFILE = 100_000  # bytes
DEEPEST = 50
MOST_DEPENDENCIES = 10_000
MOST_FIELDS = 1_000  # of one object

# These belong to the environment and its version, not to what is wanted.
NOT_WANTED = ("name", "version", "assetId", "description", "tags")
FIELDS = {
    "environmentVariables": {},
    "python": {
        "userManagedDependencies": bool,
        "interpreterPath": str,
        "condaDependenciesFile": str,
        "baseCondaEnvironment": str,
        "condaDependencies": {},
    },
    "docker": {
        "enabled": bool,
        "baseImage": str,
        "baseDockerfile": str,
        "buildContext": {"locationType": str, "location": str, "dockerfilePath": str},
        "sharedVolumes": bool,
        "shmSize": str,
        "arguments": [str],
        "gpuSupport": bool,
        "baseImageRegistry": {
            "address": str,
            "username": str,
            "password": str,
            "registryIdentity": {"resourceId": str, "clientId": str},
        },
        "platform": {"os": str, "architecture": str},
    },
    "spark": {
        "repositories": [str],
        "packages": [{"group": str, "artifact": str, "version": str}],
        "precachePackages": bool,
    },
    "databricks": {
        "mavenLibraries": [{"coordinates": str, "repo": str, "exclusions": [str]}],
        "pypiLibraries": [{"package": str, "repo": str}],
        "rcranLibraries": [{"package": str, "repo": str}],
        "jarLibraries": [{"library": str}],
        "eggLibraries": [{"library": str}],
        "cluster": {},
    },
    "r": {
        "rVersion": str,
        "userManaged": bool,
        "rscriptPath": str,
        "snapshotDate": str,
        "cranPackages": [{"name": str, "version": str, "repository": str}],
        "githubPackages": [{"repository": str, "authToken": str}],
        "customUrlPackages": [str],
        "bioconductorPackages": [str],
    },
    "inferencingStackVersion": str,
}
# What Azure's clients write when nobody asked for anything; saying it says nothing.
DEFAULTS = {
    "python": {"userManagedDependencies": False, "interpreterPath": "python"},
    "docker": {
        "enabled": False,
        "sharedVolumes": True,
        "shmSize": "2g",
        "platform": {"os": "Linux", "architecture": "amd64"},
    },
    "spark": {"precachePackages": True},
}
_DEPRECATED = {"enabled": False, "sharedVolumes": True, "shmSize": "2g", "arguments": [], "gpuSupport": False}
CONDA_KEYS = ("name", "channels", "dependencies", "variables", "prefix")
# Keys of other tools that read the same files.
_OF_OTHERS = (
    "platforms", "platform", "category", "categories", "channel_priority", "channel-priority", "pip-repositories",
    "sources", "source", "solver", "pip_interop_enabled", "$schema", "extensions", "comment", "imports",
)  # fmt: skip
_MISSPELT = {"requirements": "dependencies", "packages": "dependencies", "channel": "channels", "deps": "dependencies"}
_KINDS = {str: "text", bool: "true or false", list: "a list", dict: "an object"}


def check(document):
    """Return the findings about the shape of a document. With an error among them nothing else can be read."""
    findings = _check_text(document) or _check_value(document, FIELDS, ())
    if any(finding.severity == "error" for finding in findings):
        return findings
    if document.get("python") is None and not document.get("docker"):
        findings.append(found("python-missing", "python"))
    findings += _check_variables(document.get("environmentVariables") or {})
    findings += _check_docker(document)
    return findings + _check_conda((document.get("python") or {}).get("condaDependencies"))


def _check_text(document):
    """Refuse what no database keeps, and what is larger or deeper than any definition."""
    waiting = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > DEEPEST:
            return [found("too-deep", place(*path), deepest=DEEPEST)]
        if isinstance(value, dict):
            waiting += [((*path, key), item) for key, item in value.items()]
            value = "".join(map(str, value))
        elif isinstance(value, list):
            waiting += [((*path, i), item) for i, item in enumerate(value)]
        if isinstance(value, str) and not can_be_kept(value):
            return [found("not-text", _printable(place(*path)))]
        if isinstance(value, float) and not math.isfinite(value):
            return [found("not-finite", place(*path))]
    if len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()) > LONGEST_DOCUMENT:
        return [found("too-long", longest=LONGEST_DOCUMENT)]
    return []


def _printable(where):
    return "".join(character if character.isprintable() else "·" for character in where)


def _check_value(value, kind, path):
    """Compare a value with its kind: a type, [kind of the items] or {field: kind}."""
    where = place(*path)
    if value is None and not (path and isinstance(path[-1], int)):  # a field may be null, an item of a list not
        return []
    wanted = type(kind) if isinstance(kind, list | dict) else kind
    if isinstance(value, dict) and len(value) > MOST_FIELDS:
        return [found("too-many-fields", where, length=len(value), longest=MOST_FIELDS)]
    if not isinstance(value, wanted):
        code = {dict: "not-an-object", list: "not-a-list"}.get(wanted, "wrong-type")
        return [found(code, where, kind=_KINDS[wanted])] if code == "wrong-type" else [found(code, where)]
    findings = []
    if isinstance(kind, list):
        for i, item in enumerate(value):
            findings += _check_value(item, kind[0], (*path, i))
    elif kind and isinstance(kind, dict):
        for key, item in value.items():
            if key in kind:
                findings += _check_value(item, kind[key], (*path, key))
            else:
                findings.append(_unknown(key, kind, (*path, key), where or "a definition"))
    return findings


def _unknown(key, known, path, section):
    meant = nearest(key, known)
    if path[0] == "docker" and len(path) == 2:
        hint = f" {meant} is probably meant." if meant else ""
        return found("docker-attribute-unknown", place(*path), verb="remove", path=path, key=key, hint=hint)
    if meant:
        fix = {"verb": "rename", "path": path, "value": meant}
        return found("key-misspelt", place(*path), key=key, wanted=meant, **fix)
    return found("key-unknown", place(*path), key=key, section=section)


# Variables


_VARIABLE = re.compile(r"[^=\x00-\x1f]+")


def _check_variables(variables):
    findings = []
    for name, value in variables.items():
        path = ("environmentVariables", name)
        if not isinstance(value, str):
            text = json.dumps(value)
            fix = {"verb": "set", "path": path, "value": text} if isinstance(value, int | float) else {}
            findings.append(found("variable-not-text", place(*path), text=text, **fix))
        if not _VARIABLE.fullmatch(name):
            findings.append(found("variable-name", place(*path), name=name))
    return findings


# Docker


_IMAGE = re.compile(
    r"(?:(?:localhost|[\w-]+(?:\.[\w-]+)+|[\w-]+(?=:\d+/))(?::\d{1,5})?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


def is_image(text):
    """Whether a text can name an image, after the grammar of references of the OCI distribution."""
    return len(text) <= 500 and bool(_IMAGE.fullmatch(text))


def _check_docker(document):
    docker = document.get("docker")
    if not docker:
        return []
    path, findings = ("docker",), []
    given = [key for key in ("baseImage", "baseDockerfile", "buildContext") if docker.get(key)]
    if len(given) > 1:
        findings.append(found("docker-base-twice", "docker", given=" and ".join(given)))
    if not given:
        findings.append(found("docker-base-missing", "docker"))
    if docker.get("baseImage") and not is_image(docker["baseImage"]):
        findings.append(found("image-invalid", "docker.baseImage", image=shorten(redact(docker["baseImage"]))))
    dockerfile = (docker.get("baseDockerfile") or "").encode()
    if len(dockerfile) > LONGEST_DOCKERFILE:
        line = dockerfile.count(b"\n", 0, LONGEST_DOCKERFILE) + 1
        words = {"length": len(dockerfile), "longest": LONGEST_DOCKERFILE}
        findings.append(found("dockerfile-too-long", "docker.baseDockerfile", line, **words))
    if docker.get("buildContext"):
        findings += _check_context(document, docker["buildContext"])
    for key, default in _DEPRECATED.items():
        if docker.get(key) not in (None, default):
            findings.append(
                found("docker-attribute-deprecated", f"docker.{key}", verb="remove", path=(*path, key), key=key)
            )
    return findings + _check_registry(docker.get("baseImageRegistry") or {})


def _check_context(document, context):
    python = document.get("python") or {}
    excluded = {
        "variables": document.get("environmentVariables"),
        "conda dependencies": (python.get("condaDependencies") or {}).get("dependencies"),
        "R": document.get("r"),
        "Spark packages": (document.get("spark") or {}).get("packages"),
    }
    given = [name for name, value in excluded.items() if value]
    findings = []
    if given:
        findings.append(found("context-excludes", "docker.buildContext", given=" and ".join(given)))
    if not context.get("location"):
        findings.append(found("context-incomplete", "docker.buildContext"))
    if "dockerfilePath" in context and not context["dockerfilePath"]:
        path = ("docker", "buildContext", "dockerfilePath")
        findings.append(found("context-dockerfile", place(*path), verb="set", path=path, value="Dockerfile"))
    return findings


def _check_registry(registry):
    where, findings = "docker.baseImageRegistry", []
    user, password = registry.get("username"), registry.get("password")
    if bool(user) != bool(password):
        given, missing = ("user name", "password") if user else ("password", "user name")
        findings.append(found("registry-incomplete", where, given=given, missing=missing))
    if (user or password) and registry.get("registryIdentity"):
        findings.append(found("registry-credentials-twice", where, given="user name and password, and an identity"))
    if password:
        path = ("docker", "baseImageRegistry")
        rest = {key: value for key, value in registry.items() if key not in ("username", "password")}
        findings.append(found("secret", place(*path, "password"), verb="set", path=path, value=rest))
    return findings


# The conda section


def _check_conda(section):
    path = ("python", "condaDependencies")
    if section is None:
        return []
    if len(section) > MOST_FIELDS:
        return [found("too-many-fields", place(*path), length=len(section), longest=MOST_FIELDS)]
    findings = []
    for key in section:
        findings += _check_conda_key(key, section, path)
    for key in ("channels", "dependencies"):
        findings += _check_list(section.get(key), (*path, key))
    if section.get("name") is not None and not isinstance(section["name"], str):
        findings.append(found("wrong-type", place(*path, "name"), kind="text"))
    variables = section.get("variables")
    if variables is not None and not isinstance(variables, dict):
        findings.append(found("not-an-object", place(*path, "variables")))
    channels = section.get("channels")
    for i, channel in enumerate(channels if isinstance(channels, list) else []):
        if not isinstance(channel, str) or not channel.strip() or re.search(r"\s", channel.strip()):
            findings.append(found("channel-invalid", place(*path, "channels", i)))
    return findings


def _check_conda_key(key, section, path):
    where = place(*path, key)
    if key in CONDA_KEYS:
        return [found("prefix-ignored", where, verb="remove", path=(*path, key))] if key == "prefix" else []
    meant = _MISSPELT.get(key.lower()) or ("" if key in _OF_OTHERS else nearest(key, CONDA_KEYS))
    if meant and not section.get(meant):
        fix = {"verb": "rename", "path": (*path, key), "value": meant} if meant not in section else {}
        return [found("key-misspelt", where, key=key, wanted=meant, **fix)]
    if key in _OF_OTHERS:
        return [found("key-ignored", where, key=key)]
    return [found("key-unknown", where, key=key, section="a conda file")]


def _check_list(value, path):
    if isinstance(value, str):
        return [found("not-a-list", place(*path), verb="set", path=path, value=[value])]
    if value is not None and not isinstance(value, list):
        return [found("not-a-list", place(*path))]
    length = len(value or []) + sum(len(item.get("pip") or []) for item in value or [] if _is_pip(item))
    if length > MOST_DEPENDENCIES:
        return [found("too-many-dependencies", place(*path), length=length, longest=MOST_DEPENDENCIES)]
    return []


def _is_pip(item):
    return isinstance(item, dict) and isinstance(item.get("pip"), list)
