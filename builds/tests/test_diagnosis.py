"""Each log is what the tool really printed, but for names of hosts and folders; see `logs/`."""

import time
from pathlib import Path

import pytest

from builds.diagnosis import diagnose
from builds.failures import ADVICE, Failure

HEAD = "error: No solution found when resolving dependencies\n  cause: "
CASES = [
    (
        HEAD + "Because nosuch was not found in the package registry and you require nosuch, we can conclude that your"
        " requirements are unsatisfiable.\n",
        Failure.PACKAGE_NOT_FOUND,
        "The index has no package named nosuch.",
        2,
    ),
    (
        HEAD
        + "Because scipy==1.9.3 depends on numpy>=1.18.5,<1.26.0 and you require numpy==2.1.0, we can conclude that"
        " your requirements and scipy==1.9.3 are incompatible.\n"
        "         And because you require scipy==1.9.3, we can conclude that your requirements are unsatisfiable.\n",
        Failure.CONFLICT,
        "The requirements do not fit together. Because scipy==1.9.3 depends on numpy>=1.18.5,<1.26.0 and you require"
        " numpy==2.1.0, we can conclude that your requirements and scipy==1.9.3 are incompatible. And because you"
        " require scipy==1.9.3, we can conclude that your requirements are unsatisfiable.",
        2,
    ),
    (
        HEAD + "Because there is no version of numpy==99 and you require numpy==99, we can conclude that your"
        " requirements are unsatisfiable.\n",
        Failure.NO_VERSION,
        "No version of numpy matches. Because there is no version of numpy==99 and you require numpy==99, we can"
        " conclude that your requirements are unsatisfiable.",
        2,
    ),
    (
        HEAD + "Because only ipython<=9.18.1 is available and you require ipython>=9.20, we can conclude that your"
        " requirements are unsatisfiable.\n",
        Failure.NO_VERSION,
        "No version of ipython matches. Because only ipython<=9.18.1 is available and you require ipython>=9.20, we can"
        " conclude that your requirements are unsatisfiable.",
        2,
    ),
    (
        HEAD
        + "Because only demo-pkg==1.0 is available and demo-pkg==1.0 depends on six>=1.17, we can conclude that all"
        " versions of demo-pkg depend on six>=1.17.\n"
        "         And because you require demo-pkg and six==1.16.0, we can conclude that your requirements are"
        " unsatisfiable.\n",
        Failure.CONFLICT,
        "The requirements do not fit together. Because only demo-pkg==1.0 is available and demo-pkg==1.0 depends on"
        " six>=1.17, we can conclude that all versions of demo-pkg depend on six>=1.17. And because you require demo-pkg"
        " and six==1.16.0, we can conclude that your requirements are unsatisfiable.",
        2,
    ),
    (
        HEAD + "Because tensorflow==1.15.0 has no wheels with a matching Python ABI tag (e.g., `cp311`) and you require"
        " tensorflow==1.15, we can conclude that your requirements are unsatisfiable.\n\n"
        "hint: You require CPython 3.11 (`cp311`), but we only found wheels for `tensorflow` (v1.15.0)\n",
        Failure.NO_WHEEL,
        "tensorflow has no wheel for this platform and Python. Because tensorflow==1.15.0 has no wheels with a matching"
        " Python ABI tag (e.g., `cp311`) and you require tensorflow==1.15, we can conclude that your requirements are"
        " unsatisfiable.",
        2,
    ),
    (
        HEAD + "Because all versions of fasttext have no usable wheels and you require fasttext, we can conclude that"
        " your requirements are unsatisfiable.\n",
        Failure.NO_WHEEL,
        "fasttext has no wheel for this platform and Python. Because all versions of fasttext have no usable wheels and"
        " you require fasttext, we can conclude that your requirements are unsatisfiable.",
        2,
    ),
    (
        "Resolved 1 package in 50ms\nerror: Failed to download `idna==3.20`\n  cause: Hash mismatch for `idna==3.20`\n",
        Failure.HASH_MISMATCH,
        "idna==3.20 is not the file that was locked: its hash is another.",
        3,
    ),
    (
        "memory allocation of 16393 bytes failed\nnote: run with `RUST_BACKTRACE=1`\n",
        Failure.OUT_OF_MEMORY,
        "The step needed more memory than the 500 MB that a build may have.",
        1,
    ),
    (
        "error: Failed to install: numpy\n  cause: failed to write: No space left on device (os error 28)\n",
        Failure.DISK_FULL,
        "The disk of the worker is full.",
        2,
    ),
    (
        "error: Request failed after 3 retries in 3.0s\n  cause: Failed to fetch: `http://127.0.0.1:9/simple/idna/`\n"
        "  cause: error sending request for url\n  cause: tcp connect error\n  cause: Connection refused (os error 111)\n",
        Failure.NETWORK,
        "The package index could not be reached.",
        1,
    ),
    (
        "ok     numpy (numpy) 0.36 s\nfailed cv2 (opencv-python)\nTraceback (most recent call last):\n"
        "ImportError: libGL.so.1: cannot open shared object file\n"
        "opencv-python cannot be imported: ImportError: libGL.so.1: cannot open shared object file\n",
        Failure.IMPORT,
        "opencv-python cannot be imported: ImportError: libGL.so.1: cannot open shared object file",
        5,
    ),
    (
        "Checked 2 packages in 1ms\nFound 1 incompatibility\nThe package `a` requires `b`, but it's not installed\n",
        Failure.INCOMPATIBLE,
        "Installed packages do not fit together: The package `a` requires `b`, but it's not installed",
        2,
    ),
    ("something new\nthat nobody knows\n\n", Failure.OURS, "The install step failed: that nobody knows", 2),
    ("", Failure.OURS, "The install step failed.", None),
]


