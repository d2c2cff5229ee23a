"""Each log is what the tool really printed."""

import pytest

from builds.diagnosis import diagnose
from builds.failures import Failure

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
