"""A definition while somebody works on it: the conda file as text, and the sections beside it. Pure.

The text is the one truth about packages and channels; rows are a view of it, and what is typed into rows is
written back into just the lines it is about. `to_document` joins all sections into one document.
"""

import json
from copy import deepcopy
from dataclasses import dataclass, field, replace

from . import conda_specs, pip_lines
from . import definition as definitions
from .definition import CONDA, Definition
from .findings import by_weight, place
from .formats import azure, conda_edit, conda_file, fixes, reading

BASES = ("", "baseImage", "baseDockerfile", "buildContext")
_DOCKER_TEXTS = ("baseImage", "baseDockerfile")
_CONTEXT_TEXTS = ("locationType", "location", "dockerfilePath")
MOST_PIP_LISTS = 50  # that rows show; people write one, and now and then two
_PLATFORM = {"os": "Linux", "architecture": "amd64"}


@dataclass(frozen=True)
class Draft:
    """What an editor holds. `docker` maps dotted fields of the docker section to texts, and `base` to its kind;
    `variables` are pairs; `rest` is everything else of the document as JSON text."""

    conda: str = ""
    docker: dict = field(default_factory=dict, hash=False)
    variables: tuple = ()
    rest: str = "{}"

    @classmethod
    def of(cls, document, conda=None):
        """The draft that starts from a document. `conda` is its conda file as somebody wrote it."""
        document = deepcopy(document)
        python = document.get("python")
        section = python.pop("condaDependencies", None) if isinstance(python, dict) else None
        if conda is None:
            conda = conda_file.write(section) if isinstance(section, dict) else ""
        if python == {}:
            del document["python"]
        docker = _take_docker(document)
        variables = _take_variables(document)
        return cls(conda, docker, variables, json.dumps(document, indent=2, ensure_ascii=False))

    def to_document(self):
        """Return (document or None, findings about what cannot be joined)."""
        _, fault = reading.decode(self.conda)
        if fault:
            return None, [fault]
        file = conda_file.read(self.conda)
        rest, _, findings = azure.read_json(self.rest.strip() or "{}")
        findings = [replace(finding, where="advanced") for finding in findings]
        if rest is None or file.section is None:
            return None, [*file.findings, *findings]
        document = deepcopy(rest)
        python = document.get("python") or {}
        if isinstance(python, dict):
            if self.conda.strip():
                python["condaDependencies"] = file.section
            document["python"] = python
        _put_docker(document, self.docker)
        if self.variables:
            given = document.get("environmentVariables")
            document["environmentVariables"] = (given if isinstance(given, dict) else {}) | dict(self.variables)
        return document, list(file.findings)

    def examine(self, policy, locked=None):
        """Return its Definition, with every finding at its line of the conda file; the document may be empty."""
        document, findings = self.to_document()
        if document is None:
            return Definition({}, (), tuple(by_weight(findings)))
        definition = definitions.examine(document, policy, locked)
        file = conda_file.read(self.conda)
        inside = place(*CONDA)
        for finding in definition.findings:
            is_inside = finding.where.startswith(inside) and not finding.line
            findings.append(finding.at(file.line_of(finding.where)) if is_inside else finding)
        return replace(definition, findings=tuple(by_weight(findings)))

    def fixed(self, fix):
        """The draft after one click. Raise EditRefused when the text cannot be changed so."""
        if fixes.is_about_conda(fix):
            return replace(self, conda=fixes.apply_to_conda(self.conda, fix))
        document, _ = self.to_document()
        return self if document is None else Draft.of(fixes.apply_to_document(document, fix), self.conda)


def _take_docker(document):
    """Move the fields that have an input of their own out of the document."""
    docker = document.get("docker")
    if not isinstance(docker, dict):
        return {"base": ""}
    taken = {"base": next((key for key in BASES[1:] if docker.get(key)), "")}
    if taken["base"] in _DOCKER_TEXTS and isinstance(docker[taken["base"]], str):
        taken[taken["base"]] = docker.pop(taken["base"])
    _take_texts(taken, docker, "buildContext", _CONTEXT_TEXTS)
    _take_texts(taken, docker, "baseImageRegistry", ("address",))
    _take_texts(taken, docker, "platform", tuple(_PLATFORM))
    if not docker:
        del document["docker"]
    return taken


def _take_texts(taken, docker, key, names):
    inner = docker.get(key)
    if not isinstance(inner, dict):
        return
    for name in names:
        if isinstance(inner.get(name), str):
            taken[f"{key}.{name}"] = inner.pop(name)
    if not any(value is not None for value in inner.values()):
        del docker[key]


