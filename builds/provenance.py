"""What was made of what, by whom and when: an in-toto statement with a SLSA provenance, version 1. Pure.

Sources: in-toto attestation framework, Statement v1; SLSA v1.0, provenance.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from .sbom import purl
from .verify import PREDICATE, STATEMENT

CONTENT_TYPE = "application/vnd.dsse.envelope.v1+json"
BUILDER, BUILD_TYPE = "/provenance/", "/provenance/#lock-and-install-v1"


@dataclass(frozen=True)
class Run:
    """How it was built: versions of the tools by name, whether confined (None: not known), and when."""

    tools: dict
    is_sandboxed: bool | None
    started: datetime
    finished: datetime


@dataclass(frozen=True)
class Made:
    """What a statement is about.

    `portal` is the portal's address without a slash at its end, `build` the address of the build below it, `files`
    {name: sha256} of what it gave. `definition` is (address of the document, sha256 of its bytes, identity),
    `supplier` the id of the build that made it where that was another one, `locked` a `lock_files.Locked`.
    """

    portal: str
    build: str
    workspace: str
    environment: str
    version: int
    definition: tuple
    image_key: str
    lock: str
    locked: object
    files: dict
    run: Run
    supplier: str = ""


def statement(made):
    """Return the statement as what JSON can say."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in made.files.items()],
        "predicateType": PREDICATE,
        "predicate": {"buildDefinition": _definition(made), "runDetails": _details(made)},
    }


def _definition(made):
    address, sha256, identity = made.definition
    locked, external = made.locked, {"workspace": made.workspace, "environment": made.environment}
    document = {"name": "definition.json", "uri": f"{made.portal}{address}", "digest": {"sha256": sha256}}
    external |= {"version": made.version, "definition": document, "platform": locked.platform}
    internal = {"identity": identity, "imageKey": made.image_key, "lock": made.lock, "python": locked.python}
    internal["sandboxed"] = made.run.is_sandboxed
    if made.supplier:
        internal["suppliedBy"] = f"urn:uuid:{made.supplier}"
    return {
        "buildType": f"{made.portal}{BUILD_TYPE}",
        "externalParameters": external,
        "internalParameters": internal,
        "resolvedDependencies": [document, *map(_dependency, locked.packages)],
    }


def _dependency(package):
    found = {"name": package.name, "uri": purl(package), "downloadLocation": package.url}
    if package.sha256:
        found["digest"] = {"sha256": package.sha256}
    if package.is_source:  # what it was built with is not locked, and so not known here
        found["annotations"] = {"envportal:source": True}
    return found


def _details(made):
    run = made.run
    return {
        "builder": {"id": f"{made.portal}{BUILDER}", "version": run.tools},
        "metadata": {
            "invocationId": f"{made.portal}{made.build}",
            "startedOn": _moment(run.started),
            "finishedOn": _moment(run.finished),
        },
    }


def run_of(found):
    """The Run that a statement tells of: what another build says of the packages that it supplied."""
    predicate = found["predicate"]
    details = predicate["runDetails"]
    moments = [datetime.fromisoformat(details["metadata"][name]) for name in ("startedOn", "finishedOn")]
    internal = predicate["buildDefinition"]["internalParameters"]
    return Run(details["builder"]["version"], internal["sandboxed"], *moments)


def _moment(moment):
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
