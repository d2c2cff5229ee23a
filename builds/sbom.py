"""A lock as a software bill of materials: CycloneDX 1.6, in JSON. Pure."""

import json
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name

CONTENT_TYPE = "application/vnd.cyclonedx+json; version=1.6"
ROOT, PYTHON = "environment", "python-interpreter"  # what dependencies call them


@dataclass(frozen=True)
class Subject:
    """What the bill is for: version `number` of the environment `name`, as it was built.

    `serial` is a UUID, `moment` an aware datetime, `locked` a `lock_files.Locked`.
    """

    name: str
    number: int
    image_key: str
    serial: object
    moment: object
    locked: object


def render(subject):
    """Return the document as text."""
    locked = subject.locked
    references = {(package.manager, package.name): purl(package) for package in locked.packages}
    document = head(subject.serial, subject.moment, _environment(subject)) | {
        "components": [
            *_interpreter(locked),
            *(component(package, direct=_yes(package.direct)) for package in locked.packages),
        ],
        "dependencies": _dependencies(locked, references),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def head(serial, moment, component):
    """What a bill begins with: its UUID, when it was made, and the component that it is for."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tools": {"components": [{"type": "application", "name": "envportal"}]},
            "component": component,
        },
    }


def purl(package):
    """The package's address that is the same in every tool. Neither host nor credentials of a channel are in it."""
    if package.manager == "pip":
        return f"pkg:pypi/{_quoted(canonicalize_name(package.name))}@{_quoted(package.version)}"
    filename = urlsplit(package.url).path
    qualifiers = {
        "build": package.build,
        "channel": urlsplit(package.channel).path.rstrip("/").rpartition("/")[2] or package.channel,
        "subdir": package.subdir,
        "type": next((ending for ending in ("conda", "tar.bz2") if filename.endswith(f".{ending}")), ""),
    }
    said = "&".join(f"{name}={_quoted(value)}" for name, value in qualifiers.items() if value)
    return f"pkg:conda/{_quoted(package.name)}@{_quoted(package.version)}?{said}"


def licences_of(text):
    """What CycloneDX says of a licence: an SPDX id, an expression of them, else the words as they are."""
    text = text.strip()
    if not text:
        return []
    try:
        expression = canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return [{"license": {"name": text}}]
    is_id = " " not in expression and "(" not in expression and "+" not in expression
    if is_id and not expression.startswith("LicenseRef-"):
        return [{"license": {"id": expression}}]
    return [{"expression": expression}]


def _environment(subject):
    facts = {"image-key": subject.image_key, "platform": subject.locked.platform, "python": subject.locked.python}
    return {
        "type": "application",
        "bom-ref": ROOT,
        "name": subject.name,
        "version": str(subject.number),
        "properties": properties(facts),
    }


def _interpreter(locked):
    """The Python that is no package of the lock, where conda brings none."""
    if not _has_own_python(locked):
        return []
    return [interpreter(locked.python, PYTHON)]


def interpreter(python, reference):
    """A Python that is no package of a lock, as a component."""
    return {
        "type": "platform",
        "bom-ref": reference,
        "name": "python",
        "version": python,
        "purl": f"pkg:generic/python@{python}",
    }


def _has_own_python(locked):
    return bool(locked.python) and all(package.name != "python" for package in locked.conda)


def component(package, reference="", **facts):
    """A package as a component; `reference` is what dependencies call it, if that is not its purl."""
    found = {
        "type": "library",
        "bom-ref": reference or purl(package),
        "name": package.name,
        "version": package.version,
        "hashes": [{"alg": "SHA-256", "content": package.sha256}] if package.sha256 else [],
        "licenses": licences_of(package.licence),
        "purl": purl(package),
        "externalReferences": [
            {"type": "source-distribution" if package.is_source else "distribution", "url": package.url}
        ],
        "properties": properties(facts),
    }
    return {name: value for name, value in found.items() if value}


def properties(facts):
    """Facts as properties under our name, without those that are empty."""
    return [{"name": f"envportal:{name}", "value": value} for name, value in facts.items() if value]


def _yes(is_so):
    return "true" if is_so else "false"


def _dependencies(locked, references):
    """Who needs what. A name may stand for a package of either manager; the same one is meant first."""
    needs = {ROOT: [PYTHON] if _has_own_python(locked) else []}
    needs |= {reference: [] for reference in (PYTHON, *references.values()) if reference != PYTHON or needs[ROOT]}
    for package in locked.packages:
        reference = references[package.manager, package.name]
        if package.direct:
            needs[ROOT].append(reference)
        for name in package.requested_by:
            for manager in (package.manager, "pip", "conda"):
                if who := references.get((manager, name)):
                    needs[who].append(reference)
                    break
    return [{"ref": who, "dependsOn": sorted(set(what) - {who})} for who, what in needs.items()]


def _quoted(text):
    return quote(text, safe=":")