@pytest.mark.parametrize(
    ("log", "failure", "reason", "line"), CASES, ids=[f"{f}-{i}" for i, (_, f, *_) in enumerate(CASES)]
)
def test_a_log_tells_its_cause(log, failure, reason, line):
    found = diagnose(log, "install", 500)
    assert (found.failure, found.reason, found.line) == (failure, reason, line)


# Captured by running the tool, those named “after docs” written after what its documentation shows.
# Each with its class, the first sentence of the reason, and the line that shows it.
LOGS = {
    "az-asks-for-login-after-docs": (
        Failure.LOGIN,
        "A tool asked for a name or a password, and nobody can answer while a build runs",
        2,
    ),
    "bash-killed": (Failure.OUT_OF_MEMORY, "The step needed more memory than the 500 MB that a build may have", 1),
    "bash-missing-command": (Failure.COMMAND, "The command nosuchtool is not there", 1),
    "bash-unquoted-greater": (
        Failure.REDIRECTION,
        "The shell took the > or < of a version for a redirection, and =1.20 for the name of a file",
        1,
    ),
    "bash-unquoted-less": (
        Failure.REDIRECTION,
        "The shell took the > or < of a version for a redirection, and 1.9 for the name of a file",
        1,
    ),
    "dash-missing-command": (Failure.COMMAND, "The command nosuchtool is not there", 1),
    "dash-unquoted-greater": (
        Failure.REDIRECTION,
        "The shell took the > or < of a version for a redirection, and =1.20 for the name of a file",
        1,
    ),
    "dash-unquoted-less": (
        Failure.REDIRECTION,
        "The shell took the > or < of a version for a redirection, and 1.9 for the name of a file",
        1,
    ),
    "docker-base-image-denied-after-docs": (Failure.BASE_IMAGE, "The base image team/base cannot be pulled", 2),
    "docker-base-image-not-found-after-docs": (
        Failure.BASE_IMAGE,
        "The base image registry.example.org/team/base:1 cannot be pulled",
        2,
    ),
    "docker-registry-refuses": (Failure.REGISTRY, "The registry of the base image could not be reached", 1),
    "gcc-out-of-memory": (
        Failure.OUT_OF_MEMORY,
        "The step needed more memory than the 500 MB that a build may have",
        1,
    ),
    "git-asks-for-login": (
        Failure.LOGIN,
        "A tool asked for a name or a password, and nobody can answer while a build runs",
        2,
    ),
    "import-missing-module": (
        Failure.MODULE,
        "needs-1 needs the Python module numpy_of_nobody, which is not installed",
        17,
    ),
    "pip-bad-spec": (Failure.BAD_SPEC, "The requirement idna=>1 cannot be read", 1),
    "pip-compile-error": (
        Failure.COMPILE,
        "A package could not be compiled: bad.c:2:9: error: ‘undefined_name’ undeclared here (not in a function)",
        22,
    ),
    "pip-compile-header": (
        Failure.COMPILE,
        "A package could not be compiled: bad.c:2:10: fatal error: nosuch_header.h: No such file or directory",
        22,
    ),
    "pip-conflict": (Failure.CONFLICT, "The requirements do not fit together", 12),
    "pip-disk-full": (Failure.DISK_FULL, "The disk of the worker is full", 3),
    "pip-distutils": (
        Failure.DISTUTILS,
        "six was installed by distutils or by the system, so it cannot be replaced",
        7,
    ),
    "pip-download-cut": (Failure.HASH_MISMATCH, "A package is not the file that was asked for: its hash is another", 5),
    "pip-gcc-missing": (Failure.COMMAND, "The command gcc is not there", 20),
    "pip-git-missing": (Failure.COMMAND, "The command git is not there", 5),
    "pip-hash-mismatch": (
        Failure.HASH_MISMATCH,
        "A package is not the file that was asked for: its hash is another",
        4,
    ),
    "pip-index-asks-for-login": (
        Failure.LOGIN,
        "A tool asked for a name or a password, and nobody can answer while a build runs",
        2,
    ),
    "pip-index-refuses": (Failure.NETWORK, "The package index could not be reached", 2),
    "pip-no-version": (Failure.NO_VERSION, "No version of idna matches", 1),
    "pip-package-not-found": (
        Failure.PACKAGE_NOT_FOUND,
        "The index has no package named nosuch-package-of-ours, or no file of it for this platform and Python",
        1,
    ),
    "pip-python-too-old": (Failure.PYTHON_VERSION, "networkx 3.4.2 is not for this Python", 1),
    "pip-setup-needs-module": (
        Failure.MODULE,
        "The Python module numpy_of_nobody is not installed, and something needs it",
        15,
    ),
    "pip-wheel-forbidden": (
        Failure.WHEEL,
        "demo_pkg-1.0-py3-none-any.whl cannot be fetched: the server answered 403",
        2,
    ),
    "python-memory-error": (
        Failure.OUT_OF_MEMORY,
        "The step needed more memory than the 500 MB that a build may have",
        3,
    ),
    "rattler-bad-spec": (
        Failure.BAD_SPEC,
        "A conda requirement cannot be read: unable to parse version spec: >>1 x y z",
        22,
    ),
    "uv-index-needs-login": (
        Failure.CREDENTIALS,
        "The index http://127.0.0.1:43753/simple/ answered 401 Unauthorized: it wants credentials, or others than it got",
        4,
    ),
    "uv-index-forbidden": (
        Failure.CREDENTIALS,
        "The index http://127.0.0.1:43753/t/wrong/simple/ answered 403 Forbidden: it wants credentials, or others than it got",
        4,
    ),
    "uv-links-need-login": (
        Failure.CREDENTIALS,
        "http://127.0.0.1:43753/links/ answered 401 Unauthorized: it wants credentials, or others than it got",
        3,
    ),
    "rattler-channel-refuses": (Failure.NETWORK, "The conda channel could not be reached", 18),
    "rattler-conflict": (Failure.CONFLICT, "The requirements do not fit together", 18),
    "rattler-no-candidates": (Failure.CONFLICT, "The requirements do not fit together", 18),
    "rattler-no-version": (Failure.NO_VERSION, "No version of numpy matches", 18),
    "rattler-package-not-found": (Failure.PACKAGE_NOT_FOUND, "The channels have no package named nosuch", 18),
    "rattler-python": (Failure.PYTHON_MISSING, "The channels have no Python 3.6.*", 18),
    "uv-bad-spec": (
        Failure.BAD_SPEC,
        'A requirement cannot be read: no such comparison operator "=>", must be one of ~= == != <= >= < > ===',
        1,
    ),
    "uv-check": (
        Failure.INCOMPATIBLE,
        "Installed packages do not fit together: The package `needs-2` requires `absent>=1`, but it's not installed",
        3,
    ),
    "uv-compile-error": (
        Failure.COMPILE,
        "A package could not be compiled: bad.c:2:9: error: ‘undefined_name’ undeclared here (not in a function)",
        20,
    ),
    "uv-conflict": (Failure.CONFLICT, "The requirements do not fit together", 2),
    "uv-disk-full": (Failure.DISK_FULL, "The disk of the worker is full", 7),
    "uv-distutils": (
        Failure.DISTUTILS,
        "six==1.0 was installed by distutils or by the system, so it cannot be replaced",
        4,
    ),
    "uv-download-cut": (Failure.NETWORK, "The connection broke off in the middle of a download", 4),
    "uv-hash-mismatch": (
        Failure.HASH_MISMATCH,
        "demo-pkg==1.0 is not the file that was locked: its hash is another",
        3,
    ),
    "uv-index-refuses": (Failure.NETWORK, "The package index could not be reached", 1),
    "uv-index-unknown-host": (Failure.NETWORK, "The package index could not be reached", 1),
    "sdist-damaged": (
        Failure.SOURCE,
        "demo 1.0 cannot be built: its archive is damaged, or its pyproject.toml: file could not be opened successfully: "
        "- method gz: ReadError('not a gzip file') - method bz2: ReadError('not a bzip2 file') - method xz: ReadError('not "
        "an lzma file') - method tar: ReadError('truncated header')",
        1,
    ),
    "sdist-fork-bomb": (
        Failure.SOURCE,
        "demo 1.0 cannot be built: its code wanted more processes than a build may have",
        6,
    ),
    "sdist-gcc-missing": (Failure.COMMAND, "The command no-such-cc is not there", 98),
    "sdist-header-missing": (
        Failure.COMPILE,
        "A package could not be compiled: fast.c:2:10: fatal error: no_such_header.h: No such file or directory",
        9,
    ),
    "sdist-setup-broken": (
        Failure.SOURCE,
        "demo 1.0 cannot be built: FileNotFoundError: [Errno 2] No such file or directory: 'VERSION'",
        14,
    ),
    "sdist-setup-needs-module": (
        Failure.MODULE,
        "demo 1.0 cannot be built: that needs the Python module numpy, which it does not name among what builds it",
        14,
    ),
    "sdist-wants-network": (
        Failure.SOURCE,
        "demo 1.0 cannot be built: its code wanted the network, which no build has",
        51,
    ),
    "sdist-writes-outside": (
        Failure.SOURCE,
        "demo 1.0 cannot be built: its code wanted to do what is held back in the sandbox",
        5,
    ),
    "uv-no-source": (Failure.NO_SOURCE, "other has no source distribution", 2),
    "uv-no-version": (Failure.NO_VERSION, "No version of numpy matches", 2),
    "uv-no-wheel-for-this-python": (Failure.NO_WHEEL, "tensorflow has no wheel for this platform and Python", 2),
    "uv-no-wheel": (Failure.NO_WHEEL, "pywin32 has no wheel for this platform and Python", 2),
    "uv-out-of-memory": (Failure.OUT_OF_MEMORY, "The step needed more memory than the 500 MB that a build may have", 2),
    "uv-package-not-found": (Failure.PACKAGE_NOT_FOUND, "The index has no package named nosuch-package-of-ours", 2),
    "uv-python-too-old": (Failure.PYTHON_VERSION, "networkx is not for this Python", 2),
    "uv-wheel-forbidden": (
        Failure.WHEEL,
        "demo_pkg-1.0-py3-none-any.whl cannot be fetched: the server answered 403",
        4,
    ),
    "uv-wheel-gone": (Failure.WHEEL, "demo_pkg-1.0-py3-none-any.whl cannot be fetched: the server answered 404", 4),
    "uv-wheel-needs-login": (
        Failure.WHEEL,
        "demo_pkg-1.0-py3-none-any.whl cannot be fetched: the server answered 401",
        4,
    ),
}
CHAINS = {
    "pip-conflict": ("The user requested urllib3==1.20", "requests 2.32.3 needs urllib3<3 and >=1.21.1"),
    "rattler-conflict": (
        "scipy ==1.9.3 cannot be installed because there are no viable options",
        "scipy 1.9.3 would require",
        "numpy >=1.18.5,<1.26.0a0, for which no candidates were found",
    ),
    "rattler-no-candidates": (
        "joblib * cannot be installed because there are no viable options",
        "joblib 1.6.0 would require",
        "cloudpickle >=3.0, for which no candidates were found",
    ),
    "uv-conflict": (
        "scipy==1.9.3 needs numpy>=1.18.5,<1.26.0",
        "you require scipy==1.9.3",
        "so you require numpy>=1.18.5,<1.26.0",
        "you require numpy==2.1.0",
        "so your requirements are unsatisfiable",
    ),
    "uv-python-too-old": (
        "the requested Python version (>=3.8) does not satisfy Python>=3.10",
        "networkx==3.4.2 needs Python>=3.10",
        "so networkx==3.4.2 cannot be used",
        "you require networkx==3.4.2",
        "so your requirements are unsatisfiable",
    ),
}
FOLDER = Path(__file__).with_name("logs")


