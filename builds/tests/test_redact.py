import pytest
from hypothesis import given
from hypothesis import strategies as some

from builds.redact import Redactor, secrets_of
from builds.redact import redact as redact_text

WORDS = {"/srv/work/1/wheels/": "", "file:///srv/work/1/wheels/": "", "/srv/work/1": "work", "ticket=abc": "…"}


def redact(*pieces, words=WORDS):
    said = []
    redactor = Redactor(words, said.append)
    for piece in pieces:
        redactor.write(piece)
    redactor.flush()
    return b"".join(said)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (b"", b""),
        (b"nothing to hide /srv/work/2\n", b"nothing to hide /srv/work/2\n"),
        (b"demo @ file:///srv/work/1/wheels/demo.whl", b"demo @ demo.whl"),
        (b"/srv/work/1/wheels/a /srv/work/1/x /srv/work/1", b"a work/x work"),
        (b"?ticket=abc&ticket=ab", "?…&ticket=ab".encode()),
        (b"//srv/work/1/srv/work/1/wheels/", b"/work"),
        (b"\xff\x00/srv/work/1\xff", b"\xff\x00work\xff"),
    ],
)
def test_words_are_replaced_however_the_output_is_cut(told, shown):
    assert redact(told) == shown
    assert redact(*(told[i : i + 1] for i in range(len(told)))) == shown
    for cut in range(len(told)):
        assert redact(told[:cut], told[cut:]) == shown


@given(some.lists(some.text("ab/", max_size=8), max_size=6))
def test_cuts_change_nothing(pieces):
    words = {"ab": "1", "aba/": "2", "/a": "3", "bb/b": "4"}
    pieces = [piece.encode() for piece in pieces]
    assert redact(*pieces, words=words) == redact(b"".join(pieces), words=words)


def test_what_cannot_be_a_word_any_more_is_not_held_back():
    said = []
    redactor = Redactor(WORDS, said.append)
    redactor.write(b"Resolving /srv/w")
    assert said == [b"Resolving "]
    redactor.write(b"eb\n")
    assert said == [b"Resolving ", b"/srv/web\n"]


def test_passwords_of_addresses_are_no_words_for_a_log():
    words = secrets_of(
        ["", "https://example.org/simple", "https://me:s%40crt@example.org/simple", "http://tok@proxy:1"]
    )
    told = "GET https://me:s%40crt@example.org/simple through http://tok@proxy:1 with s@crt or s%40crt"
    assert redact_text(told, words) == "GET https://…@example.org/simple through http://…@proxy:1 with … or …"
    assert secrets_of(["http://[bad"]) == {}
