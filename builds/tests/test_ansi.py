import pytest
from hypothesis import given
from hypothesis import strategies as some

from builds.ansi import html, plain


@pytest.mark.parametrize(
    ("written", "seen", "shown"),
    [
        ("", "", ""),
        ("plain <b>&", "plain <b>&", "plain &lt;b&gt;&amp;"),
        ("\x1b[31mred\x1b[0m no", "red no", '<span class="ansi-red">red</span> no'),
        (
            "\x1b[1;32m<ok>\x1b[39m bold\x1b[22m",
            "<ok> bold",
            '<span class="ansi-green ansi-bold">&lt;ok&gt;</span><span class="ansi-bold"> bold</span>',
        ),
        ("\x1b[2mdim\x1b[m", "dim", '<span class="ansi-dim">dim</span>'),
        ("\x1b[96mlight\x1b[0m", "light", '<span class="ansi-cyan">light</span>'),
        ("\x1b[38;5;1mone\x1b[38;5;200mtwo", "onetwo", '<span class="ansi-red">one</span>two'),
        ("\x1b[31m\x1b[48;2;1;2;32mred", "red", '<span class="ansi-red">red</span>'),
        ("\x1b[30;47mblack", "black", "black"),
        ("10 %\r\x1b[32m50 %\r100 %\r\r", "100 %", '<span class="ansi-green">100 %</span>'),
        ("a\x1b[2K\x1b[1Gb", "ab", "ab"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x07", "link", "link"),
        ("\x1b]0;title\x07text", "text", "text"),
        ("\x1b(Bx\x1b", "x", "x"),
        ("bell\x07 tab\t \x7f", "bell␇ tab\t ␡", "bell␇ tab\t ␡"),
        ("\x1b[99999999999;?;31mq", "q", '<span class="ansi-red">q</span>'),
        ("\x1b[" + "9" * 9000 + "mq", "q", "q"),
        ('\x1b[31"onload=x', "nload=x", "nload=x"),
    ],
)
def test_what_a_terminal_would_show(written, seen, shown):
    assert (plain(written), html(written)) == (seen, shown)


@given(some.text(some.sampled_from("\x1b[]0;31mK<>&\"'\r\n\x07ab/")))
def test_no_output_becomes_a_tag(text):
    shown = html(text)
    for known in ("red", "green", "yellow", "blue", "magenta", "cyan", "bold", "dim"):
        shown = shown.replace(f"ansi-{known}", "")
    for tag in ('<span class="">', '<span class=" ">', "</span>"):
        shown = shown.replace(tag, "")
    assert "<" not in shown
    assert '"' not in shown
    assert "\x1b" not in shown
