"""Licence expressions: what words mean, and what AND, OR and WITH make of verdicts."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.licenses import canonicalize_license_expression
from packaging.licenses._spdx import LICENSES

from builds import spdx

IDS = ["MIT", "Apache-2.0", "GPL-2.0-only", "MPL-2.0", "LicenseRef-Ours"]
ATOMS = st.one_of(
    st.sampled_from(IDS).map(lambda name: (name, "")),
    st.just(("GPL-2.0-only", "Classpath-exception-2.0")),
)
TREES = st.recursive(ATOMS, lambda parts: st.tuples(st.sampled_from(["AND", "OR"]), parts, parts), max_leaves=8)


def is_atom(tree):
    return len(tree) == 2


def written(tree):
    if is_atom(tree):
        return " WITH ".join(filter(None, tree))
    word, left, right = tree
    return f"({written(left)}) {word} ({written(right)})".replace("(MIT)", "MIT")


def choices(tree):
    """Every way to comply: the sets of licences that one could choose to be bound by."""
    if is_atom(tree):
        return [frozenset([tree])]
    word, left, right = tree
    if word == "OR":
        return choices(left) + choices(right)
    return [one | other for one, other in product(choices(left), choices(right))]


@given(TREES, st.dictionaries(ATOMS, st.integers(0, 3)))
def test_the_verdict_is_that_of_the_best_choice_and_a_choice_is_as_bad_as_its_worst_part(tree, verdicts):
    expression = spdx.expression_of(written(tree))
    expected = min(max(verdicts.get(atom, 1) for atom in choice) for choice in choices(tree))
    assert spdx.fold(expression, lambda *atom: verdicts.get(atom, 1)) == expected


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("MIT OR Apache-2.0 AND GPL-2.0-only", 0),  # AND binds closer than OR
        ("(MIT OR Apache-2.0) AND GPL-2.0-only", 3),
        ("MIT AND Apache-2.0", 1),
        ("GPL-2.0-only OR MIT", 0),
        ("GPL-2.0-only WITH Classpath-exception-2.0", 2),
        ("MIT OR GPL-2.0-only WITH Classpath-exception-2.0", 0),
    ],
)
def test_and_binds_closer_than_or_and_with_closest(expression, verdict):
    of = {
        ("MIT", ""): 0,
        ("Apache-2.0", ""): 1,
        ("GPL-2.0-only", "Classpath-exception-2.0"): 2,
        ("GPL-2.0-only", ""): 3,
    }
    assert spdx.fold(expression, lambda *atom: of[atom]) == verdict


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("mit", "MIT"),
        ("The MIT  License", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("GPL-3.0", "GPL-3.0-only"),
        ("GPL-2.0+ OR (LGPL-2.1 AND MIT)", "GPL-2.0-or-later OR (LGPL-2.1-only AND MIT)"),
        ("licenseref-ours", "LicenseRef-ours"),
        ("BSD License", None),  # which of them?
        ("Apache Software License", None),
        ("MIT License, Apache License 2.0", None),  # and, or?
        ("GPL", None),
        ("((((" * 60, None),
        ("", None),
    ],
)
def test_words_mean_a_licence_only_where_they_can_mean_no_other(text, expression):
    assert spdx.expression_of(text) == expression


@pytest.mark.parametrize("licence", spdx.ALIASES)
def test_every_licence_that_words_stand_for_is_one_of_spdx(licence):
    assert canonicalize_license_expression(licence) == licence
    assert all(words == words.lower() and not words.startswith("the ") for words in spdx.ALIASES[licence])


def test_every_id_of_spdx_means_one_that_is_on_the_list():
    ids = [each["id"] for each in LICENSES.values()]
    assert len(ids) > 500
    assert {spdx.expression_of(name) for name in ids} <= set(ids)


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_none(text):
    found = spdx.expression_of(text)
    assert found is None or spdx.fold(found, lambda licence, exception: 0) == 0
