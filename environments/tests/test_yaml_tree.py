import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.formats import yaml_tree
from environments.formats.yaml_tree import YamlFault

FILE = """\
# why
name: "x"
channels: [a, 'b']
dependencies:
  - python=3.10   # pinned
  - pip:
    - six
version: 3.10
"""


def value(text):
    return yaml_tree.parse(text).plain()


def fault(text):
    """The (code, line, message) of what is wrong with a text, and what a click on its fix writes."""
    with pytest.raises(YamlFault) as raised:
        yaml_tree.parse(text)
    finding = raised.value.finding
    return finding.code, finding.line, finding.message, finding.fix and finding.fix.value


def test_a_text_becomes_texts_lists_and_mappings():
    assert value(FILE) == {
        "name": "x",
        "channels": ["a", "b"],
        "dependencies": ["python=3.10", {"pip": ["six"]}],
        "version": "3.10",
    }


def test_numbers_keep_the_digits_that_were_typed_unless_they_are_asked_for():
    root = yaml_tree.parse("[3.10, 0123, 1_000, true, no, ~, null, '', 1e5, .inf, 2024-01-01]")
    assert root.plain() == ["3.10", "0123", "1_000", "true", "no", None, None, "", "1e5", ".inf", "2024-01-01"]
    assert root.typed() == [3.1, "0123", "1_000", True, "no", None, None, "", 1e5, ".inf", "2024-01-01"]


def test_every_node_knows_where_it_stands():
    root = yaml_tree.parse(FILE)
    python = root.get("dependencies").items[0]
    pip = root.get("dependencies").items[1]
    assert (python.line, python.column, FILE[python.start : python.end]) == (5, 4, "python=3.10")
    assert (pip.line, pip.get("pip").items[0].line) == (6, 7)
    assert FILE[root.get("channels").start : root.get("channels").end] == "[a, 'b']"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "---\n...\n", "~", "null\n"])
def test_a_text_that_says_nothing_is_none(text):
    assert yaml_tree.parse(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [1]\nb: *x\n", {"a": ["1"], "b": ["1"]}),
        ("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3\n", {"a": {"k": "1", "l": "2"}, "b": {"k": "3", "l": "2"}}),
        ("a: &x {k: 1}\nb: &y {l: 2}\nc: {<<: [*x, *y]}\n", None),
        ("a: !!str 3\n", {"a": "3"}),
        ("a: !!int 3\n", {"a": "3"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("---\na: 1\n...\n", {"a": "1"}),
        ("%YAML 1.1\n---\na: 1\n", {"a": "1"}),
        ('{"a": ["b", {"c": null}]}', {"a": ["b", {"c": None}]}),
    ],
)
def test_anchors_merge_keys_plain_tags_and_json_are_read(text, said):
    said = said or {"a": {"k": "1"}, "b": {"l": "2"}, "c": {"k": "1", "l": "2"}}
    assert value(text) == said


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: !!python/object:os.system x\n", "yaml-tag", 1),
        ("a:\n  - !numpy\n", "yaml-tag", 2),
        ("a: 1\nb: 2\na: 3\n", "key-twice", 3),
        ("a: 1\n---\nb: 2\n", "yaml-documents", 2),
        ("a: *nowhere\n", "yaml-alias", 1),
        ("a: &x [*x]\n", "yaml-alias", 1),
        ("a: 1\nb:\n  <<: text\n", "yaml-alias", 3),
        ("a: {{ x }}\n", "template-value", 1),
        ("b: 1\n{% if x %}\na: 1\n", "template-value", 2),
        ("a: 1\n? [b]\n: c\n", "yaml-invalid", 2),
        ("a: 1\nb: x\x07\n", "text-character", 2),
        ("a: 1\nb: \0\n", "text-character", 2),
        ("a: \ud800\n", "text-character", 1),
        ("[" * 60 + "]" * 60, "too-deep", 1),
    ],
)
def test_what_is_not_accepted_is_said_at_its_line(text, code, line):
    assert fault(text)[:2] == (code, line)


SPACE = "a space is missing behind the dash"
INDENT = "this line is indented in another way than the list or mapping it belongs to"
MIDDLE = "a key begins here in the middle of the value above; the line is indented too far, or a dash is missing"


