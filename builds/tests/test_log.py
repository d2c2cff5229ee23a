import pytest

from builds import log, log_files
from builds.log import LogWriter


@pytest.fixture
def writer(build):
    return LogWriter(build)


def texts(build):
    return [line.text for line in log.lines(build)]


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
    assert [(line.number, line.offset, line.text) for line in log.lines(build)] == [
        (1, 0, "one"),
        (2, 4, "zwei ü"),
        (3, 12, "three"),
    ]
    assert log.extent(build) == log.Extent(18, log.Place(18, 4))
    assert writer.lines == 3


def test_reading_on_from_where_one_stopped_loses_and_doubles_nothing(build, writer):
    expected, got, offset, number = [], [], 0, 1
    for n in range(30):
        writer.write(f"line {n}\npart".encode())
        writer.flush()
        end = log.extent(build).next
        got += log.lines(build, offset, number)
        offset, number = end.offset, end.number
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


def test_of_a_line_of_a_megabyte_the_beginning_is_shown(build, writer):
    writer.write(b"before\n" + b"x" * 1_000_000 + b"\nafter\n")
    writer.flush()
    assert build.chunks.count() == 1
    lines = list(log.lines(build))
    assert [(line.number, line.size, line.cut) for line in lines] == [(1, 6, 0), (2, 10**6, 10**6 - 4000), (3, 5, 0)]
    assert lines[1].text == "x" * 4000
    assert log.extent(build).size == len(log.read(build))


def test_of_a_long_progress_bar_the_end_is_shown(build, writer):
    for n in range(5000):
        writer.write(f"\r{n} of 5000".encode())
        writer.flush()
    assert texts(build) == []
    writer.write(b"\r\nok\n")
    writer.flush()
    assert [(line.text, line.cut) for line in log.lines(build)] == [("4999 of 5000", 0), ("ok", 0)]


@pytest.mark.parametrize("is_moved", [False, True])
def test_every_line_is_found_by_its_number_and_by_every_offset(build, writer, is_moved, monkeypatch):
    monkeypatch.setattr("builds.log_files.BLOCK", 16)
    monkeypatch.setattr("builds.log_blocks.BLOCK", 16)
    whole = b"".join(f"{'ü' * (n % 9)}{n}\n".encode() * (n % 3) for n in range(60)) + b"y" * 70 + b"\n\n\nlast"
    for at in range(0, len(whole), 13):
        writer.write(whole[at : at + 13])
        writer.flush()
    build.fail("ours", "because")
    if is_moved:
        log_files.move(build)
        assert build.chunks.count() == 0
    starts = [0] + [at + 1 for at, byte in enumerate(whole) if byte == 10]
    assert [log.offset_of(build, n + 1) for n in range(len(starts))] == starts
    assert log.offset_of(build, len(starts) + 1) is None
    assert [log.number_at(build, at) for at in range(len(whole))] == [
        whole.count(b"\n", 0, at) + 1 for at in range(len(whole))
    ]
    assert log.extent(build) == log.Extent(len(whole), log.Place(len(whole), len(starts) + 1))
    for start, line in zip(starts, whole.decode().split("\n"), strict=True):
        found = next(log.lines(build, start, 7))
        assert (found.number, found.offset, found.text) == (7, start, line)
    assert log.read(build) == whole


def test_a_writer_goes_on_where_the_log_ends(build, writer):
    writer.write(b"one\nhalf")
    writer.flush()
    LogWriter(build).say("two")
    assert texts(build) == ["one", "half", "two"]
    assert log.offset_of(build, 3) == 9


def test_much_output_is_written_before_it_is_due(build, writer):
    writer.write(b"x" * (log.FLUSH_BYTES + 1))
    assert build.chunks.count() == 1
