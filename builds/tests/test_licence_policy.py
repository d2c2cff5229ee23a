"""Rules about licences as values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.licence_policy import Policy, Rules, Verdict, check, read_entries
from environments.faults import UserFault

ALLOWED, REVIEW, UNKNOWN, DENIED = Verdict
PORTAL = Rules.of(["MIT", "GPL-2.0-only WITH Classpath-exception-2.0"], ["MPL-2.0"], ["GPL-2.0-only"])
TEAM = Rules.of(["Apache-2.0", '"bsd license"', "LicenseRef-Ours"], ["MIT"], [], "review")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("MIT", ALLOWED),
        ("MIT License", ALLOWED),
        ("MPL-2.0", REVIEW),
        ("ISC", REVIEW),  # nobody decided
        ("GPL-2.0", DENIED),
        ("GPL-2.0 WITH Classpath-exception-2.0", ALLOWED),
        ("GPL-2.0-only WITH GCC-exception-2.0", DENIED),
        ("MIT OR GPL-2.0-only", ALLOWED),
        ("MIT AND GPL-2.0-only", DENIED),
        ("MIT AND LicenseRef-X", UNKNOWN),
        ("MIT OR LicenseRef-X", ALLOWED),
        ("BSD License", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_policy_says_something_of_every_licence(text, verdict):
    assert Policy((PORTAL,)).verdict(text) == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("BSD License", ALLOWED),
        ("bsd  LICENSE", ALLOWED),
        ("BSD", UNKNOWN),
        ("LicenseRef-Ours", ALLOWED),
        ("ISC", REVIEW),
    ],
)
def test_words_are_what_rules_say_of_these_very_words(text, verdict):
    assert Policy((TEAM,)).verdict(text) == verdict


def test_of_two_rules_the_stricter_counts_both_ways():
    both = Policy((PORTAL, TEAM))
    assert (both.verdict("MIT"), both.verdict("GPL-2.0-only"), both.verdict("Apache-2.0")) == (REVIEW, DENIED, ALLOWED)


LICENCES = st.sampled_from(["MIT", "MPL-2.0", "GPL-2.0-only", "ISC", "LicenseRef-X", '"bsd license"'])
RULES = st.builds(
    lambda entries, otherwise: Rules(entries, otherwise),
    st.dictionaries(LICENCES, st.sampled_from([ALLOWED, REVIEW, DENIED])),
    st.sampled_from([None, ALLOWED, REVIEW, DENIED]),
)
TEXTS = st.sampled_from(
    [
        "MIT",
        "ISC",
        "MIT OR GPL-2.0-only",
        "MIT AND MPL-2.0",
        "LicenseRef-X",
        "LicenseRef-Y AND MIT",
        "BSD License",
        "",
        "?",
    ]
)


@given(RULES, RULES, TEXTS)
def test_a_workspace_never_loosens_what_the_portal_decided(portal, team, text):
    """Where it decided on all others. What it leaves open is for each workspace to decide."""
    decided = Rules(portal.entries, REVIEW if portal.otherwise is None else portal.otherwise)
    assert Policy((decided, team)).verdict(text) >= Policy((decided,)).verdict(text)


@given(RULES, st.sampled_from(["BSD License", "", "?", "LicenseRef-Z", "MIT AND LicenseRef-Z"]))
def test_what_nobody_can_read_is_never_fine_by_itself(rules, text):
    if f'"{text.lower()}"' not in rules.entries:
        assert Policy((rules,)).verdict(text) >= UNKNOWN


def test_without_a_policy_nothing_is_decided_and_the_unknown_stays_unknown():
    nothing = Policy((Rules(),))
    assert not nothing.is_decided
    assert [nothing.verdict(text) for text in ("MIT", "MIT OR LicenseRef-X", "LicenseRef-X", "BSD", "")] == [
        None,
        None,
        UNKNOWN,
        UNKNOWN,
        UNKNOWN,
    ]


def test_entries_are_written_in_one_way():
    assert read_entries(
        'mit\n\n gpl-2.0 \n"BSD  License"\nMIT License\nGPL-2.0 with classpath-exception-2.0', "allowed"
    ) == [
        "MIT",
        "GPL-2.0-only",
        '"bsd license"',
        "GPL-2.0-only WITH Classpath-exception-2.0",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("MIT\nApache-2", None),
        (
            "MIT\nApachee-2.0",
            "Line 2: “Apachee-2.0” is no SPDX licence. Perhaps Apache-2.0. Words as packages say them",
        ),
        ("BSD License", "Line 1: “BSD License” is no SPDX licence."),
        ("MIT OR ISC", "Line 1: name one licence."),
        ('"MIT License"', 'Line 1: "MIT License" means MIT for certain.'),
        ('""', "Line 1"),
        ("a\0", "Line 1: a licence is a text"),
        ("x" * 201, "Line 1: a licence is a text of at most 200"),
    ],
)
def test_a_line_that_names_no_licence_is_said(text, told):
    if told is None:
        assert read_entries(text, "denied") == ["MIT", "Apache-2.0"]
        return
    with pytest.raises(UserFault) as fault:
        read_entries(text, "denied")
    assert fault.value.message.startswith(told)
    assert fault.value.field == "denied"


@pytest.mark.parametrize(
    ("lists", "otherwise", "field"),
    [
        ({"allowed": ["GPL-2.0-only"]}, "", "allowed"),
        ({"review": ["GPL-2.0-only WITH GCC-exception-2.0"]}, "", "review"),
        ({"review": ["ISC"], "denied": ["ISC"]}, "", "denied"),
        ({}, "allowed", "otherwise"),
        ({"allowed": ['"bsd license"']}, "", "allowed"),  # all others are decided, so these words are, too
    ],
)
def test_rules_of_a_workspace_that_are_looser_or_contradict_themselves_are_refused(lists, otherwise, field):
    above = Rules.of(["MIT"], [], ["GPL-2.0-only"], "review")
    with pytest.raises(UserFault) as fault:
        check({"allowed": [], "review": [], "denied": []} | lists, otherwise, above)
    assert fault.value.field == field


def test_stricter_rules_are_taken():
    check({"allowed": [], "review": ["MIT"], "denied": ["MPL-2.0"]}, "denied", PORTAL)
