import pytest

from builds.conda_words import explain, sentence_of
from builds.failures import Failure

CONFLICT = """\
Cannot solve the request because of: The following packages are incompatible
├─ a * can be installed with any of the following options:
│  └─ a 1.0 would require
│     └─ b >=2, which can be installed with any of the following options:
│        └─ b 2.1 | 2.0 would require
│           └─ c <3, which can be installed with any of the following options:
│              └─ c 2.0
└─ d * cannot be installed because there are no viable options:
   └─ d 1.0 would require
      └─ c >=3, which cannot be installed because there are no viable options:
         └─ c 3.0, which conflicts with the versions reported above.
"""


def test_a_conflict_is_every_chain_of_requirements_that_leads_to_it():
    assert sentence_of(CONFLICT) == (
        "These do not fit together: a 1.0 requires b >=2, b 2.1 | 2.0 requires c <3; d 1.0 requires c >=3."
    )


def test_only_some_chains_are_told():
    branches = "".join(
        f"├─ p{n} 1.0 would require\n│  └─ q{n} >=2, for which no candidates were found.\n" for n in range(7)
    )
    told = sentence_of(f"Cannot solve the request because of: The following packages are incompatible\n{branches}")
    assert told.count(" requires ") == 4
    assert told.endswith("p3 1.0 requires q3 >=2, which no channel has; and 3 more.")


def test_a_tree_that_is_not_understood_is_told_as_it_stands():
    assert sentence_of("Cannot solve the request because of: something\n  new") == (
        "The conda packages do not fit together. something new"
    )


@pytest.mark.parametrize(
    ("fault", "failure", "says"),
    [
        (
            {"kind": "network", "text": "no answer\nCaused by: Connection refused"},
            Failure.NETWORK,
            "no answer, Connection refused.",
        ),
        ({"kind": "disk", "text": "No space left"}, Failure.DISK_FULL, "disk of the worker is full"),
        ({"kind": "other", "text": ""}, Failure.OURS, "it did not say why"),
        (
            {"kind": "conflict", "text": "", "name": "__cuda", "wanted": "__cuda >=12", "versions": []},
            Failure.CONFLICT,
            "CUDA >=12 is asked for of the machine",
        ),
        (
            {"kind": "conflict", "text": "", "name": "x", "wanted": "x >=2", "versions": ["1.0"]},
            Failure.NO_VERSION,
            "There are 1.0.",
        ),
    ],
)
def test_every_kind_of_fault_has_its_class_and_its_words(fault, failure, says):
    said = explain(fault, "linux-64")
    assert said[0] == failure
    assert says in said[1]