def _put_docker(document, fields):
    docker = document.get("docker") or {}
    if not isinstance(docker, dict):
        return
    base = fields.get("base", "")
    if base in _DOCKER_TEXTS and fields.get(base, "").strip():
        docker[base] = fields[base]
    for key, names in (("buildContext", _CONTEXT_TEXTS), ("baseImageRegistry", ("address",)), ("platform", _PLATFORM)):
        given = {name: text for name in names if (text := fields.get(f"{key}.{name}", ""))}
        if (key == "buildContext" and base != key) or (key == "platform" and given == _PLATFORM):
            continue
        there = docker.get(key) or {}
        if given and isinstance(there, dict):
            docker[key] = there | given
    if docker:
        document["docker"] = docker


def _take_variables(document):
    variables = document.get("environmentVariables")
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        return ()
    del document["environmentVariables"]
    return tuple(variables.items())


# Rows


@dataclass
class Row:
    """One package as two fields. `at` says where it stands in the text (`3`, or `0.2` for the first pip list)."""

    manager: str
    name: str = ""
    constraint: str = ""
    at: str = ""
    original: str = ""
    position: int = 0
    focus: bool = False
    where: str = ""
    findings: list = field(default_factory=list)

    @property
    def text(self):
        constraint = self.constraint
        if self.original and (self.name, constraint) == split(self.manager, self.original):
            return self.original
        if constraint[:1].isdigit():  # a bare number means this version; conda also knows "1.2 build"
            constraint = (" " if " " in constraint else "==" if self.manager == "pip" else "=") + constraint
        elif constraint and constraint[0] not in "=<>!~;[(":
            constraint = f" {constraint}"  # no constraint: what stands there is not to become part of the name
        return f"{self.name}{constraint}"

    @property
    def is_blank(self):
        return not self.name and not self.constraint

    @property
    def level(self):
        return self.findings[0].severity if self.findings else ""


def split(manager, text):
    return pip_lines.split(text) if manager == "pip" else conda_specs.split(text)


@dataclass
class Rows:
    """The packages of a conda file as rows: the Python that is asked for, the channels, conda and pip packages."""

    python: str = ""
    channels: list = field(default_factory=list)  # pairs of (where it stands or empty, name)
    conda: list = field(default_factory=list)
    pip: list = field(default_factory=list)

    @classmethod
    def of(cls, text):
        """The rows of a conda file, or None when it cannot be read."""
        file = conda_file.read(text)
        if file.section is None or not _is_listed(file.section):
            return None
        rows = cls(channels=[(str(i), name) for i, name in enumerate(file.section.get("channels") or [])])
        lists = 0
        for i, item in enumerate(file.section.get("dependencies") or []):
            if _has_pip_list(item):
                for j, line in enumerate(item["pip"]):
                    if isinstance(line, str) and line.strip() and not line.lstrip().startswith("#"):
                        rows.pip.append(_row("pip", line, f"{lists}.{j}", (*CONDA, "dependencies", i, "pip", j)))
                lists += 1
            elif isinstance(item, str) and _is_python(item):
                rows.python = rows.python or split("conda", item)[1] or "any"
            elif isinstance(item, str):
                rows.conda.append(_row("conda", item, str(i), (*CONDA, "dependencies", i)))
        rows.python = "" if rows.python == "any" else rows.python.lstrip("=").strip()
        return rows

    def show(self, findings):
        """Put each finding to the row it is about."""
        places = {row.where: row for row in (*self.conda, *self.pip)}
        for finding in findings:
            if finding.where in places:
                places[finding.where].findings.append(finding)
        for rows in (self.conda, self.pip):
            for position, row in enumerate(rows):
                row.position = position


def _row(manager, text, at, path):
    name, constraint = split(manager, text)
    return Row(manager, name, constraint, at, text, where=place(*path))


def _is_listed(section):
    """Whether channels and dependencies are lists of what rows can show."""
    channels, dependencies = section.get("channels") or [], section.get("dependencies") or []
    if not isinstance(channels, list) or not isinstance(dependencies, list):
        return False
    return all(isinstance(c, str) for c in channels) and sum(map(_has_pip_list, dependencies)) <= MOST_PIP_LISTS


def _is_python(text):
    return split("conda", text)[0].lower() == "python"


def write_rows(text, rows):
    """Write what stands in rows back into the conda file that they came from. Raise EditRefused when it cannot be."""
    shown = Rows.of(text)
    if shown is None:
        raise conda_edit.EditRefused
    text = conda_edit.reconcile(text, ("channels",), _wanted_channels(rows.channels, shown.channels))
    conda, new_conda = _placed(rows.conda, shown.conda)
    wanted = _wanted_conda(text, conda, new_conda, rows.python)
    text = conda_edit.reconcile(text, ("dependencies",), wanted)
    pip, new_pip = _placed(rows.pip, shown.pip)
    for path, there, wanted in reversed(_wanted_pip(text, pip)):
        if there and not wanted:
            text = conda_edit.remove(text, path[:2])
        elif there != [line for _, line in wanted]:
            text = conda_edit.reconcile(text, path, wanted)
    return conda_edit.extend(text, ("dependencies", None, "pip"), [row.text for row in new_pip])


