"""Signed statements about what a build gave: its provenance. Made once, when it has been made; see provenance.py."""

import base64
import hashlib
import json
from importlib.metadata import version as version_of

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from . import provenance
from .artifact_models import PROVENANCE
from .models import Build, SigningKey, Status

TOOLS = ("uv", "py-rattler")


def about(build, files):
    """Return the signed statement about these Artifacts of a build, as text.

    None where nobody can say any more how it was made: it was built before the portal signed what it builds.
    """
    run = _run(build)
    if not run:
        return None
    version, document = build.version, build.version.as_file("definition.json")[0]
    address = reverse(
        "version-file", args=[build.workspace.name, version.environment.name, version.number, "definition.json"]
    )
    made = provenance.Made(
        portal=settings.PUBLIC_URL.rstrip("/"),
        build=build.get_absolute_url(),
        workspace=build.workspace.name,
        environment=version.environment.name,
        version=version.number,
        definition=(address, hashlib.sha256(document.encode()).hexdigest(), version.identity),
        image_key=build.image_key,
        lock=build.lock.digest,
        locked=build.locked(settings.PUBLIC_URL),
        files={file.name: file.sha256 for file in files},
        run=run,
        supplier=str(build.reused_from_id or ""),
    )
    return SigningKey.objects.sign(provenance.statement(made))


def _run(build):
    """How it is being built now; of one that has ended, what was said when it was, by whoever made it."""
    if build.status != Status.RUNNING:
        said = build.supplier.artifacts.filter(name=PROVENANCE).first()
        return provenance.run_of(_read(said)) if said else None
    tools = {"envportal": settings.VERSION} | {name: version_of(name) for name in TOOLS}
    is_sandboxed = Build.objects.values_list("is_sandboxed", flat=True).get(
        pk=build.pk
    )  # which an Attempt writes there
    return provenance.Run(tools, is_sandboxed, build.started, timezone.now())


def _read(artifact):
    with artifact.open() as file:
        return json.loads(base64.b64decode(json.load(file)["payload"]))
