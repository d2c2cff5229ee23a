import pytest

from builds import diff_words
from builds.comparison import Comparison, Side, select
from builds.lock_diff import compare
from builds.tests.diff_cast import FORGE, conda, pip
from environments import definition


def side(number, *packages, lines=("idna",), python="3.11.7", place="team/science", no_lock=False):
    section = {"channels": ["forge"], "dependencies": ["python=3.11", {"pip": list(lines)}]}
    read = definition.read({"python": {"condaDependencies": section}})
    locked = None if no_lock else tuple(packages)
    return Side(
        f"{place}/{number}", f"Version {number}", "", place, read, "\n".join(lines), "", python, "linux-64", locked
    )


@pytest.mark.parametrize(
    ("before", "after", "same", "moved"),
    [
        ("1.4.2", "1.5.1", "1.", "5.1"),
        ("1.9", "1.10", "1.", "10"),
        ("1.10", "1.11", "1.", "11"),
        ("18.1.0", "19.0.1", "", "19.0.1"),
        ("2.0", "2.0.1", "2.0", ".1"),
        ("2.2.3 py311_1", "2.2.3 py311_3", "2.2.3 py311_", "3"),
        ("", "1.0", "", "1.0"),
        ("1.0", "", "", ""),
    ],
)
def test_only_the_part_that_moved_is_bold(before, after, same, moved):
    assert diff_words.split_at_change(before, after) == (same, moved)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (pip("a"), pip("a", "2"), "pip"),
        (conda("a"), conda("a", "2"), "forge"),
        (pip("a"), conda("a"), "pip → forge"),
        (conda("a"), conda("a", channel="https://channels.example.org/other"), "forge → other"),
        (conda("a"), conda("a", channel="https://mirror.example.org/forge"), f"{FORGE} → https://mirror.example.org/forge"),
        (pip("a", channel="https://one.example.org/simple"), pip("a", "2", channel="https://me:pw@two.example.org/simple"),
         "https://one.example.org/simple → https://…@two.example.org/simple"),
    ],
)  # fmt: skip
def test_where_a_package_comes_from(old, new, words):
    assert diff_words.source(compare([old], [new])[0]) == words


def test_why_a_package_is_there():
    old = side(1, pip("idna"), pip("six", direct=False, requested_by=("idna",)), lines=["idna==1.0"])
    new = side(2, pip("idna", "2"), pip("six", "2", direct=False, requested_by=("idna",)), pip("x", direct=False))
    comparison = Comparison(old, new)
    why = {change.name: diff_words.because_of(change, comparison) for change in comparison.packages}
    assert why == {"idna": "asked for, any version", "six": "idna", "x": "–"}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (side(1, pip("idna")), side(2, pip("idna")), "Nothing differs: the definitions say the same, and the packages are the same, to the byte."),
        (side(1, pip("idna")), side(2, pip("idna", "2", size=1_000_010)),
         "1 package differs, the definition says the same; the download grows by 1.0 MB."),
        (side(1, no_lock=True), side(2, lines=("six",)), "2 settings of the definition differ."),
        (side(1, no_lock=True), side(2, no_lock=True), "The definitions say the same."),
        (side(1, pip("idna")), side(2, pip("idna"), python="3.12.1"),
         "Python goes from 3.11.7 to 3.12.1, the definition says the same, the packages are the same."),
    ],
)  # fmt: skip
def test_one_sentence_says_what_differs(old, new, sentence):
    assert diff_words.sentence(Comparison(old, new)) == sentence


def test_the_names_leave_out_what_both_have_in_common():
    assert diff_words.title(Comparison(side(1), side(3))) == "Version 1 → 3"
    there = side(3, place="other/env")
    assert diff_words.title(Comparison(side(1), there)) == "team/science version 1 → other/env version 3"


def test_changes_are_selected_by_kind_level_and_name():
    old = [pip("numpy", "1.0"), pip("numba", "1.0"), pip("six")]
    new = [pip("numpy", "2.0"), pip("numba", "1.1"), pip("pandas", licence="MIT")]
    changes = compare(old, new)
    assert [change.name for change in select(changes, ["major"])] == ["numpy"]
    assert {change.name for change in select(changes, ["up", "added"])} == {"pandas", "numba", "numpy"}
    assert {change.name for change in select(changes, [], " NUM ")} == {"numba", "numpy"}
    assert select(changes, ["down"], "num") == []


def test_a_size_that_nobody_knows_makes_the_growth_unknown():
    comparison = Comparison(side(1, pip("idna")), side(2, pip("idna", "2", size=0)))
    assert (comparison.growth, comparison.packages[0].growth) == (None, None)
    assert comparison.unchanged == 0
