import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.formats import conda_edit, conda_file
from environments.formats.conda_edit import EditRefused

FILE = """\
# For the paper
name: science   # short

channels: [conda-forge, 'bioconda']
dependencies:
  # the language
  - python=3.10   # not 3.1
  - "numpy >=1.2"

  # from the index
  - pip:
      - six==1.16.0  # old
      - 'idna'
# the end
"""


def changed(before, after):
    """The lines that went, and those that came."""
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return old, new


@pytest.mark.parametrize(
    ("edit", "went", "came"),
    [
        (
            lambda t: conda_edit.set_value(t, ("dependencies", 0), "python=3.11"),
            ["  - python=3.10   # not 3.1"],
            ["  - python=3.11   # not 3.1"],
        ),
        (
            lambda t: conda_edit.set_value(t, ("dependencies", 1), "numpy >=2"),
            ['  - "numpy >=1.2"'],
            ['  - "numpy >=2"'],
        ),
        (
            lambda t: conda_edit.set_value(t, ("dependencies", 2, "pip", 1), "idna==3.10"),
            ["      - 'idna'"],
            ["      - 'idna==3.10'"],
        ),
        (lambda t: conda_edit.set_value(t, ("name",), "x"), ["name: science   # short"], ["name: x   # short"]),
        (lambda t: conda_edit.set_value(t, ("prefix",), "/x"), [], ["prefix: /x"]),
        (
            lambda t: conda_edit.set_value(t, ("channels", 1), "x"),
            ["channels: [conda-forge, 'bioconda']"],
            ["channels: [conda-forge, 'x']"],
        ),
        (
            lambda t: conda_edit.set_value(t, ("name",), ["a", "b,c"]),
            ["name: science   # short"],
            ['name: [a, "b,c"]   # short'],
        ),
        (lambda t: conda_edit.remove(t, ("dependencies", 1)), ['  - "numpy >=1.2"'], []),
        (lambda t: conda_edit.remove(t, ("dependencies", 2, "pip", 0)), ["      - six==1.16.0  # old"], []),
        (
            lambda t: conda_edit.remove(t, ("dependencies", 2)),
            ["  - pip:", "      - six==1.16.0  # old", "      - 'idna'"],
            [],
        ),
        (
            lambda t: conda_edit.remove(t, ("channels", 0)),
            ["channels: [conda-forge, 'bioconda']"],
            ["channels: ['bioconda']"],
        ),
        (lambda t: conda_edit.remove(t, ("name",)), ["name: science   # short"], []),
        (lambda t: conda_edit.insert(t, ("dependencies", 1), "pip"), [], ["  - pip"]),
        (
            lambda t: conda_edit.append(t, ("channels",), "x"),
            ["channels: [conda-forge, 'bioconda']"],
            ["channels: [conda-forge, 'bioconda', x]"],
        ),
        (lambda t: conda_edit.append(t, ("dependencies",), "zlib"), [], ["  - zlib"]),
        (lambda t: conda_edit.append(t, ("dependencies", None, "pip"), "six"), [], ["      - six"]),
        (
            lambda t: conda_edit.rename(t, ("name",), "called"),
            ["name: science   # short"],
            ["called: science   # short"],
        ),
    ],
)
def test_an_edit_touches_only_the_lines_it_is_about(edit, went, came):
    assert changed(FILE, edit(FILE)) == (went, came)


def test_a_dependency_moves_to_the_pip_packages():
    again = conda_edit.to_pip(FILE, ("dependencies", 1), "numpy>=1.2")
    assert conda_file.read(again).section["dependencies"] == [
        "python=3.10",
        {"pip": ["six==1.16.0", "idna", "numpy>=1.2"]},
    ]
    assert conda_edit.to_pip("dependencies:\n  - a\n  - -e x\n", ("dependencies", 1), None) == (
        "dependencies:\n  - a\n  - pip:\n      - -e x\n"
    )


def test_rows_are_put_in_another_order_with_their_comments():
    text = "dependencies:\n  # all\n  - a  # first\n  # two\n  - b\n"
    again = conda_edit.reconcile(text, ("dependencies",), [(1, "b"), (None, "c"), (0, "a")])
    assert again == "dependencies:\n  # all\n  # two\n  - b\n  - c\n  - a  # first\n"


