import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.findings import Finding
from environments.formats import conda_file
from environments.formats.yaml_tree import parse

FILE = """\
---
# For the paper
name: science
channels:
  - conda-forge   # first
  - nodefaults
dependencies:
  - python=3.10   # not 3.1
  - "numpy >=1.2"
  - pip:
      - six==1.16.0
variables:
  THREADS: 4
  FLAG: yes
  NOTHING:
prefix: /opt/x
version: 3
"""
SECTION = {
    "name": "science",
    "channels": ["conda-forge", "nodefaults"],
    "dependencies": ["python=3.10", "numpy >=1.2", {"pip": ["six==1.16.0"]}],
    "variables": {"THREADS": "4", "FLAG": "yes", "NOTHING": ""},
    "prefix": "/opt/x",
    "version": 3,
}
HERE = "python.condaDependencies"


def findings(text):
    return [(each.code, each.line, each.where.removeprefix(f"{HERE}.")) for each in conda_file.read(text).findings]


def test_a_conda_file_becomes_a_section():
    assert conda_file.read(FILE).section == SECTION
    assert conda_file.read(FILE).findings == []


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("dependencies[0]", 8),
        ("dependencies[2]", 10),
        ("dependencies[2].pip[0]", 11),
        ("channels", 4),
        ("channels[1]", 6),
        ("variables.THREADS", 13),
        ("variables.OTHER", 12),
        ("dependencies[7]", 7),
        ("", 3),
    ],
)
def test_every_place_of_the_section_has_its_line(where, line):
    assert conda_file.read(FILE).line_of(f"{HERE}.{where}".rstrip(".")) == line


def test_a_place_that_is_not_in_the_file_has_no_line():
    assert conda_file.read(FILE).line_of("docker.baseImage") is None


@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("", {}),
        ("# nothing\n", {}),
        ("dependencies:\nchannels:\n", {"dependencies": None, "channels": None}),
        ("dependencies: []\n", {"dependencies": []}),
        ("dependencies:\n- a\n- b", {"dependencies": ["a", "b"]}),
        ("{dependencies: [a, {pip: [b]}]}", {"dependencies": ["a", {"pip": ["b"]}]}),
        ("dependencies:\n  - 3.10\n  - yes\n  -\n", {"dependencies": ["3.10", "yes", None]}),
        ("dependencies:\n  - python: 3.10\n", {"dependencies": [{"python": "3.10"}]}),
        ("name: 0123\n", {"name": "0123"}),
        ("dependencies:\n  - numpy\n    >=1.0\n", {"dependencies": ["numpy >=1.0"]}),
        ("x: &x [a]\ndependencies: *x\n", {"x": ["a"], "dependencies": ["a"]}),
        ("variables:\n  A: {b: 1}\n", {"variables": {"A": {"b": "1"}}}),
    ],
)
def test_what_each_way_of_writing_means(text, section):
    assert conda_file.read(text).section == section


@pytest.mark.parametrize("text", ["hello", "- a\n- b\n", "[a]"])
def test_what_is_no_mapping_is_refused(text):
    assert conda_file.read(text).section is None
    assert findings(text) == [("yaml-invalid", 1, "")]


@pytest.mark.parametrize(
    ("text", "line", "reason", "instead"),
    [
        ("dependencies:\n  -numpy\n  - six\n", 2, "a space is missing behind the dash", "  - numpy"),
        ("channels:\n  -a\n  -b\n", 2, "a space is missing behind the dash", "  - a"),
        ("dependencies:\n  - a\n  - pip\n    - b\n", 3, "a colon is missing behind pip", "  - pip:"),
        (
            "dependencies:\n  - a\n    - b\n  - c\n",
            3,
            "this line is indented further than the list it belongs to, and so belongs to the line above",
            "  - b",
        ),
        ("dependencies:\n  - pip:\n      - a\n       -b\n", 4, "a space is missing behind the dash", "       - b"),
    ],
)
def test_a_line_that_yaml_takes_for_a_part_of_another_is_found(text, line, reason, instead):
    file = conda_file.read(text)
    assert file.section is None
    assert [(each.line, each.message, each.fix.value) for each in file.findings] == [
        (line, f"This is no YAML: {reason}.", instead)
    ]


