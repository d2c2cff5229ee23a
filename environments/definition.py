"""The definition: what an environment asks for, as the JSON document of Azure Machine Learning.

Pure: no Django, no network. The rules of identity stand here and nowhere else:

* `identity` tells one version from another. Two documents are the same when they say the same, whether or
  not they spell out defaults; the order of dependencies is part of what they say.
* `image_key` tells one installation from another. Order and spelling of dependencies do not matter, the
  order of channels does. Name, description, tags and environment variables are not in it: they change
  nothing that gets installed.
"""

import hashlib
import json
import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property

from . import conda_specs, pip_lines
from .conda_specs import CondaSpec
from .faults import DefinitionFault
from .findings import Finding, error, errors, warning

# What Azure's clients write when nobody asked for anything.
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
# These belong to the environment and its version, not to what is wanted.
NOT_WANTED = ("name", "version", "assetId", "description", "tags")
SECTIONS = {"python": dict, "docker": dict, "spark": dict, "r": dict, "databricks": dict}
LONGEST_DOCUMENT = 1_000_000
DEEPEST = 50


@dataclass(frozen=True)
class Definition:
    """A definition that was read without errors. `document` is what was given, unknown fields and all."""

    document: dict
    channels: tuple
    conda: tuple
    pip: tuple
    findings: tuple

    @cached_property
    def python(self):
        """The constraint on Python as conda writes it (`=3.11`), or empty."""
        return next((spec.constraint for spec in self.conda if spec.name == "python"), "")

    @property
    def conda_packages(self):
        """What only conda can provide. `python` and `pip` alone need no channel."""
        return [spec for spec in self.conda if spec.name not in ("python", "pip")]

    @property
    def pip_requirements(self):
        """What the index has to provide, one requirement each: the pip packages, and a pip of a stated version."""
        wanted = {line.canonical for line in self.pip}
        for spec in self.conda:
            if spec.name == "pip" and spec.constraint:
                wanted.add(f"pip{conda_specs.python_specifiers(spec.constraint)[0]}")
        return sorted(wanted)

    @property
    def brings_its_own_python(self):
        return bool((self.document.get("python") or {}).get("userManagedDependencies"))

    @property
    def needs_a_dockerfile_builder(self):
        docker = self.document.get("docker") or {}
        return bool(docker.get("baseDockerfile") or docker.get("buildContext"))

    @cached_property
    def identity(self):
        """64 hex digits that are the same for documents that say the same."""
        return _digest(_canonical(self.document, DEFAULTS))

    @cached_property
    def image_key(self):
        """`azureml/azureml_` and 32 hex digits, the same for documents that install the same."""
        return f"azureml/azureml_{_digest(self._installed())[:32]}"

    def _installed(self):
        document = _canonical(self.document, DEFAULTS)
        python, docker = document.get("python", {}), document.get("docker", {})
        if self.brings_its_own_python:
            packages = {"interpreter": python.get("interpreterPath", "python")}
        else:
            packages = {
                "channels": [channel.lower() for channel in self.channels],
                "conda": sorted({spec.canonical for spec in self.conda}),
                "pip": sorted({line.canonical for line in self.pip}),
                "base": python.get("baseCondaEnvironment"),
            }
        image = {
            key: docker.get(key)
            for key in ("baseImage", "baseDockerfile", "buildContext", "platform")
            if docker.get(key)
        }
        registry = (docker.get("baseImageRegistry") or {}).get("address")
        rest = {key: document.get(key) for key in ("spark", "r", "inferencingStackVersion")}
        return {"python": packages, "docker": image, "registry": registry, **rest}


def read(document):
    """Read a definition document (parsed JSON). Raise DefinitionFault, which names every error."""
    if not isinstance(document, dict):
        raise DefinitionFault([error("not-an-object", "A definition is a JSON object with a python section.")])
    document = {key: value for key, value in document.items() if key not in NOT_WANTED}
    findings = _check_shape(document)
    if errors(findings):
        raise DefinitionFault(errors(findings))
    definition = read_stored(document)
    if errors(definition.findings):
        raise DefinitionFault(errors(definition.findings))
    return definition