@pytest.mark.parametrize(
    ("text", "line", "reason", "instead"),
    [
        ("a:\n  - x\n  -numpy\n  - y\n", 3, SPACE, "  - numpy"),
        ("a:\n  - x\n  - pip:\n    - y\n    -z\n  - u\n", 5, SPACE, "    - z"),
        ("name: x\ndependencies\n  - y\n", 2, "a colon is missing behind dependencies", "dependencies:"),
        ("name x\ndependencies:\n  - y\n", 1, "a colon is missing behind name", "name: x"),
        ("name:x\nchannels:\n  - y\n", 1, "a space is missing behind the colon", "name: x"),
        ("a:\n  - x\nprefix:/y\n", 3, "a space is missing behind the colon", "prefix: /y"),
        ("a:\n  - x\n - y\n", 3, INDENT, None),
        (" a: x\nb: y\n", 2, INDENT, None),
        ("a: x\n b:\n  - y\n", 2, MIDDLE, None),
        ('a:\n  - "x\n  - y\n', 2, 'the quotation mark " that opens here is not closed on its line', None),
        ("a:\n  - 'x\n  - y\n  - 'z'\n", 2, "the quotation mark ' that opens here is not closed on its line", None),
        ('a: "x" y\n', 1, "something stands behind the closing quotation mark", None),
        (
            'a: "C:\\wheels"\n',
            1,
            "a backslash between double quotation marks has a meaning of its own; take single ones (')",
            None,
        ),
        ("a: [x, y\nb: z\n", 1, "the bracket [ that opens here is not closed; “]” is missing", None),
        ("a: {x: y\nb:\n- z\n", 1, "the bracket { that opens here is not closed; “}” is missing", None),
        ("a: x\nb: ]\n", 2, "“]” stands here, and nothing was opened that it belongs to", None),
        ("a: x: y\n", 1, "a text that holds “: ” needs quotation marks", None),
        ("a:\n  - @x\n", 2, "a text that begins with @ needs quotation marks", None),
        ("a:\n  - %x\n", 2, "a text that begins with % needs quotation marks", None),
        ("a:\n  - `x`\n", 2, "a text that begins with ` needs quotation marks", None),
        ("a:\n  - *\n", 2, "a text that begins with * needs quotation marks", None),
        ("a:\n  - x: *\n", 2, "a text that begins with * needs quotation marks", None),
        ("a:\n  - & x\n", 2, "a text that begins with & needs quotation marks", None),
        ("a:\n  - >=1.0\n", 2, "a text that begins with > needs quotation marks", None),
        ("a:\n  - |x\n", 2, "a text that begins with | needs quotation marks", None),
        ("a:\n  - !<> x\n", 2, "a text that begins with ! needs quotation marks", None),
        ("%x\na: b\n", 1, "a text that begins with % needs quotation marks", None),
        ("a: x\n: y\n", 2, "a colon stands here without a key before it", None),
        ("a: x\n...\nb: y\n", 3, "the document ended above with “...”, and nothing may follow", None),
        ("a:\n  - x\nhello\n", 3, "“hello” is neither a list item (- …) nor a key with a colon", None),
        ("a:\n\u00a0 - x\n", 2, "a blank that is no plain space stands at the beginning of this line", "  - x"),
        (
            "<<<<<<< HEAD\na: x\n=======\na: y\n>>>>>>> b\n",
            1,
            "a merge left its marks here; keep one of the two sides and remove the marks",
            None,
        ),
    ],
)
def test_what_people_do_wrong_is_said_in_words_at_its_line(text, line, reason, instead):
    assert fault(text) == ("yaml-invalid", line, f"This is no YAML: {reason}.", instead)


@pytest.mark.parametrize(
    ("text", "line", "instead"),
    [
        ("a:\n\t- x\n", 2, "  - x"),
        ("a:\n  - x\n\t- y\n", 3, "  - y"),
        ("a:\n  - pip:\n\t  - x\n", 3, "    - x"),
    ],
)
def test_a_tab_is_named_and_replaced(text, line, instead):
    assert fault(text) == ("yaml-tab", line, "A tab stands where YAML wants spaces.", instead)


def test_no_message_shows_a_secret_of_its_line():
    assert "hunter2" not in fault("a:\n  - x\nhttps://me:hunter2@h.org/x\n")[2]


def test_anchors_that_explode_are_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    code, line, _, _ = fault("\n".join(lines))
    assert (code, line) == ("yaml-too-many", 6)


texts = st.text(max_size=80) | st.text(alphabet="ab:-[]{}&*!|>#%@`'\"? \n\t,<~", max_size=60)


@given(texts)
def test_no_text_raises_anything_but_the_one_fault_and_its_words_are_ours(text):
    finding = None
    try:
        yaml_tree.parse(text)
    except YamlFault as fault:
        finding = fault.finding
    if finding:
        assert finding.severity == "error"
        assert 1 <= finding.line <= len(text.splitlines()) + 1
        for jargon in ("while ", "scanning", "parsing", "flow sequence", "block mapping", "expected", "token"):
            assert jargon not in finding.message.split("“")[0]


@given(texts)
def test_every_scalar_is_found_where_it_says_it_stands(text):
    try:
        root = yaml_tree.parse(text)
    except YamlFault:
        return
    waiting = [root] if root else []
    while waiting:
        node = waiting.pop()
        waiting += [*node.items, *(part for pair in node.pairs for part in pair)]
        assert 0 <= node.start <= node.end <= len(text)
        assert node.line == text.count("\n", 0, node.start) + text.replace("\r\n", "\n").count("\r", 0, node.start) + 1
