"""Why builds fail, in classes, and what to do about each."""

from django.db.models import TextChoices


class Failure(TextChoices):
    """Why a build failed, in classes. `diagnosis.py` tells them apart, the build page gives advice."""

    NOT_BUILDABLE = "not buildable", "Cannot be built here"
    NOT_ALLOWED = "not allowed", "Not allowed by the policy"
    NO_SANDBOX = "no sandbox", "Needs the sandbox"
    PYTHON_MISSING = "python missing", "Python version is not there"
    BAD_SPEC = "bad spec", "A requirement cannot be read"
    PACKAGE_NOT_FOUND = "package not found", "Package not found"
    NO_VERSION = "no matching version", "No matching version"
    NO_WHEEL = "no wheel", "No wheel for this platform and Python"
    NO_SOURCE = "no source", "No source distribution"
    PYTHON_VERSION = "incompatible python", "Incompatible Python version"
    CONFLICT = "conflict", "Conflict between requirements"
    WHEEL = "private wheel", "Private wheel missing or forbidden"
    CREDENTIALS = "credentials", "Credentials missing or refused"
    LOGIN = "interactive login", "Interactive login attempted"
    REGISTRY = "registry unreachable", "Registry unreachable"
    BASE_IMAGE = "base image", "Base image cannot be pulled"
    NETWORK = "network", "Network error"
    HASH_MISMATCH = "hash mismatch", "Hash mismatch"
    SOURCE = "source build", "Cannot be built from source"
    COMPILE = "compile error", "Compile error"
    COMMAND = "missing command", "Missing command"
    REDIRECTION = "unquoted >", "> or < without quotes in a shell line"
    DISTUTILS = "distutils package", "Cannot uninstall a distutils package"
    DISK_FULL = "disk full", "Disk full"
    OUT_OF_MEMORY = "out of memory", "Out of memory"
    SOLVER_TIMEOUT = "solver timeout", "Resolving took too long"
    TIMEOUT = "timeout", "Took too long"
    MODULE = "missing module", "Missing Python module"
    IMPORT = "import", "A package cannot be imported"
    INCOMPATIBLE = "incompatible", "Installed packages do not fit together"
    WORKER_LOST = "worker lost", "Worker lost"
    STOPPED = "stopped", "Portal was stopped"
    CANCELLED = "cancelled", "Cancelled"
    OURS = "ours", "Our own fault"


# A build of the same definition, in the same workspace, would fail in the same way, and only cost as much again. Not
# among them is what is about the worker, the network or the moment, and what is found out in no time.
SHARED = frozenset(
    {
        Failure.BAD_SPEC,
        Failure.PACKAGE_NOT_FOUND,
        Failure.NO_VERSION,
        Failure.NO_WHEEL,
        Failure.NO_SOURCE,
        Failure.PYTHON_VERSION,
        Failure.CONFLICT,
        Failure.LOGIN,
        Failure.HASH_MISMATCH,
        Failure.SOURCE,
        Failure.COMPILE,
        Failure.COMMAND,
        Failure.REDIRECTION,
        Failure.DISTUTILS,
        Failure.OUT_OF_MEMORY,
        Failure.SOLVER_TIMEOUT,
        Failure.TIMEOUT,
        Failure.MODULE,
        Failure.IMPORT,
        Failure.INCOMPATIBLE,
    }
)

ADVICE = {
    Failure.NOT_BUILDABLE: "Change what the sentence above names, and build the new version.",
    Failure.NOT_ALLOWED: "Ask for what the policy allows, and build the new version. Policies of the workspace show every "
    "rule, and who can change it.",
    Failure.NO_SANDBOX: "Ask for a version that has a wheel and take --no-binary out, or upload a wheel. An administrator "
    "gives a worker the sandbox by installing bubblewrap there.",
    Failure.PYTHON_MISSING: "Ask for one of these, or install that Python on the worker's machine.",
    Failure.BAD_SPEC: "Write it as name, operator and version, for example numpy>=1.26,<3.",
    Failure.PACKAGE_NOT_FOUND: "Check the spelling. A private package needs an index that has it.",
    Failure.NO_VERSION: "Ask for a version that exists, or leave the version open.",
    Failure.NO_WHEEL: "Ask for another Python or another version. Where there is a source distribution, a line “--no-binary NAME” among "
    "the pip packages has it built, in the sandbox.",
    Failure.NO_SOURCE: "Take --no-binary out for it, or ask for a version that has a source distribution.",
    Failure.PYTHON_VERSION: "Ask for a Python that the package supports, or for a version of it that supports this one.",
    Failure.CONFLICT: "Relax one of the requirements that are named.",
    Failure.WHEEL: "Look whether the wheel is still in the workspace; upload it again if it is not.",
    Failure.CREDENTIALS: "Write ${NAME} where a user, password or token belongs in the address, and have an owner set that secret of the workspace.",
    Failure.LOGIN: "Use a package or an address that needs no login, or upload a wheel.",
    Failure.REGISTRY: "Build again when it answers; the address of the base image says which registry it is.",
    Failure.BASE_IMAGE: "Check name and tag of the base image, and whether the portal may pull it.",
    Failure.NETWORK: "Build again when it answers.",
    Failure.HASH_MISMATCH: "The index served another file than before. Find out why before you trust it.",
    Failure.SOURCE: "Ask for a version that has a wheel and take --no-binary out, or upload a wheel. While a package is "
    "built there is no network, and it can write nothing but its own folder.",
    Failure.COMPILE: "Ask for a version that has a wheel, or upload a wheel that is built already.",
    Failure.COMMAND: "Ask for a version that has a wheel, which needs no such command, or upload one.",
    Failure.REDIRECTION: "Put the requirement in quotes: pip install 'numpy>=1.20'.",
    Failure.DISTUTILS: "Do not ask for another version of it, or use a base image that does not have it.",
    Failure.DISK_FULL: "Build again when there is room. An administrator sees under Storage what takes it and what a "
    "clean-up would free; ENVPORTAL_KEEP_LAST, ENVPORTAL_KEEP_USED_DAYS and ENVPORTAL_STORAGE_MB say what is kept.",
    Failure.OUT_OF_MEMORY: "An administrator can raise ENVPORTAL_BUILD_MEMORY.",
    Failure.SOLVER_TIMEOUT: "Pin more versions exactly, so that less has to be tried; or an administrator raises the limit.",
    Failure.TIMEOUT: "Build again, as what was fetched is kept; or an administrator raises the limit.",
    Failure.MODULE: "Add the package that has this module; its name may be another one than the module's.",
    Failure.IMPORT: "The packages are installed, but this one does not work here: the log shows why. "
    "In the sandbox there is no network, and a package can read and write nothing but its own.",
    Failure.INCOMPATIBLE: "Relax or change the versions that are named.",
    Failure.WORKER_LOST: "The worker's process ended in the middle of this build. Build again.",
    Failure.STOPPED: "Build again when the portal runs.",
    Failure.CANCELLED: "Build again when you want it after all.",
    Failure.OURS: "Tell an administrator: the log of the worker says more.",
}