def test_the_last_pip_package_takes_its_list_with_it():
    text = "dependencies:\n  - a\n  - pip:\n      - six\n"
    assert conda_edit.remove(text, ("dependencies", 1, "pip", 0)) == "dependencies:\n  - a\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", "dependencies:\n  - a\n"),
        ("# why\n", "# why\ndependencies:\n  - a\n"),
        ("name: x\n", "name: x\ndependencies:\n  - a\n"),
        ("name: x", "name: x\ndependencies:\n  - a\n"),
        ("dependencies:\nname: x\n", "dependencies:\n  - a\nname: x\n"),
        ("dependencies:   # none\n", "dependencies:   # none\n  - a\n"),
        ("dependencies: []\nname: x\n", "dependencies:\n  - a\nname: x\n"),
        ("dependencies: ~\n", "dependencies:\n  - a\n"),
        ("dependencies: [b]\n", "dependencies: [b, a]\n"),
        ("dependencies: [\n  b,\n]\n", "dependencies: [\n  b,\n  a,\n]\n"),
        ("dependencies:\n- b", "dependencies:\n- b\n- a\n"),
        ("dependencies:\n  - |\n    b\n  - c\n", "dependencies:\n  - |\n    b\n  - c\n  - a\n"),
        ("dependencies:\n  - pip: [six]\n", "dependencies:\n  - pip: [six]\n  - a\n"),
    ],
)
def test_a_dependency_is_appended_whatever_stands_there(text, written):
    assert conda_edit.append(text, ("dependencies",), "a") == written


def test_channels_are_added_above_the_dependencies():
    assert conda_edit.append("name: x\ndependencies: [a]\n", ("channels",), "forge") == (
        "name: x\nchannels:\n  - forge\ndependencies: [a]\n"
    )


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("a: [", lambda t: conda_edit.append(t, ("dependencies",), "x")),
        ("{a: 1}", lambda t: conda_edit.append(t, ("dependencies",), "x")),
        ("{a: 1}", lambda t: conda_edit.remove(t, ("a",))),
        ("dependencies: text\n", lambda t: conda_edit.append(t, ("dependencies",), "x")),
        ("a: &x [b]\ndependencies: *x\n", lambda t: conda_edit.append(t, ("dependencies",), "x")),
        ("dependencies:\n  - &x a\n  - *x\n", lambda t: conda_edit.set_value(t, ("dependencies", 0), "b")),
        ("dependencies:\n  - &x a\n  - &x b\n  - *x\n", lambda t: conda_edit.remove(t, ("dependencies", 1))),
        ("dependencies: [\n a, # why\n b]\n", lambda t: conda_edit.remove(t, ("dependencies", 0))),
        ("dependencies: [a]\n", lambda t: conda_edit.remove(t, ("dependencies", 5))),
        ("dependencies: [a]\n", lambda t: conda_edit.remove(t, ("channels",))),
        ("dependencies: [a]\n", lambda t: conda_edit.remove(t, ("x", "y"))),
        ("dependencies: [a]\n", lambda t: conda_edit.rename(t, ("x",), "y")),
        ("dependencies: [a]\nx: 1\n", lambda t: conda_edit.rename(t, ("x",), "dependencies")),
        ("dependencies: [a]\n", lambda t: conda_edit.set_value(t, ("dependencies", 3), "y")),
        ("dependencies: [a]\n", lambda t: conda_edit.to_pip(t, ("dependencies", 3), "y")),
        ("dependencies:\n  - - a\n", lambda t: conda_edit.append(t, ("dependencies", 0), "y")),
    ],
)
def test_what_cannot_be_edited_safely_is_refused(text, edit):
    with pytest.raises(EditRefused, match="only the text view can change"):
        edit(text)


def test_what_the_list_says_already_changes_nothing():
    assert conda_edit.reconcile(FILE, ("channels",), [(0, "conda-forge"), (1, "bioconda")]) == FILE


# Whatever is edited

names = st.sampled_from(["a", "b=1", "c >=1,<2", "numpy", "yes", "3.10", "d  # no comment", "e: f", "- g", "{h", "é"])
comments = st.sampled_from(["", "  # why", " #", "\t"])
above = st.sampled_from(["", "", "\n", "  # about the next\n", "# far left\n"])


