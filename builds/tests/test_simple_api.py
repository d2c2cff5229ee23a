import json

import pytest

from builds import simple_api
from builds.simple_api import NotAPage, Release

NAMES = json.dumps(
    {"meta": {"api-version": "1.1"}, "projects": [{"_last-serial": 1, "name": n} for n in ("A", "ü", "b]")]}
)
LINKS = '<!DOCTYPE html><html><body><a href="/simple/a/">A</a>\n<a href="/simple/b-c/">b&amp;c</a></body></html>'


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_names_are_the_same_however_the_page_is_cut_in_pieces(size):
    assert list(simple_api.names_of_json(pieces(NAMES, size))) == ["A", "ü", "b]"]
    assert list(simple_api.names_of_html(pieces(LINKS, size))) == ["A", "b&c"]


def pieces(text, size):
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize("text", [NAMES[:-4], "", "{}", "[]", '{"projects": [1]}', '{"projects": [{"name": 1}]}'])
def test_a_list_that_is_broken_off_or_none_is_refused(text):
    with pytest.raises(NotAPage):
        list(simple_api.names_of_json([text]))


def test_what_never_becomes_an_entry_is_not_collected_for_ever():
    with pytest.raises(NotAPage):
        list(simple_api.names_of_json(['{"projects": ['] + ["x" * 100_000] * 1000))
    with pytest.raises(NotAPage):
        list(simple_api.names_of_html(["<a "] + ["x" * 100_000] * 1000))


FILES = [
    {"filename": "foo-1.0-py3-none-any.whl", "requires-python": ">=3.8"},
    {"filename": "foo-1.0.tar.gz"},
    {"filename": "foo-1.10-py3-none-any.whl"},
    {"filename": "foo-1.9.zip", "requires-python": ">=3.9,<4"},
    {"filename": "foo-2.0rc1.tar.gz"},
    {"filename": "foo-1.11.tar.gz", "yanked": "broken"},
    {"filename": "foo-1.12.tar.gz", "yanked": True},
    {"filename": "foo-1.12-py3-none-any.whl", "yanked": False},
    {"filename": "foo-1.13-py2.7.egg"},
    {"filename": "nonsense"},
]
RELEASES = [
    Release("1.12"),
    Release("1.10"),
    Release("1.9", ">=3.9,<4"),
    Release("1.0", ">=3.8"),
    Release("2.0rc1"),
]


def test_releases_are_newest_first_with_pre_releases_last_and_without_the_yanked():
    assert simple_api.releases_of_json(json.dumps({"files": FILES})) == RELEASES


def test_a_page_of_links_says_the_same():
    def link(filename, **said):
        wanted = (
            f' data-requires-python="{said["requires-python"].replace("<", "&lt;")}"'
            if "requires-python" in said
            else ""
        )
        yanked = ' data-yanked=""' if said.get("yanked") else ""
        return f'<a href="../../files/{filename}#sha256=0"{wanted}{yanked}>{filename}</a><br>'

    assert simple_api.releases_of_html("".join(link(**file) for file in FILES)) == RELEASES


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": 1}', '{"files": [1]}', "[" * 100_000])
def test_a_page_of_a_package_that_is_none_is_refused(text):
    with pytest.raises(NotAPage):
        simple_api.releases_of_json(text)


def test_versions_that_mean_the_same_are_one():
    assert simple_api.newest_first(["1.0", "1.0.0", "nonsense", "1!0.1"]) == ["1!0.1", "1.0"]