def read_stored(document):
    """Read a document that was registered before. It stays what it is: where today's rules refuse it, the findings say so."""
    conda_section = (document.get("python") or {}).get("condaDependencies") or {}
    conda, pip, faults = _read_dependencies(conda_section.get("dependencies") or [])
    definition = Definition(document, tuple(conda_section.get("channels") or ()), tuple(conda), tuple(pip), ())
    findings = [*faults, *_check_python(definition), *_remarks(definition)]
    return replace(definition, findings=tuple(findings))


def compose(python, channels, conda, pip, base=None):
    """Write a document from what a form holds, keeping whatever else `base` says.

    `python` is a version such as `3.11`, the others are lists of lines.
    """
    document = dict(base or {})
    section = dict(document.get("python") or {})
    described = dict(section.get("condaDependencies") or {})
    dependencies = [f"python={python}" if python[:1].isdigit() else f"python{python}"] if python else []
    dependencies += conda
    if pip and not any(conda_specs.split(line)[0].lower() == "pip" for line in conda):
        dependencies.append("pip")
    if pip:
        dependencies.append({"pip": pip})
    described["channels"], described["dependencies"] = channels, dependencies
    section["condaDependencies"] = described
    document["python"] = section
    return document


def _check_shape(document):
    findings = _check_text(document)
    if findings:
        return findings
    findings = [
        error("not-an-object", "must be an object.", key)
        for key in SECTIONS
        if document.get(key) is not None and not isinstance(document[key], dict)
    ]
    if findings:
        return findings
    findings += _check_variables(document.get("environmentVariables"))
    findings += _check_docker(document.get("docker") or {})
    python = document.get("python")
    if python is None and not (document.get("docker") or {}).get("buildContext"):
        return [*findings, error("python-missing", "The python section is missing.", "python")]
    return findings + _check_conda_section((python or {}).get("condaDependencies"))


def _check_text(document):
    """Refuse what no database keeps, and what is larger or deeper than any definition."""
    waiting = [("", document, 0)]
    while waiting:
        where, value, depth = waiting.pop()
        if depth > DEEPEST:
            return [error("too-deep", f"A definition is nested at most {DEEPEST} deep.", where)]
        if isinstance(value, dict):
            waiting += [(f"{where}.{key}".lstrip("."), item, depth + 1) for key, item in value.items()]
            value = "".join(map(str, value))
        elif isinstance(value, list):
            waiting += [(f"{where}[{i}]", item, depth + 1) for i, item in enumerate(value)]
        if isinstance(value, str) and not _can_be_kept(value):
            return [error("not-text", "must be text without NUL and half characters.", _printable(where))]
        if isinstance(value, float) and not math.isfinite(value):
            return [error("not-finite", "must be a finite number.", where)]
    if len(json.dumps(document, ensure_ascii=False).encode()) > LONGEST_DOCUMENT:
        return [error("too-long", f"A definition has at most {LONGEST_DOCUMENT:,} bytes as JSON.")]
    return []


def _can_be_kept(text):
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _printable(where):
    return "".join(character if character.isprintable() else "·" for character in where)


def _check_variables(variables):
    where = "environmentVariables"
    if variables is None:
        return []
    if not isinstance(variables, dict):
        return [error("not-an-object", "must be an object of names and texts.", where)]
    return [
        error("variable-not-text", "must be text.", f"{where}.{name}")
        for name, value in variables.items()
        if not isinstance(value, str)
    ]


def _check_docker(docker):
    given = [key for key in ("baseImage", "baseDockerfile", "buildContext") if docker.get(key)]
    if len(given) > 1:
        names = " and ".join(given)
        return [error("docker-base-twice", f"Only one of {names} can be the base.", "docker")]
    kinds = {
        "baseImage": (str, "text"),
        "baseDockerfile": (str, "text"),
        "buildContext": (dict, "an object"),
        "baseImageRegistry": (dict, "an object"),
        "platform": (dict, "an object"),
    }
    return [
        error("wrong-type", f"must be {words}.", f"docker.{key}")
        for key, (kind, words) in kinds.items()
        if docker.get(key) is not None and not isinstance(docker[key], kind)
    ]