@pytest.mark.parametrize("name", LOGS)
def test_a_captured_log_tells_its_cause_and_the_first_line_that_shows_it(name):
    text = (FOLDER / f"{name}.log").read_text()
    found = diagnose(text, "install", 500)
    assert (found.failure, found.reason.partition(". ")[0].removesuffix("."), found.line) == LOGS[name]
    assert found.quote
    assert found.quote in text.splitlines()[found.line - 1]


@pytest.mark.parametrize("name", CHAINS)
def test_a_conflict_is_told_as_a_chain_in_words(name):
    assert diagnose((FOLDER / f"{name}.log").read_text(), "resolve", 500).chain == CHAINS[name]


def test_every_log_is_in_the_table():
    assert {path.stem for path in FOLDER.glob("*.log")} == set(LOGS)


def test_every_class_that_a_log_can_show_has_one():
    shown = {failure for failure, *_ in LOGS.values()} | {failure for _, failure, *_ in CASES}
    by_the_portal = {
        *(
            Failure.NOT_BUILDABLE,
            Failure.NO_SANDBOX,
            Failure.NOT_ALLOWED,
            Failure.SOLVER_TIMEOUT,
            Failure.TIMEOUT,
            Failure.WORKER_LOST,
            Failure.STOPPED,
        ),
        Failure.CANCELLED,
    }
    assert shown | by_the_portal == set(Failure)


