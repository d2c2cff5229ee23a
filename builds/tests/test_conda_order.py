"""Conda's order of versions, with py-rattler as the one who knows."""

import contextlib
from functools import cmp_to_key
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rattler import Version
from rattler.exceptions import InvalidVersionError

from builds.conda_order import compare, parse, place_of_difference

# From the oldest to the newest, as conda's documentation has it, and real ones that were once ordered wrongly.
ORDERED = [
    "0.4", "0.4.1.rc", "0.4.1", "0.5a1", "0.5b3", "0.5C1", "0.5", "0.9.6", "0.960923", "1.0", "1.1dev1", "1.1_", "1.1a1",
    "1.1.0dev1", "1.1.a1", "1.1.0rc1", "1.1.0", "1.1.0post1", "1.1post1", "1.9", "1.10", "1996.07.12", "1!0.4.1",
    "1!3.1.1.6", "2!0.4.1",
]  # fmt: skip
REAL = [
    "9e", "9f", "9d", "1.0.1_", "1.0.1a", "1.0.1", "1.1.1w", "1.1.1t", "3.0.0", "2023c", "2024a", "2024.2", "2.0.0rc1", "2.0.0",
    "2.1.0+cu118", "2.1.0+cpu", "2.1.0", "2.1.0.post1", "0.3.27", "1.26.4", "8.2.0", "2022.1.0", "1.2.11", "3.11.0a1_0_cpython",
    "2_gnu", "4.5", "5.1_1", "1!2.0", "1.0.8", "73.1", "1.9.1.2", "2.40", "0.1.dev0", "0.1", "12.4.0", "1.3.0.0", "2.39_dev",
]  # fmt: skip


def by_rattler(one, other):
    one, other = Version(one), Version(other)
    return (one > other) - (one < other)


@pytest.mark.parametrize(("one", "other"), list(pairwise(ORDERED)))
def test_the_order_of_the_documentation(one, other):
    assert compare(one, other) in (-1, 0)
    assert compare(one, other) == by_rattler(one, other)
    assert compare(other, one) == -compare(one, other)


def test_real_versions_are_sorted_as_rattler_sorts_them():
    for one in REAL:
        assert [compare(one, other) for other in REAL] == [by_rattler(one, other) for other in REAL]
    shuffled = [*ORDERED[1::2], *ORDERED[::2]]
    assert sorted(shuffled, key=cmp_to_key(compare))[-4:] == ["1996.07.12", "1!0.4.1", "1!3.1.1.6", "2!0.4.1"]


runs = st.sampled_from(["0", "1", "2", "10", "007", "a", "b", "rc", "dev", "post", "DEV", "alpha", "cu118"])
words = st.lists(runs, min_size=1, max_size=3).map("".join)
parts = st.builds(
    lambda first, rest, end: first + "".join(mark + word for mark, word in rest) + end,
    words,
    st.lists(st.tuples(st.sampled_from([".", "_", "-"]), words), max_size=4),
    st.sampled_from(["", "", "", "_", "-", "__", "._"]),
)
texts = st.builds("{}{}{}".format, st.sampled_from(["", "", "0!", "1!"]), parts, st.just("") | parts.map("+{}".format))


@settings(max_examples=300)
@given(texts, texts)
def test_any_two_versions_compare_as_rattler_says(one, other):
    with contextlib.suppress(InvalidVersionError):
        assert compare(one, other) == by_rattler(one, other)


@pytest.mark.parametrize("text", ["", "1..0", "1.0*", "!1", "1!", "1+", " 1", "1.", "_1", "1é", "1/2", "٣"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match="is no version of conda"):
        parse(text)


@pytest.mark.parametrize(
    ("one", "other", "place"),
    [
        ("1.2.3", "2.2.3", 0),
        ("1.9", "1.10", 1),
        ("1.0", "1.0.0.1", 3),
        ("1.0", "1.0.0", None),
        ("1.1.1t", "1.1.1w", None),
        ("2.0_1", "2.a", 2),
    ],
)
def test_the_place_of_the_first_difference(one, other, place):
    assert place_of_difference(one, other) == place_of_difference(other, one) == place
