"""The definition: what an environment asks for, as the JSON document of Azure Machine Learning.

Pure: no Django, no network. The rules of identity stand here and nowhere else:

* `identity` tells one version from another. Two documents are the same when they say the same, whether or
  not they spell out defaults; the order of dependencies is part of what they say.
* `image_key` tells one installation from another. Order and spelling of dependencies do not matter, the
  order of channels and of indexes does; of a private wheel its content counts. Name, description, tags and
  environment variables are not in it: they change nothing that gets installed, but for the `CONDA_OVERRIDE_…` that
  tell conda's solver about the machine.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from . import addresses, conda_specs, lint, pip_lines, schema
from .catalogue import found
from .conda_specs import CondaSpec
from .faults import DefinitionFault
from .findings import errors, place
from .pip_lines import PipLine
from .pip_options import PipOption
from .policy import Policy
from .schema import DEFAULTS, NOT_WANTED

CONDA = ("python", "condaDependencies")


@dataclass(frozen=True)
class Placed:
    """A dependency, and where in the document it stands."""

    path: tuple
    item: object

    @property
    def where(self):
        return place(*self.path)


@dataclass(frozen=True)
class Definition:
    """A definition that was read. `document` is what was given, unknown fields and all.

    `placed` are its dependencies in their order, those that can be read; `findings` says what is wrong with it.
    """

    document: dict
    placed: tuple = ()
    findings: tuple = ()

    def _items(self, kind):
        return tuple(each.item for each in self.placed if isinstance(each.item, kind))

    @cached_property
    def conda(self):
        return self._items(CondaSpec)

    @cached_property
    def pip(self):
        return self._items(PipLine)

    @cached_property
    def pip_options(self):
        return self._items(PipOption)

    @cached_property
    def from_source(self):
        """The names of the pip packages that are built from source, which nothing else is."""
        return sorted({name for option in self.pip_options for name in option.from_source})

    @property
    def conda_section(self):
        return (self.document.get("python") or {}).get("condaDependencies") or {}

    @property
    def docker(self):
        return self.document.get("docker") or {}

    @property
    def channels(self):
        return tuple(self.conda_section.get("channels") or ())

    @cached_property
    def addresses(self):
        """[(path, address)] of everything that is fetched from where a person says: indexes, channels, files."""
        named = [((*CONDA, "channels", i), channel) for i, channel in enumerate(self.channels)]
        for each in self.placed:
            item = each.item
            if isinstance(item, CondaSpec):
                named += [(each.path, address) for address in (item.channel, item.url) if address]
            elif address := item.address if isinstance(item, PipOption) else not item.wheel and item.url:
                named.append((each.path, address))
        return named

    @cached_property
    def secrets(self):
        """The names of the workspace's secrets that are filled into its addresses."""
        return sorted({name for _, address in self.addresses for name in addresses.secrets_in(address)})

    @cached_property
    def python(self):
        """The constraint on Python as conda writes it (`=3.11`), or empty."""
        return next((spec.version for spec in self.conda if spec.name == "python"), "")

    @property
    def conda_packages(self):
        """What only conda can provide. `python` and `pip` alone need no channel."""
        return [spec for spec in self.conda if spec.name not in ("python", "pip")]

    @property
    def pip_requirements(self):
        """What the index has to provide, one PipLine each: the pip packages, and a pip of a stated version.

        Where conda provides anything, it provides pip, too.
        """
        wanted = {line.canonical: line for line in self.pip}
        for spec in () if self.conda_packages else self.conda:
            if spec.name == "pip" and spec.version:
                line, _ = pip_lines.parse(f"pip{conda_specs.python_specifiers(spec.version)[0]}")
                wanted[line.canonical] = line
        return [line for _, line in sorted(wanted.items())]

    @property
    def wheels(self):
        """The private wheels that it names, each once."""
        return tuple(dict.fromkeys(line.wheel for line in self.pip if line.wheel))

    @property
    def brings_its_own_python(self):
        return bool((self.document.get("python") or {}).get("userManagedDependencies"))

    @property
    def needs_a_dockerfile_builder(self):
        return bool(self.docker.get("baseDockerfile") or self.docker.get("buildContext"))

    @cached_property
    def identity(self):
        """64 hex digits that are the same for documents that say the same."""
        return _digest(canonical(self.document, DEFAULTS))

    @cached_property
    def image_key(self):
        """`azureml/azureml_` and 32 hex digits, the same for documents that install the same."""
        return f"azureml/azureml_{_digest(self._installed())[:32]}"

    def _installed(self):
        document = canonical(self.document, DEFAULTS)
        python, docker = document.get("python", {}), document.get("docker", {})
        if self.brings_its_own_python:
            packages = {"interpreter": python.get("interpreterPath", "python")}
        else:
            packages = {
                "channels": [channel if "://" in channel else channel.lower() for channel in self.channels],
                "conda": sorted({spec.canonical for spec in self.conda}),
                "pip": sorted({line.canonical for line in self.pip}),
                "options": [option.canonical for option in self.pip_options if not option.from_source],
                "base": python.get("baseCondaEnvironment"),
            }
            packages |= {"from source": self.from_source} if self.from_source else {}
            packages |= self._overrides()
        image = {
            key: docker.get(key)
            for key in ("baseImage", "baseDockerfile", "buildContext", "platform")
            if docker.get(key)
        }
        registry = (docker.get("baseImageRegistry") or {}).get("address")
        rest = {key: document.get(key) for key in ("spark", "r", "inferencingStackVersion")}
        return {"python": packages, "docker": image, "registry": registry, **rest}

    def _overrides(self):
        """What the variables say of the machine that conda's solver is to solve for."""
        variables = self.document.get("environmentVariables") or {}
        said = {name: str(value) for name, value in variables.items() if name.startswith("CONDA_OVERRIDE_")}
        return {"machine": said} if said and self.conda_packages else {}


