"""Curated environments as files: a folder for each, with its definition and what is said about it. Pure.

    environments/curated/AzureML-Minimal/environment.yml    the definition, as a conda file …
    environments/curated/AzureML-Minimal/about.yml          description, tags, lifecycle

… or as the folder that `Environment.save_to_directory` writes, where a definition says more than packages.
"""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from .definition import Definition
from .drafts import Draft
from .faults import UserFault
from .findings import errors
from .formats import reading
from .formats.yaml_tree import YamlFault, parse
from .policy import Policy
from .texts import digest_of

SHIPPED = Path(__file__).parent / "curated"
CONDA, ABOUT = "environment.yml", "about.yml"
STAGES = ("preview", "current", "deprecated", "archived")
KEYS = {"description", "tags", "lifecycle", "ends", "reason", "successor", "message"}


class ShelfFault(UserFault):
    """A file of the shelf that cannot be taken: the sentence begins with its name."""


@dataclass(frozen=True)
class Shelved:
    """What the files of one curated environment say. `conda` is its conda file with comments, empty where it has none."""

    name: str
    definition: Definition
    conda: str
    description: str = ""
    tags: dict = field(default_factory=dict, hash=False)
    stage: str = "preview"
    ends: date | None = None
    reason: str = ""
    successor: str = ""
    message: str = ""

    @property
    def definition_digest(self):
        return digest_of(f"{self.definition.identity}\n{self.conda}")

    @property
    def about_digest(self):
        said = (self.description, sorted(self.tags.items()), self.stage, self.ends, self.reason, self.successor)
        return digest_of(repr(said))


def read(folder, policy=None):
    """Return ({name: Shelved}, [ShelfFault]) of all folders below `folder`. Raise ShelfFault where there is none."""
    if not folder.is_dir():
        raise ShelfFault(f"{folder} is no folder.")
    found, faults = {}, []
    for each in sorted(each for each in folder.iterdir() if each.is_dir()):
        try:
            found[each.name] = read_one(each, policy)
        except ShelfFault as fault:
            faults.append(fault)
    return found, faults


def read_one(folder, policy=None):
    """Return the Shelved of one folder. Raise ShelfFault."""
    said = _about(folder)
    definition, conda = _definition(folder, policy)
    stage = said.get("lifecycle", "preview")
    if stage not in STAGES:
        raise ShelfFault(f"{folder.name}/{ABOUT}: lifecycle is one of {', '.join(STAGES)}, not {stage}.")
    texts = {name: " ".join(str(said.get(name) or "").split()) for name in ("description", "reason", "successor")}
    tags = {str(name): str(value) for name, value in (said.get("tags") or {}).items()}
    message = str(said.get("message") or "")
    return Shelved(
        folder.name, definition, conda, tags=tags, stage=stage, ends=said.get("ends"), message=message, **texts
    )


def _about(folder):
    try:
        root = parse((folder / ABOUT).read_text())
    except (OSError, UnicodeError) as fault:
        raise ShelfFault(f"{folder.name}/{ABOUT}: {fault}") from fault
    except YamlFault as fault:
        raise ShelfFault(f"{folder.name}/{ABOUT}, line {fault.finding.line}: {fault.finding.message}") from fault
    said = root.plain() if root else None
    if not isinstance(said, dict) or not isinstance(said.get("tags") or {}, dict):
        raise ShelfFault(f"{folder.name}/{ABOUT}: Names and values are wanted, as description: and tags:.")
    if unknown := sorted(set(map(str, said)) - KEYS):
        raise ShelfFault(f"{folder.name}/{ABOUT}: There is no key {unknown[0]}. Known: {', '.join(sorted(KEYS))}.")
    try:
        return said | {"ends": date.fromisoformat(said["ends"]) if said.get("ends") else None}
    except (TypeError, ValueError) as fault:
        raise ShelfFault(f"{folder.name}/{ABOUT}: ends is a day, such as 2027-03-31.") from fault


def _definition(folder, policy):
    """Return (the Definition, its conda file as it is written)."""
    if (folder / CONDA).exists():
        read = reading.read(CONDA, (folder / CONDA).read_bytes(), policy)
        definition = read.definition and Draft.of(read.document, read.conda).examine(policy or Policy())
    else:
        files = {file.name: file.read_bytes() for file in folder.iterdir() if file.name in reading.FOLDER}
        read = reading.read_folder(files, policy)
        definition = read.definition
    refused = errors(definition.findings if definition else read.findings)
    if refused:
        raise ShelfFault(f"{folder.name}: {' '.join(finding.sentence for finding in refused)}")
    return definition, read.conda
