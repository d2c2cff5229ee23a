"""Rows and text are two views of one file: what is written back changes only what was typed."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environments import drafts
from environments.drafts import Draft, Row, Rows, write_rows
from environments.formats import conda_file
from environments.formats.conda_edit import EditRefused
from environments.policy import Policy

_CONDA = [
    "numpy", "numpy=1.26 # pinned", "'pandas >=1,<2'", '"scipy"', "conda-forge::gdal=3", "python=3.11", "python >=3.8",
    "pip", "pip=23", "x[version='>=1,<2']", "blas=*=mkl", "_libgcc_mutex=0.1=main", "tk # [unix]", "a b c", "name: 3",
    "https://h.org/conda-forge/linux-64/a-1-0.conda", "null", "foo   =  1.0", "bar\t", "x >1 | <2", "'it''s'",
]  # fmt: skip
_PIP = [
    "requests==2.31.0", "'black[d] >=23 ; python_version < \"3.9\"'", "\"a; sys_platform == 'win32'\"", "--pre", "null",
    "git+https://h.org/a/b.git@main#egg=b", "-r foo.txt", "foo @ https://h.org/foo-1-py3-none-any.whl", "'# not'",
    "torch==1.0+cu118 # for the cluster", "flask  >= 1", '""', "'größer'", "--extra-index-url https://h.org/simple",
]  # fmt: skip
_CHANNELS = ["conda-forge", "'pytorch'", "https://h.org/x # mirror", "nodefaults"]


@st.composite
def texts(draw):
    """Conda files as people write them: comments, quoting, two pip lists, lists in brackets."""
    lines = draw(st.sampled_from([[], ["name: n # mine"], ["---", "name: n"], ["# first", ""]])).copy()
    channels = draw(st.lists(st.sampled_from(_CHANNELS), unique=True, max_size=3))
    listed = ["channels: # in this order", *(f"  - {channel}" for channel in channels)]
    lines += draw(st.sampled_from([listed, ["channels: [a, 'b/c' , https://h.org/d]"], ["channels: []"], []]))
    lines.append("dependencies:")
    indent = draw(st.sampled_from(["", "  ", "    "]))
    for _ in range(draw(st.integers(0, 5))):
        lines += draw(st.sampled_from([[], [], [f"{indent}# a comment"], [""]]))
        if draw(st.integers(0, 3)):
            lines.append(f"{indent}- {draw(st.sampled_from(_CONDA))}")
            continue
        below = [f"{indent}    - {line}" for line in draw(st.lists(st.sampled_from(_PIP), max_size=4))]
        lines += draw(st.sampled_from([[f"{indent}- pip:", *below], [f"{indent}- pip: [a, 'b==1', \"c;d\"]"]]))
    lines += draw(st.sampled_from([[], ["prefix: /x"], ["variables:", "  A: 1"], ["# last"]]))
    return "\n".join(lines) + draw(st.sampled_from(["\n", "", "\n\n"]))


def typed(text):
    """The rows of a text as a page sends them."""
    rows = Rows.of(text)
    return rows and Rows(
        rows.python,
        list(rows.channels),
        [Row("conda", row.name, row.constraint, row.at, row.original) for row in rows.conda],
        [Row("pip", row.name, row.constraint, row.at, row.original) for row in rows.pip],
    )


def shown(text):
    rows = Rows.of(text)
    return [name for _, name in rows.channels], [row.text for row in rows.conda], [row.text for row in rows.pip]


def lines_that_went(before, after):
    there = after.split("\n")
    return [line for line in before.split("\n") if line not in there]


@given(texts())
def test_rows_that_nobody_touched_leave_the_text_as_it_is(text):
    rows = typed(text)
    assert rows is None or write_rows(text, rows) == text


@given(texts(), st.data())
def test_a_row_that_was_changed_changes_its_line_alone(text, data):
    rows = typed(text)
    if not rows or not (rows.conda or rows.pip):
        return
    row = data.draw(st.sampled_from([*rows.conda, *rows.pip]))
    row.name, row.constraint = "other", "==9.9"
    again = write_rows(text, rows)
    assert len(again.splitlines()) == len(text.splitlines())
    assert len(lines_that_went(text, again)) <= 1
    assert shown(again) == ([name for _, name in rows.channels], *_texts(rows))


@given(texts(), st.data())
def test_a_row_that_was_removed_takes_no_other_with_it(text, data):
    rows = typed(text)
    if not rows or not (rows.conda or rows.pip):
        return
    row = data.draw(st.sampled_from([*rows.conda, *rows.pip]))
    (rows.conda if row.manager == "conda" else rows.pip).remove(row)
    assert shown(write_rows(text, rows))[1:] == _texts(rows)


@given(texts())
@settings(max_examples=50)
def test_rows_that_were_added_stand_in_the_text(text):
    rows = typed(text)
    if not rows:
        return
    rows.channels.append(("", "more"))
    rows.conda.append(Row("conda", "new", "=1"))
    rows.pip.append(Row("pip", "newer", "==1"))
    again = write_rows(text, rows)
    channels, conda, pip = shown(again)
    assert (channels[-1], conda, sorted(pip)) == ("more", _texts(rows)[0], sorted(_texts(rows)[1]))
    said = [line for line in text.split("\n") if "#" in line]
    assert [line for line in again.split("\n") if "#" in line] == said


def _texts(rows):
    return [row.text for row in rows.conda], [row.text for row in rows.pip]


@given(texts())
def test_a_row_whose_place_the_text_does_not_have_is_a_new_one(text):
    rows = typed(text)
    if not rows:
        return
    for row in (*rows.conda, *rows.pip):
        row.at = "900.7" if row.manager == "pip" else "900"
    rows.channels = [("900", name) for _, name in rows.channels]
    again = write_rows(text, rows)
    assert [sorted(items) for items in shown(again)] == [
        sorted(items) for items in ([name for _, name in rows.channels], *_texts(rows))
    ]


def test_two_rows_that_claim_one_place_are_both_kept():
    text = "channels:\n  - a\ndependencies:\n  - numpy\n"
    rows = Rows("", [("0", "a"), ("0", "b")], [Row("conda", "numpy", "", "0"), Row("conda", "scipy", "", "0")])
    assert write_rows(text, rows) == "channels:\n  - a\n  - b\ndependencies:\n  - numpy\n  - scipy\n"


def test_a_pip_list_goes_with_its_last_row_and_the_other_stays():
    text = "dependencies:\n  - pip:\n      - a\n  - pip\n  - pip:\n      - b # why\n"
    rows = typed(text)
    del rows.pip[0]
    assert write_rows(text, rows) == "dependencies:\n  - pip\n  - pip:\n      - b # why\n"


def test_the_first_pip_package_of_a_list_in_brackets_stands_in_brackets():
    text = "dependencies: [python=3.11, numpy]\n"
    rows = typed(text)
    rows.pip.append(Row("pip", "black[d]", "==23.1"))
    assert write_rows(text, rows) == 'dependencies: [python=3.11, numpy, {pip: ["black[d]==23.1"]}]\n'


@pytest.mark.parametrize(
    "text",
    [
        "dependencies:\n  - pip: single\n",  # a text where a list belongs
        "dependencies: [\n",  # no YAML
        "- numpy\n",  # no mapping
        "a: &x numpy\ndependencies: *x\n",
    ],
)
def test_what_rows_cannot_be_written_into_is_refused_and_not_overwritten(text):
    with pytest.raises(EditRefused):
        write_rows(text, Rows(pip=[Row("pip", "numpy")]))


@pytest.mark.parametrize(
    ("manager", "text", "moved"),
    [
        ("conda", "numpy=1.26", ("numpy", "==1.26.*")),
        ("conda", "numpy==1.26.4", ("numpy", "==1.26.4")),
        ("conda", "numpy=1.26.4=py311h0", ("numpy", "==1.26.4")),
        ("conda", "conda-forge::numpy >=1,<2", ("numpy", ">=1,<2")),
        ("conda", "numpy=*", ("numpy", "")),
        ("pip", "numpy>=1, <2", ("numpy", "<2,>=1")),
        ("pip", "black[d]==23.1", ("black", "==23.1")),
        ("pip", "x @ https://h.org/x-1-py3-none-any.whl", None),
        ("pip", "--pre", None),
    ],
)
def test_a_row_as_the_other_manager_writes_it(manager, text, moved):
    other = drafts.to_other_manager(Row(manager, *drafts.split(manager, text)))
    assert (other and (other.name, other.constraint)) == moved


@pytest.mark.parametrize(
    ("manager", "text", "lost"),
    [
        ("conda", "numpy>=1", []),
        ("conda", "numpy=1.26=py311h0", ["build"]),
        ("conda", "pytorch::torch[md5=0]", ["channel", "options"]),
        ("pip", "numpy>=1", []),
        ("pip", "black[d]==23.1 ; python_version < '3.9'", ["extras", "marker"]),
        ("pip", f"six==1.0 --hash=sha256:{'0' * 64}", ["hashes"]),
    ],
)
def test_what_the_other_manager_has_no_word_for(manager, text, lost):
    assert drafts.lost_by_moving(Row(manager, *drafts.split(manager, text))) == lost


@given(texts())
def test_a_draft_says_what_its_text_and_its_sections_say(text):
    document = {
        "docker": {"baseImage": "ubuntu:24.04", "baseImageRegistry": {"address": "r.example.org"}},
        "environmentVariables": {"A": "1"},
        "inferencingStackVersion": "latest",
    }
    section = conda_file.read(text).section
    said, _ = Draft.of(document, text).to_document()
    assert said == (document | {"python": {"condaDependencies": section}} if section is not None else None)


def test_thousands_of_new_rows_are_written_at_once():
    rows = Rows("", [], [], [Row("pip", f"p{i}") for i in range(3000)])
    began = time.process_time()
    assert len(Rows.of(write_rows("dependencies: []\n", rows)).pip) == 3000
    assert time.process_time() - began < 2


def test_more_pip_lists_than_anybody_writes_are_left_to_the_text():
    assert Rows.of("dependencies:\n" + "  - pip: [a]\n" * (drafts.MOST_PIP_LISTS + 1)) is None


def test_a_text_of_comments_has_the_limits_of_a_file():
    (finding,) = Draft("dependencies: []\n" + "#" * 1_000_000).examine(Policy()).findings
    assert finding.code == "text-too-long"