def test_selectors_are_named_and_lines_for_other_systems_can_be_removed():
    text = """\
dependencies:
  - a=1  # [osx64]
  - "b=1"   # [win]
  - c=1  # [linux]
  - d=1  # [not win]
  - e=1  # [linux and not aarch64]
  - f=1  # [osx or win]
  - g=1  # [py<39]
  - h=1  # [see the paper]
  - i=1  # win
  - pip:
    - j==1  # [osx]
"""
    assert findings(text) == [
        ("conda-selector", 2, "dependencies[0]"),
        ("conda-selector", 3, "dependencies[1]"),
        ("conda-selector", 4, "dependencies[2]"),
        ("conda-selector", 5, "dependencies[3]"),
        ("conda-selector", 6, "dependencies[4]"),
        ("conda-selector", 7, "dependencies[5]"),
        ("conda-selector", 8, "dependencies[6]"),
        ("conda-selector", 12, "dependencies[9].pip[0]"),
    ]
    fixed = [each.line for each in conda_file.read(text).findings if each.fix]
    assert fixed == [2, 3, 7, 12]
    first = conda_file.read(text).findings[0]
    assert isinstance(first, Finding)
    assert first.message == "Conda ignores the selector [osx64]: this line counts on every platform."
    assert (first.fix.title, first.fix.verb) == ("Remove this line", "remove")


def test_a_section_is_written_as_people_write_it():
    section = {
        "dependencies": ["python=3.11", {"pip": ["six", "x[a] ; python_version < '3.12'"]}],
        "channels": ["conda-forge"],
        "name": "science",
        "other": {"a": [1, True]},
    }
    assert (
        conda_file.write(section)
        == """\
name: science
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip:
      - six
      - x[a] ; python_version < '3.12'
other:
  a:
    - 1
    - true
"""
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("numpy", "numpy"),
        ("numpy >=1.2,<3", "numpy >=1.2,<3"),
        ("3.10", '"3.10"'),
        ("yes", '"yes"'),
        ("", '""'),
        ("*", '"*"'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("-e x", "-e x"),
        ("--pre", "--pre"),
        ("---", '"---"'),
        ("<<", '"<<"'),
        ("- a", '"- a"'),
        (" a", '" a"'),
        ("a\nb", '"a\\nb"'),
        ("größe", "größe"),
        ("1!2.3", "1!2.3"),
        ("a\u2028b", '"a\\U00002028b"'),
    ],
)
def test_a_text_is_quoted_only_where_it_has_to_be(text, written):
    assert conda_file.scalar(text) == written
    assert parse(f"- {written}").plain() == [text]


kept = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
lines = kept | st.sampled_from(
    ["numpy=1.2", "3.10", "a::b >=1", "yes", "-e x", "{{ x }}", "# c", "'", "[x", "- a", "~"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | kept,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(kept, inner, max_size=3),
    max_leaves=6,
)
sections = st.fixed_dictionaries(
    {},
    optional={
        "name": kept.filter(bool),
        "channels": st.lists(lines, max_size=4),
        "dependencies": st.lists(lines | st.fixed_dictionaries({"pip": st.lists(lines, min_size=1)}), max_size=5),
        "variables": st.dictionaries(kept, kept, min_size=1, max_size=3),
        "prefix": kept.filter(bool),
    },
)
others = st.dictionaries(kept.filter(lambda key: key not in SECTION), values, max_size=3)


@given(sections, others)
def test_what_is_written_reads_back_the_same(section, others):
    section = section | others
    assert conda_file.read(conda_file.write(section)).section == section


@given(kept)
def test_every_text_written_as_a_scalar_reads_back(text):
    assert parse(f"- {conda_file.scalar(text)}\n").plain() == [text]
    assert parse("- " + conda_file.scalar(text, "'") + "\n").plain() == [text]
    assert parse("a:\n  - " + conda_file.scalar(text, '"') + "\n").plain() == {"a": [text]}


@given(st.text(alphabet="ab:-[]{}&*!|>#%@'\"? \n\tdependencies,pip", max_size=80))
def test_no_text_raises(text):
    file = conda_file.read(text)
    assert (file.section is None) == any(each.severity == "error" for each in file.findings)