def examine(document, policy=None, locked=None):
    """Read a document (parsed JSON) and return its Definition, with every finding there is, errors too.

    `locked` are versions known from a lock, {(manager, name): version}, which a fix may pin to. Where the
    shape is wrong nothing but that is said, and no dependency is read.
    """
    if not isinstance(document, dict):
        return Definition({}, (), (found("not-a-definition"),))
    document = {key: value for key, value in document.items() if key not in NOT_WANTED}
    findings = schema.check(document)
    if errors(findings):
        return Definition(document, (), tuple(findings))
    definition, more = _read(document)
    remarks = lint.remarks(definition, policy or Policy(), locked or {})
    if errors(more):  # some packages are asked for, only nobody can read which
        remarks = [finding for finding in remarks if finding.code != "no-dependencies"]
    findings += more + remarks
    return Definition(document, definition.placed, tuple(findings))


def read(document, policy=None):
    """Read a document and return its Definition. Raise DefinitionFault, which names every error."""
    definition = examine(document, policy)
    if errors(definition.findings):
        raise DefinitionFault(errors(definition.findings))
    return definition


def read_stored(document):
    """Read a document that was registered before. It stays what it is: where today's rules refuse a line, the findings say so."""
    definition, findings = _read(document)
    return Definition(document, definition.placed, tuple(findings))


def compose(python, channels, conda, pip, base=None):
    """Write a document from lists of lines, keeping whatever else `base` says. `python` is such as `3.11`."""
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


def _read(document):
    """Return (Definition with what can be read, findings about what cannot)."""
    section = (document.get("python") or {}).get("condaDependencies") or {}
    placed, findings, has_pip = [], [], False
    for i, entry in enumerate(section.get("dependencies") or []):
        path = (*CONDA, "dependencies", i)
        if isinstance(entry, str):
            _take(placed, findings, path, conda_specs.parse(entry, path))
        elif isinstance(entry, dict) and list(entry) == ["pip"] and isinstance(entry["pip"], list | None):
            if has_pip:
                findings.append(found("pip-twice", place(*path)))
            has_pip = True
            for j, text in enumerate(entry["pip"] or []):
                here = (*path, "pip", j)
                read = pip_lines.parse(text, here) if isinstance(text, str) else (None, [_no_text(here)])
                _take(placed, findings, here, read)
        else:
            findings.append(_explain_entry(entry, path))
    return Definition(document, tuple(placed)), findings


def _take(placed, findings, path, read):
    item, said = read
    if item is not None:
        placed.append(Placed(path, item))
    findings += said


def _no_text(path):
    return found("dependency-invalid", place(*path), verb="remove", path=path)


def _explain_entry(entry, path):
    """What is wrong with a dependency that is neither text nor a list below pip:."""
    if not isinstance(entry, dict) or len(entry) != 1:
        return _no_text(path) if entry is None else found("dependency-invalid", place(*path))
    (key, value), *_ = entry.items()
    if key == "pip" and isinstance(value, str):
        fix = {"verb": "set", "path": (*path, "pip"), "value": [value]}
        return found("not-a-list", place(*path, "pip"), **fix)
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return found("dependency-invalid", place(*path))
    selected = str(key).startswith("sel(")
    if selected and key not in ("sel(linux)", "sel(unix)"):
        return found("conda-elsewhere", place(*path), selector=key, verb="remove", path=path)
    instead = str(value) if selected else f"{key}={value}"
    known, _ = conda_specs.parse(instead)
    fix = {"verb": "set", "path": path, "value": instead} if known else {}
    return found("conda-mapping", place(*path), instead=instead, **fix)


def canonical(value, defaults=None):
    """Drop what says nothing: nulls, empty lists and objects, defaults. Keep the order of lists."""
    if isinstance(value, dict):
        defaults = defaults if isinstance(defaults, dict) else {}
        kept = {}
        for key, item in value.items():
            if item == defaults.get(key, ...):
                continue
            item = canonical(item, defaults.get(key))
            if item not in (None, {}, []):
                kept[key] = item
        return kept
    if isinstance(value, list):
        return [canonical(item) for item in value]
    return value


def _digest(value):
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
