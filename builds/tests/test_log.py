import pytest

from builds import log
from builds.log import LogWriter


@pytest.fixture
def writer(build):
    return LogWriter(build)


def texts(build, **kwargs):
    return [line.text for line in log.read_lines(build, **kwargs)[0]]


def test_what_is_written_is_read_from_any_offset(build, writer):
    for part in (b"one\n", b"two\n", b"three\n"):
        writer.write(part)
        writer.flush()
    whole = b"one\ntwo\nthree\n"
    assert [log.read(build, offset) for offset in range(len(whole) + 2)] == [
        whole[offset:] for offset in range(len(whole) + 2)
    ]
    assert log.read(build, 2, 5) == whole[2:7]


def test_lines_carry_numbers_and_offsets(build, writer):
    writer.say("one")
    writer.say("zwei ü")
    writer.say("three")
    lines, end = log.read_lines(build)
    assert [(line.number, line.offset, line.text) for line in lines] == [
        (1, 0, "one"),
        (2, 4, "zwei ü"),
        (3, 12, "three"),
    ]
    assert end == 18
    assert writer.lines == 3


def test_reading_on_from_where_one_stopped_loses_and_doubles_nothing(build, writer):
    expected, got, offset, number = [], [], 0, 1
    for n in range(30):
        writer.write(f"line {n}\npart".encode())
        writer.flush()
        lines, offset = log.read_lines(build, offset, number)
        number += len(lines)
        got += lines
        expected.append(f"line {n}" if n == 0 else f"partline {n}")
    assert [line.text for line in got] == expected
    assert [line.number for line in got] == list(range(1, 31))


def test_the_last_line_needs_no_end_once_the_build_has_ended(build, writer):
    writer.write(b"one\nunfinished")
    writer.flush()
    assert texts(build) == ["one"]
    build.fail("ours", "because")
    assert texts(build) == ["one", "unfinished"]


def test_characters_cut_by_a_read_are_put_together_and_garbage_is_shown(build, writer):
    for byte in "ü€".encode():
        writer.write(bytes([byte]))
    writer.write(b"\xff\0\n")
    writer.flush()
    assert texts(build) == ["ü€�␀"]


def test_a_progress_bar_shows_what_it_drew_last(build, writer):
    writer.write(b"10 %\r50 %\r100 %\nand windows\r\n\n")
    writer.flush()
    assert texts(build) == ["100 %", "and windows", ""]


def test_a_line_of_ours_starts_on_a_line_of_its_own(build, writer):
    writer.write(b"no end")
    writer.say("ours")
    assert texts(build) == ["no end", "ours"]


def test_a_line_longer_than_an_answer_comes_in_pieces(build, writer):
    writer.write(b"x" * 1000 + b"\ny\n")
    writer.flush()
    lines, end = log.read_lines(build, most=400)
    assert (lines[0].text, end) == ("x" * 400, 400)
    seen, offset, number = [], 0, 1
    while True:
        lines, offset = log.read_lines(build, offset, number, most=400)
        if not lines:
            break
        seen += lines
        number += len(lines)
    assert "".join(line.text for line in seen) == "x" * 1000 + "y"


def test_much_output_is_written_before_it_is_due(build, writer):
    writer.write(b"x" * (log.FLUSH_BYTES + 1))
    assert build.chunks.count() == 1