def _check_conda_section(section):
    where = "python.condaDependencies"
    if section is None:
        return []
    if not isinstance(section, dict):
        return [error("not-an-object", "must be an object with channels and dependencies.", where)]
    findings = []
    for key in ("channels", "dependencies"):
        value = section.get(key)
        if value is not None and not isinstance(value, list):
            findings.append(error("not-a-list", "must be a list.", f"{where}.{key}"))
    channels = section.get("channels")
    if isinstance(channels, list):
        findings += [
            error("channel-invalid", "must be the name or address of a channel.", f"{where}.channels[{i}]")
            for i, channel in enumerate(channels)
            if not isinstance(channel, str) or not channel.strip()
        ]
    return findings


def _read_dependencies(dependencies):
    """Return (conda specs, pip lines, findings)."""
    conda, pip, findings = [], [], []
    for i, entry in enumerate(dependencies):
        where = f"python.condaDependencies.dependencies[{i}]"
        if isinstance(entry, str):
            spec = conda_specs.parse(entry, where)
            (conda if isinstance(spec, CondaSpec) else findings).append(spec)
        elif isinstance(entry, dict) and list(entry) == ["pip"] and isinstance(entry["pip"], list | None):
            for j, text in enumerate(entry["pip"] or []):
                found = _read_pip(text, f"{where}.pip[{j}]")
                if found is not None:
                    (findings if isinstance(found, Finding) else pip).append(found)
        else:
            findings.append(error("dependency-invalid", 'must be text or {"pip": [...]}.', where))
    return conda, pip, findings


def _read_pip(text, where):
    if not isinstance(text, str):
        return error("pip-invalid", "must be text.", where)
    return pip_lines.parse(text, where)


def _check_python(definition):
    findings = []
    wanted = [spec for spec in definition.conda if spec.name == "python"]
    if len({spec.constraint for spec in wanted}) > 1:
        findings.append(error("python-twice", "Python is asked for in several versions.", "python"))
    for spec in definition.conda:
        if spec.name in ("python", "pip"):
            try:
                conda_specs.python_specifiers(spec.constraint)
            except ValueError as fault:
                findings.append(error(f"{spec.name}-invalid", str(fault), spec.name))
    if not wanted and not definition.brings_its_own_python and definition.document.get("python") is not None:
        findings.append(warning("python-unstated", "No version of Python is asked for; the portal's own is taken."))
    return findings


def _remarks(definition):
    if not definition.pip and not definition.conda_packages and not definition.brings_its_own_python:
        yield warning("no-dependencies", "No package is asked for.")
    lines = [line for line in definition.pip if not line.is_pinned]
    specs = [spec for spec in definition.conda_packages if not spec.is_pinned]
    for name in sorted({line.name for line in lines} | {spec.name for spec in specs}):
        yield warning("unpinned", f"{name} has no exact version. The first build decides, and its lock keeps it.")
    yield from _twice("pip", [line.name for line in definition.pip])
    yield from _twice("conda", [spec.name for spec in definition.conda_packages])
    for name in sorted({line.name for line in definition.pip} & {spec.name for spec in definition.conda_packages}):
        yield warning("both", f"{name} is asked for from conda and from pip.")


def _twice(manager, names):
    for name in sorted(name for name, count in Counter(names).items() if count > 1):
        yield warning("twice", f"{name} stands more than once among the {manager} packages.")


def _canonical(value, defaults=None):
    """Drop what says nothing: nulls, empty lists and objects, defaults. Keep the order of lists."""
    if isinstance(value, dict):
        defaults = defaults if isinstance(defaults, dict) else {}
        kept = {}
        for key, item in value.items():
            if item == defaults.get(key, ...):
                continue
            item = _canonical(item, defaults.get(key))
            if item not in (None, {}, []):
                kept[key] = item
        return kept
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return value


def _digest(value):
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
