"""What a good build gives beside its prefix, as Artifacts: the lock in each tool's form, an SBOM, a Dockerfile,
and a signed statement of what all of it was made of.

The archive of the prefix is none of these: it takes longer than the build, and most are never asked for, so that
`archive.py` makes it when somebody does.
"""

import hashlib
import time
from importlib.metadata import version as version_of

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from . import docker_file, lock_files, process, provenance, sbom, statements
from .artifact_models import ARCHIVE, ARCHIVE_PROVENANCE, PROVENANCE, Artifact, storage
from .models import Status

SBOM, DOCKERFILE = "sbom.cdx.json", "Dockerfile"
# Name of the file -> what it is, in words.
WORDS = lock_files.FILES | {
    SBOM: "software bill of materials, CycloneDX",
    DOCKERFILE: "gives the same packages, every hash checked",
    PROVENANCE: "signed statement of what these files were made of",
    ARCHIVE: "the installed packages, to unpack anywhere",
    ARCHIVE_PROVENANCE: "signed statement of what the archive was made of",
}


def pack(attempt):
    """Write the documents of a build that went well, in the log and the limits of an Attempt. Return the Artifacts."""
    seconds = settings.CHECK_SECONDS
    deadline = time.monotonic() + seconds

    def beat():
        if not attempt.beat():
            raise process.Stopped
        if time.monotonic() > deadline:
            raise process.TooSlow(seconds)

    attempt.say("Writing lock files, bill of materials and Dockerfile")
    with attempt.ends_in_time("pack", seconds):
        return write_documents(attempt.build, beat)


def write_documents(build, beat=lambda: None):
    """Write what is not there yet. Return the Artifacts of the build; `beat` is called before each is written."""
    there = set(build.artifacts.values_list("name", flat=True))
    for name, (text, content_type) in documents(build).items():
        if name not in there:
            beat()
            keep(build, name, content_type, ContentFile(text.encode()), **facts_of(text.encode()))
    if PROVENANCE not in there:
        beat()
        _attest(build, PROVENANCE, build.artifacts.exclude(name=ARCHIVE))
    return list(build.artifacts.all())


def attest_archive(build):
    """Write the statement about the archive that a build gives, unless there is one about this very archive."""
    given = {artifact.name: artifact for artifact in Artifact.objects.given_by(build)}
    if _lacks_statement(given.values()):
        if said := given.get(ARCHIVE_PROVENANCE):  # it is about one that was freed since
            said.delete()
        _attest(build, ARCHIVE_PROVENANCE, [given[ARCHIVE]])


def _attest(build, name, files):
    if text := statements.about(build, files):
        keep(build, name, provenance.CONTENT_TYPE, ContentFile(text.encode()), **facts_of(text.encode()))


def artifacts_of(build):
    """The Artifacts that a build gives.

    Where another build supplied the packages, the documents are still its own: they name its environment and its
    variables, and nobody may learn of the other's from them. They are written when somebody first asks, because
    such a build ends at once.
    """
    if build.status != Status.SUCCEEDED or not build.lock:
        return []
    given = list(Artifact.objects.given_by(build))
    if all(artifact.build_id != build.pk for artifact in given):
        write_documents(build)
        given = list(Artifact.objects.given_by(build))
    if _lacks_statement(given):
        attest_archive(build)
        given = list(Artifact.objects.given_by(build))
    order = list(WORDS)
    return sorted(given, key=lambda artifact: order.index(artifact.name))


def _lacks_statement(given):
    """Whether there is an archive and no statement about it; nothing to do where the build itself has none."""
    created = {artifact.name: artifact.created for artifact in given}
    if ARCHIVE not in created or PROVENANCE not in created:
        return False
    return ARCHIVE_PROVENANCE not in created or created[ARCHIVE_PROVENANCE] < created[ARCHIVE]


def documents(build):
    """{name: (text, content type)} of what follows from the definition and the lock of a build."""
    locked = build.locked(settings.PUBLIC_URL)
    files = {name: lock_files.render(name, locked) for name in build.lock_files}
    files[SBOM] = sbom.render(_subject(build, locked)), sbom.CONTENT_TYPE
    files[DOCKERFILE] = docker_file.render(_recipe(build, locked)), lock_files.TEXT
    return files


def keep(build, name, content_type, file, *, sha256, size):
    """Put a file into the storage, and its row beside it. The first of two that do so at the same time has written it."""
    path = storage().save(f"{build.pk.hex[:2]}/{build.pk}/{name}", file)
    facts = {"content_type": content_type, "sha256": sha256, "size": size, "path": path}
    try:
        with transaction.atomic():
            Artifact.objects.create(build=build, name=name, **facts)
    except IntegrityError:
        storage().delete(path)


def facts_of(data):
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def _subject(build, locked):
    moment = build.finished or timezone.now()
    environment = build.version.environment
    return sbom.Subject(environment.name, build.version.number, build.image_key, build.pk, moment, locked)


def _recipe(build, locked):
    definition = build.version.definition
    return docker_file.Recipe(
        locked,
        title=f"{build.version.environment.name}, version {build.version.number}",
        base=definition.docker.get("baseImage") or "",
        python=settings.DOCKER_PYTHON,
        micromamba=settings.DOCKER_MICROMAMBA,
        uv=version_of("uv"),
        portal=settings.PUBLIC_URL,
        variables=definition.document.get("environmentVariables") or {},
    )