def _placed(rows, shown):
    """Return ({where it stands: row}, new rows). A row whose place the text does not have is new: nothing is lost."""
    places, kept, new = {row.at for row in shown}, {}, []
    for row in rows:
        if row.at in places and row.at not in kept:
            kept[row.at] = row
        elif not row.is_blank:
            new.append(row)
    return kept, new


def _wanted_channels(channels, shown):
    """Channels have an order of their own, so each keeps the place where it was put."""
    places, wanted = {at for at, _ in shown}, []
    for at, name in channels:
        index = int(at) if at in places else None
        places.discard(at)
        wanted += [(index, name)] if name else []
    return wanted


def _wanted_conda(text, kept, new, python):
    """The dependencies as they should be: what no row shows stays, new packages follow the last of conda's."""
    wanted, last, has_python = [], 0, False
    for i, item in enumerate(conda_edit.values(text, ("dependencies",))):
        if isinstance(item, str) and _is_python(item):
            value = item if has_python else _python_line(python, item)
            has_python = True
            wanted += [(i, value)] if value else []
        elif not isinstance(item, str) or (str(i) in kept and not kept[str(i)].is_blank):
            wanted.append((i, item if not isinstance(item, str) else kept[str(i)].text))
        last = len(wanted) if isinstance(item, str) else last
    wanted[last:last] = [(None, row.text) for row in new]
    if python and not has_python:
        wanted.insert(0, (None, _python_line(python, "")))
    return wanted


def _python_line(wanted, there):
    """How Python is asked for; the line that is there stays as it is when it means the same."""
    if there and split("conda", there)[1].lstrip("=").strip() == wanted:
        return there
    if not wanted:
        return ""
    return f"python{wanted}" if wanted[0] in "=<>!~[ " else f"python={wanted}"


def _wanted_pip(text, kept):
    """For each pip list: (where it is, its lines, its lines as they should be)."""
    items = conda_edit.values(text, ("dependencies",))
    lists = [(i, item["pip"]) for i, item in enumerate(items) if _has_pip_list(item)]
    wanted = []
    for number, (i, there) in enumerate(lists):
        lines = []
        for j, line in enumerate(there):
            row = kept.get(f"{number}.{j}")
            if not isinstance(line, str) or not line.strip() or line.lstrip().startswith("#"):
                lines.append((j, line))
            elif row and not row.is_blank:
                lines.append((j, row.text))
        wanted.append((("dependencies", i, "pip"), there, lines))
    return wanted


def _has_pip_list(item):
    return isinstance(item, dict) and isinstance(item.get("pip"), list)


def to_other_manager(row):
    """A row as the other manager writes it."""
    if row.manager == "conda":
        spec, _ = conda_specs.parse(row.text)
        version = (spec.version if spec else row.constraint).replace(" ", "")
        if version[:1].isdigit() or (version.startswith("=") and not version.startswith("==")):
            version = version.lstrip("=")
            version = f"=={version}" if version.endswith("*") or not spec or spec.build else f"=={version}.*"
        return Row("pip", spec.name if spec else row.name, "" if version.strip("=") == "*" else version)
    line, _ = pip_lines.parse(row.text)
    if not isinstance(line, pip_lines.PipLine) or line.url:
        return None
    return Row("conda", line.name, str(line.requirement.specifier).replace(" ", ""))


def lost_by_moving(row):
    """What the other manager has no word for, as people call it."""
    if row.manager == "conda":
        spec, _ = conda_specs.parse(row.text)
        parts = {"channel": spec.channel, "build": spec.build, "options": spec.options} if spec else {}
    else:
        line, _ = pip_lines.parse(row.text)
        wanted = line.requirement
        parts = {"extras": wanted.extras, "marker": wanted.marker, "hashes": line.hashes}
    return [name for name, value in parts.items() if value]


def merge(text, other):
    """Add to a conda file what another one asks for and it does not have yet."""
    mine, theirs = Rows.of(text), Rows.of(other)
    if mine is None or theirs is None:
        raise conda_edit.EditRefused
    mine.python = mine.python or theirs.python
    there = {name for _, name in mine.channels}
    mine.channels += [("", name) for _, name in theirs.channels if name not in there]
    for rows, more in ((mine.conda, theirs.conda), (mine.pip, theirs.pip)):
        texts = {row.text for row in rows}
        rows += [Row(row.manager, row.name, row.constraint, "", row.original) for row in more if row.text not in texts]
    return write_rows(text, mine)
