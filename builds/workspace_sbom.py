"""What a workspace installs as one software bill of materials: CycloneDX 1.6, in JSON, written piece by piece. Pure.

Each file is one component, however many environments have it; each locked version of an environment is one, too, and
depends on what its lock installs. Who needs whom inside a lock is said by the bill of a build.
"""

import json
from dataclasses import dataclass
from itertools import chain, groupby

from . import sbom

ROOT = "workspace"


@dataclass(frozen=True)
class LockedVersion:
    """A version of an environment with one of its locks. `python` is set where no package of the lock brings it."""

    environment: str
    number: int
    lock: str
    platform: str
    python: str
    image_key: str

    @property
    def reference(self):
        return f"{self.environment}@{self.number}#{self.lock[:12]}"

    @property
    def interpreter(self):
        return f"python@{self.python}" if self.python else ""

    @property
    def component(self):
        facts = {"image-key": self.image_key, "platform": self.platform, "python": self.python, "lock": self.lock}
        return {
            "type": "application",
            "bom-ref": self.reference,
            "name": self.environment,
            "version": str(self.number),
            "properties": sbom.properties(facts),
        }


@dataclass(frozen=True)
class Subject:
    """A workspace, `versions` its LockedVersions, `scope` which of them these are, in words."""

    workspace: str
    serial: object
    moment: object
    scope: str
    versions: tuple


def reference(package):
    """What dependencies call a package: one release may have a file for each platform and Python."""
    return f"{sbom.purl(package)}#{package.sha256[:12]}" if package.sha256 else sbom.purl(package)


def each_once(packages):
    """Of Packages in the order of name, version, build and hash, the first of each file, as (reference, Package)."""
    for _, same in groupby(packages, lambda package: (package.manager, package.name, package.version, package.sha256)):
        seen = set()
        for package in same:
            if (called := reference(package)) not in seen:
                seen.add(called)
                yield called, package


def pieces(subject, packages, locked):
    """Yield the document as texts.

    `packages` are all Packages in the order of `each_once`; `locked` yields (digest of a lock, its Packages).
    """
    head = json.dumps(_head(subject), ensure_ascii=False, indent=2)
    yield head.removesuffix("\n}") + ',\n  "components": ['
    yield from _list(
        chain(_environments(subject), (sbom.component(each, called) for called, each in each_once(packages)))
    )
    yield '],\n  "dependencies": ['
    yield from _list(_dependencies(subject, locked))
    yield "]\n}\n"


def _head(subject):
    facts = sbom.properties({"versions": subject.scope})
    workspace = {"type": "application", "bom-ref": ROOT, "name": subject.workspace, "properties": facts}
    return sbom.head(subject.serial, subject.moment, workspace)


def _environments(subject):
    for version in subject.versions:
        yield version.component
    for python in sorted({version.python for version in subject.versions if version.python}):
        yield sbom.interpreter(python, f"python@{python}")


def _dependencies(subject, locked):
    yield {"ref": ROOT, "dependsOn": [version.reference for version in subject.versions]}
    by_lock = {}
    for version in subject.versions:
        by_lock.setdefault(version.lock, []).append(version)
    for digest, packages in locked:
        references = sorted({reference(package) for package in packages})
        for version in by_lock.pop(digest, ()):
            yield {"ref": version.reference, "dependsOn": [*_interpreters(version), *references]}
    for versions in by_lock.values():  # locks of no package but Python
        for version in versions:
            yield {"ref": version.reference, "dependsOn": [*_interpreters(version)]}


def _interpreters(version):
    return [version.interpreter] if version.interpreter else []


def _list(values):
    before = "\n    "
    for value in values:
        yield before + json.dumps(value, ensure_ascii=False)
        before = ",\n    "
    yield "\n  "
