"""Why builds fail, in classes, and what to do about each."""

from django.db.models import TextChoices


class Failure(TextChoices):
    """Why a build failed, in classes. `diagnosis.py` tells them apart, the build page gives advice."""

    NOT_BUILDABLE = "not buildable", "Cannot be built here"
    PYTHON_MISSING = "python missing", "Python version is not there"
    PACKAGE_NOT_FOUND = "package not found", "Package not found"
    NO_VERSION = "no matching version", "No matching version"
    NO_WHEEL = "no wheel", "No wheel for this platform and Python"
    CONFLICT = "conflict", "Conflict between requirements"
    WHEEL = "private wheel", "Private wheel missing or forbidden"
    NETWORK = "network", "Network error"
    HASH_MISMATCH = "hash mismatch", "Hash mismatch"
    DISK_FULL = "disk full", "Disk full"
    OUT_OF_MEMORY = "out of memory", "Out of memory"
    TIMEOUT = "timeout", "Took too long"
    IMPORT = "import", "A package cannot be imported"
    INCOMPATIBLE = "incompatible", "Installed packages do not fit together"
    WORKER_LOST = "worker lost", "Worker lost"
    STOPPED = "stopped", "Portal was stopped"
    OURS = "ours", "Our own fault"


ADVICE = {
    Failure.PYTHON_MISSING: "Ask for one of these, or install that Python on the worker's machine.",
    Failure.PACKAGE_NOT_FOUND: "Check the spelling. A private package needs an index that has it.",
    Failure.NO_VERSION: "Ask for a version that exists, or leave the version open.",
    Failure.NO_WHEEL: "Ask for another Python or another version: packages are installed from wheels only.",
    Failure.CONFLICT: "Relax one of the requirements that are named.",
    Failure.WHEEL: "Look whether the wheel is still in the workspace; upload it again if it is not.",
    Failure.NETWORK: "Build again when it answers.",
    Failure.HASH_MISMATCH: "The index served another file than before. Find out why before you trust it.",
    Failure.DISK_FULL: "An administrator frees space on the worker's machine; then build again.",
    Failure.OUT_OF_MEMORY: "An administrator can raise ENVPORTAL_BUILD_MEMORY.",
    Failure.TIMEOUT: "Pin more versions exactly, so that less has to be tried; or an administrator raises the limit.",
    Failure.IMPORT: "The packages are installed, but this one does not work here: the log shows why.",
    Failure.INCOMPATIBLE: "Relax or change the versions that are named.",
    Failure.WORKER_LOST: "The worker's process ended in the middle of this build. Build again.",
}
