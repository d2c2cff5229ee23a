"""The Markdown of a diff, as a renderer of GitHub's dialect reads it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from builds import diff_markdown
from builds.comparison import Comparison, Side
from builds.tests.diff_cast import conda, pip
from environments import definition

RENDERER = MarkdownIt("gfm-like", {"html": True, "linkify": False})
HOSTILE = [
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example.org/x.png)",
    "`code`",
    "``",
    "a|b",
    "a\\|b",
    "a\\\\|<b>",
    "x\n\n# heading\n\n<img src=x>",
    "@everyone",
    "https://evil.example.org",
    "**bold** _em_ ~~gone~~",
    "\u202etxt",
    "-->",
    "| --- |",
    "` | <img src=x> | `",
    " ",
]
texts = (
    st.sampled_from(HOSTILE)
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.text("`|\\<>[]()! \n", max_size=12)
)


def side(place, number, packages, lines=()):
    section = {"channels": ["forge"], "dependencies": ["python=3.11", *lines]}
    read = definition.read({"python": {"condaDependencies": section}})
    return Side(
        f"{place}/{number}", f"Version {number}", "", place, read, "", "", "3.11.7", "linux-64", tuple(packages)
    )


def kinds_of(text):
    """What a reader gets: the kinds of all tokens, and what stands in code."""
    tokens = [inner for token in RENDERER.parse(text) for inner in (token, *(token.children or ()))]
    return [token.type for token in tokens], [token.content for token in tokens if token.type == "code_inline"]


def test_the_whole_document():
    old = side(
        "team/science", 1, [pip("idna", "3.9"), pip("gone"), conda("openssl", sha256="a", direct=False)], ["gdal"]
    )
    new = side(
        "team/science",
        2,
        [pip("idna", "3.10", licence="BSD"), conda("openssl", sha256="b", direct=False)],
        ["gdal=3.8"],
    )
    assert diff_markdown.write(Comparison(old, new), "https://env.example.org/diff/?from=1&to=2") == (
        """## `Version 1` → `Version 2`

**−1 ↑1, 1 hash changed**

1 setting of the definition and 3 packages differ; the download shrinks by 10 bytes.

**Hash changed under the same version: `openssl`.** A published file never changes.

- `Version 1`: 3 packages, 30 bytes, Python `3.11.7` on `linux-64`
- `Version 2`: 2 packages, 20 bytes, Python `3.11.7` on `linux-64`

### Definition

| Change | What |  | Before | After |
|---|---|---|---|---|
| Changed | `gdal` | conda | `any version` | `=3.8` |

### Packages that are asked for, 2

| Change | Package | Before | After | Step | From | Because of |
|---|---|---|---|---|---|---|
| Removed | `gone` | `1.0` | – |  | `pip` | `asked for` |
| Up | `idna` | `3.9` | `3.10` | minor | `pip` | `asked for` |

### Packages that these need, 1

| Change | Package | Before | After | Step | From | Because of |
|---|---|---|---|---|---|---|
| Hash changed | `openssl` | `1.0 sha256:aaaaaaaaaaaa` | `1.0 sha256:bbbbbbbbbbbb` |  | `forge` | `–` |

Advisories: not assessed.

<https://env.example.org/diff/?from=1&to=2>
"""
    )


def test_nothing_differs():
    one = side("team/science", 1, [pip("idna")])
    text = diff_markdown.write(Comparison(one, replace(one, title="Version 2")))
    assert "**no package changes**" in text
    assert "Nothing differs" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_stays_one_piece_of_code(text):
    shown = "".join(" " if not c.isprintable() else c for c in text).strip()
    kinds, code = kinds_of(f"Before {diff_markdown.code(text)} after")
    if shown:
        assert (kinds, [each.strip() for each in code]) == (
            ["paragraph_open", "inline", "text", "code_inline", "text", "paragraph_close"],
            [shown],
        )


def test_no_backslash_takes_the_meaning_of_an_escaped_bar_away():
    assert diff_markdown.cell("a\\|b") == "`a\\ \\|b`"  # GitHub would read the two backslashes as one, and end the cell
    assert diff_markdown.cell(">=1|2") == "`>=1\\|2`"


@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=3))
def test_no_name_or_version_becomes_anything_but_code_in_its_cell(rows):
    old = [replace(pip(f"p{i}"), name=name, version=version) for i, (name, version, _) in enumerate(rows)]
    new = [replace(pip(f"p{i}"), name=name, version=version) for i, (name, _, version) in enumerate(rows)]
    one, other = side(rows[0][0], 1, old), side(rows[0][1], 2, new)
    plain = Comparison(replace(one, packages=()), replace(other, packages=()))
    comparison = Comparison(one, other)
    kinds, _ = kinds_of(diff_markdown.write(comparison))
    allowed = {
        "heading_open", "heading_close", "inline", "text", "code_inline", "paragraph_open", "paragraph_close", "softbreak",
        "strong_open", "strong_close", "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
        "table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close", "tr_open", "tr_close",
        "th_open", "th_close", "td_open", "td_close",
    }  # fmt: skip
    assert set(kinds) <= allowed
    assert kinds.count("td_open") == 7 * len(comparison.packages)
    assert kinds.count("heading_open") == 1 + len({change.direct for change in comparison.packages})
    assert plain.packages == []
