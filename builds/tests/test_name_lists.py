import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.name_lists import NameList

NAMES = [
    "num",
    "num-a",
    "numba",
    "numexpr",
    "numpy",
    "numpy-a",
    "numpy-b",
    "numpy-c",
    "pandas",
    "scikit-learn",
    "zope-num",
]


@pytest.fixture
def listed(tmp_path):
    """Write these names and return the list."""

    def listed(*names):
        made = NameList(tmp_path / "names")
        made.write(names)
        return made

    return listed


def test_the_name_itself_comes_first_then_what_others_are_named_after_then_the_rest(listed):
    found = listed(*NAMES).search("num", 20)
    assert found == ["num", "numpy", "num-a", "numba", "numexpr", "numpy-a", "numpy-b", "numpy-c", "zope-num"]


def test_no_more_are_found_than_are_wanted(listed):
    assert listed(*NAMES).search("num", 2) == ["num", "numpy"]


def test_a_text_is_also_looked_for_where_a_part_of_a_name_begins(listed):
    made = listed(*NAMES)
    assert made.search("learn", 20) == ["scikit-learn"]
    assert made.search("earn", 20) == []


def test_in_a_long_list_parts_are_looked_for_among_families_alone(listed, monkeypatch):
    monkeypatch.setattr("builds.name_lists.SCANNED", 10)
    assert listed(*NAMES).search("learn", 20) == []
    assert listed(*NAMES, "scikit-learn-a", "scikit-learn-b", "scikit-learn-c").search("learn", 20)[0] == "scikit-learn"


def test_what_is_no_name_is_left_out(listed):
    made = listed("good", "Bad", "two words", "a\nb", "", "-x", "x-", "../x", "ü", "x" * 300, "good")
    assert made.path.read_text() == "good\n"


def test_a_list_that_was_never_written_finds_nothing(tmp_path):
    made = NameList(tmp_path / "none")
    assert (made.search("a", 20), made.age) == ([], None)


def test_an_empty_list_finds_nothing(listed):
    made = listed()
    assert made.search("a", 20) == []
    assert made.age < 60


def test_a_list_that_breaks_off_leaves_the_one_before(listed):
    made = listed("old")

    def names():
        yield "new"
        raise ValueError("that is all")

    with pytest.raises(ValueError, match="that is all"):
        made.write(names())
    assert made.search("o", 20) == ["old"]
    assert sorted(path.name for path in made.path.parent.glob("[nt]*")) == ["names", "names.families"]


@given(st.sets(st.text("ab-", min_size=1, max_size=5), max_size=40), st.text("ab-", min_size=1, max_size=3))
def test_every_name_with_a_beginning_is_found(tmp_path_factory, names, text):
    made = NameList(tmp_path_factory.mktemp("list") / "names")
    made.write(names)
    kept = [name for name in names if name.strip("-") == name]
    found = made.search(text, 100)
    assert {name for name in found if name.startswith(text)} == {name for name in kept if name.startswith(text)}
    assert len(found) == len(set(found))