@st.composite
def files(draw):
    """A conda file as a person writes it, and the dependencies in it."""
    items = draw(st.lists(names, max_size=5))
    pip = draw(st.none() | st.lists(names, min_size=1, max_size=3))
    text = draw(st.sampled_from(["", "name: x\n", "# top\nchannels: [a]\n", "channels:\n- a\n"])) + "dependencies:\n"
    for item in items:
        quote = draw(st.sampled_from(["", '"', "'"]))
        text += f"{draw(above)}  - {conda_file.scalar(item, quote)}{draw(comments)}\n"
    if pip:
        text += "  - pip:\n" + "".join(f"    - {conda_file.scalar(line)}{draw(comments)}\n" for line in pip)
    return text + draw(st.sampled_from(["", "prefix: /x\n", "# end\n"])), [*items, *([{"pip": pip}] if pip else [])]


@given(files(), st.data())
def test_any_edit_yields_what_was_wanted_and_leaves_the_other_lines(file, data):
    text, there = file
    assert conda_edit.values(text, ("dependencies",)) == there
    wanted = data.draw(st.permutations(list(enumerate(there))).map(lambda rows: rows[: data.draw(st.integers(0, 6))]))
    wanted = [(i, data.draw(st.just(value) | names)) if isinstance(value, str) else (i, value) for i, value in wanted]
    for _ in range(data.draw(st.integers(0, 2))):
        wanted.insert(data.draw(st.integers(0, len(wanted))), (None, data.draw(names)))
    again = conda_edit.reconcile(text, ("dependencies",), wanted)
    assert conda_edit.values(again, ("dependencies",)) == [value for _, value in wanted]
    before, after = conda_file.read(text).section, conda_file.read(again).section
    assert before | {"dependencies": None} == after | {"dependencies": None}
    kept = [i for i, value in wanted if i is not None and value == there[i]]
    for i in kept:
        assert _own_lines(text, i) in again
    if [i for i, _ in wanted] == list(range(len(there))):
        touched = {i for i, value in wanted if value != there[i]}
        assert _without(text, touched) == _without(again, touched)


def _own_lines(text, index):
    node = conda_file.read(text).root.get("dependencies").items[index]
    return text[node.start : node.end]


def _without(text, indexes):
    root = conda_file.read(text).root.get("dependencies")
    lines = {item.line for i, item in enumerate(root.items) if i in indexes}
    return [line for number, line in enumerate(text.split("\n"), 1) if number not in lines]


@given(files(), st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), names), max_size=5))
def test_any_sequence_of_edits_stays_readable_and_says_what_was_asked(file, edits):
    text, there = file
    wanted = [item if isinstance(item, str) else {"pip": list(item["pip"])} for item in there]
    for at, kind, value in edits:
        if kind == 0 or not wanted:
            text = conda_edit.insert(text, ("dependencies", min(at, len(wanted))), value)
            wanted.insert(min(at, len(wanted)), value)
        elif kind == 1:
            text = conda_edit.remove(text, ("dependencies", at % len(wanted)))
            del wanted[at % len(wanted)]
        elif kind == 2 and isinstance(wanted[at % len(wanted)], str):
            text = conda_edit.set_value(text, ("dependencies", at % len(wanted)), value)
            wanted[at % len(wanted)] = value
        elif kind == 3:
            text = conda_edit.append(text, ("dependencies", None, "pip"), value)
            lists = [item["pip"] for item in wanted if not isinstance(item, str)]
            lists[0].append(value) if lists else wanted.append({"pip": [value]})
        assert conda_edit.values(text, ("dependencies",)) == wanted


paths = st.tuples(st.sampled_from(["dependencies", "channels", "name", "x"])) | st.tuples(
    st.just("dependencies"), st.integers(0, 4)
)


@given(st.text(alphabet='ab:-[]{}&*!|>#"? \n,dependencies', max_size=60), paths, names)
def test_no_text_makes_an_edit_raise_anything_but_the_refusal(text, path, value):
    for edit in (
        lambda: conda_edit.set_value(text, path, value),
        lambda: conda_edit.remove(text, path),
        lambda: conda_edit.append(text, path[:1], value),
        lambda: conda_edit.insert(text, (path[0], 0), value),
        lambda: conda_edit.rename(text, path[:1], value),
        lambda: conda_edit.to_pip(text, ("dependencies", 0), value),
        lambda: conda_edit.append(text, ("dependencies", None, "pip"), value),
    ):
        try:
            edit()
        except EditRefused:
            continue