def test_every_class_has_advice():
    assert set(ADVICE) == set(Failure)


PIECES = [
    *("a", "a.", "a=", "and a=", "Because ", "because a=a and ", "cause: ", "cause: Because a and b, ", "'", "`", "/"),
    *("x: line 1: ", "0", "1 Requires-Python >=3; ", "HTTP status client error (404", "/a.whl", "(from versions: "),
    *("Could not find a version that satisfies the requirement ", "only a==1 is available and ", "[", "a:1:1: error: "),
    *("Ignored the following versions that require a different python version: ", "we can conclude that ", "a\n", "│ "),
    *("failed to do request: Head ", "error: command '", "Retrying (Retry(total=0, ", "Cannot install a ", "\r", " "),
    "Cannot solve the request because of: \n│ ",
    "Ignored the following versions that require a different python version: "
    + "1 Requires-Python " * 200
    + "\nERROR: Could not find a version that satisfies the requirement a==2 \n",
    "and " + "a=" * 1900 + " has no\n",
    "Ignored the following versions that require a different python version: 1 Requires-Python x\nERROR: ",
]


@pytest.mark.parametrize("piece", PIECES, ids=[repr(piece[:30]) for piece in PIECES])
@pytest.mark.parametrize("is_broken_up", [False, True], ids=["one line", "lines"])
def test_half_a_megabyte_of_nonsense_is_read_in_a_second(piece, is_broken_up):
    text = (piece * (500_000 // len(piece) + 1))[:500_000]
    if is_broken_up:
        text = "\n".join(text[i : i + 3_900] for i in range(0, len(text), 3_900))
    started = time.process_time()
    diagnose(text, "install", 500)
    assert time.process_time() - started < 2
