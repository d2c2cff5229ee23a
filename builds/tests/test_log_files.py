"""Logs that are long, moved into files, searched, taken in ranges."""

from datetime import timedelta

import pytest
from django.core.files import File
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from builds import log, log_files, log_search
from builds.log import LogWriter
from builds.models import Build, LogChunk, Status, StoredLog
from builds.tasks import move_logs

MANY = 3000


@pytest.fixture
def long(build):
    """A running build with a long log: its second step has all but two lines."""
    build.move_to(Status.RUNNING, worker="w")
    writer = LogWriter(build)
    for name in ("resolve", "install"):
        place = {"offset": writer.offset, "line": writer.lines}
        build.steps.filter(name=name).update(status=Status.RUNNING, started=timezone.now(), **place)
        writer.say(f"{name} begins")
        writer.say("\x1b[31mReSolving\x1b[0m Ünicode & <tags>" if name == "resolve" else "go")
    build.steps.filter(name="resolve").update(status=Status.SUCCEEDED, ended=timezone.now())
    for n in range(5, MANY + 1):
        writer.write(f"line {n}\n".encode())
        if n % 50 == 0:
            writer.flush()
    writer.write(b"half")
    writer.flush()
    return build


@pytest.fixture
def signed_in(client, editor):
    client.force_login(editor)
    return client


def end(build, seconds=61):
    build.fail("import", "It failed.", 1500)
    Build.objects.filter(pk=build.pk).update(finished=timezone.now() - timedelta(seconds=seconds))
    build.refresh_from_db()


def numbers(answer):
    return [int(part.split('"')[0]) for part in answer.content.decode().split('<li id="L')[1:]]


def test_a_log_moves_into_a_file_once_its_build_has_ended_for_a_while(long):
    whole = log.read(long)
    move_logs()
    end(long, 30)
    move_logs()
    assert not StoredLog.objects.exists()
    end_lines = [line.text for line in log.lines(long)]
    Build.objects.update(finished=timezone.now() - timedelta(seconds=61))
    move_logs()
    move_logs()
    stored = StoredLog.objects.get()
    assert (stored.size, stored.lines, LogChunk.objects.count()) == (len(whole), MANY + 1, 0)
    with log_files.storage().open(stored.name) as file:
        assert file.read() == whole
    assert log.read(long) == whole
    assert log.read(long, 100, 50) == whole[100:150]
    assert [line.text for line in log.lines(long)] == end_lines


def test_two_who_move_the_same_log_leave_one_file(long, monkeypatch):
    end(long)
    whole = log.read(long)

    def overtaken(file):
        monkeypatch.undo()
        log_files.move(long)
        return File(file)

    monkeypatch.setattr(log_files, "File", overtaken)
    log_files.move(long)
    folder, files = log_files.storage().listdir(long.pk.hex[:2])
    assert (folder, files) == ([], [f"{long.pk}.log"])
    assert StoredLog.objects.get().name == f"{long.pk.hex[:2]}/{long.pk}.log"
    assert log.read(long) == whole


def test_a_reader_whose_chunks_go_while_it_reads_goes_on_in_the_file(long, monkeypatch):
    end(long)
    whole = log.read(long)
    monkeypatch.setattr(log, "CHUNKS_AT_ONCE", 1)
    blocks = log.blocks(long, 40)
    data = b"".join(next(blocks).data for _ in range(5))
    assert 40 + len(data) < len(whole)
    log_files.move(long)
    assert data + b"".join(block.data for block in blocks) == whole[40:]


def test_a_log_that_cannot_be_written_stays_where_it_is(long, tmp_path, caplog):
    end(long)
    whole = log.read(long)
    (tmp_path / "logs").write_text("in the way")
    move_logs()
    assert "the log of build" in caplog.text
    assert (log.read(long), StoredLog.objects.count()) == (whole, 0)
    (tmp_path / "logs").unlink()
    move_logs()
    assert (log.read(long), StoredLog.objects.count()) == (whole, 1)


def test_a_file_goes_with_its_row(long, django_capture_on_commit_callbacks):
    end(long)
    log_files.move(long)
    with django_capture_on_commit_callbacks(execute=True):
        StoredLog.objects.get().delete()
    assert log_files.storage().listdir(long.pk.hex[:2]) == ([], [])
    assert log.read(long) == b""


def test_what_a_lost_worker_adds_afterwards_goes(long):
    end(long)
    whole = log.read(long)
    log_files.move(long)
    LogChunk.objects.create(build=long, offset=10**6, line=10**5, data=b"too late\n")
    move_logs()
    assert (log.read(long), LogChunk.objects.count()) == (whole, 0)


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_page_of_a_long_log_shows_the_ends_and_what_failed(signed_in, long, is_moved):
    end(long)
    if is_moved:
        log_files.move(long)
    page = signed_in.get(long.get_absolute_url())
    shown = numbers(page)
    assert shown == [*range(1, 103), *range(1440, 1561), *range(2802, MANY + 2)]
    text = page.content.decode()
    assert "1,337 lines not shown" in text
    assert "3,001 lines" in text
    assert 'id="L1500" data-level="error"' in text
    assert "&lt;tags&gt;" in text
    assert '<span class="ansi-red">ReSolving</span>' in text
    assert 'id="poll"' not in text


def test_an_address_shows_the_line_that_it_names(signed_in, long):
    assert 700 in numbers(signed_in.get(long.get_absolute_url(), {"line": 700}))
    assert 700 not in numbers(signed_in.get(long.get_absolute_url()))
    for line in (MANY + 500, 0, "x", -1, 2**40):
        assert signed_in.get(long.get_absolute_url(), {"line": line}).status_code == 200


def test_gaps_are_filled_piece_by_piece(signed_in, long):
    url = reverse("build-lines", args=[long.pk])

    def ask(**query):
        answer = signed_in.get(url, query, headers={"HX-Request": "true"})
        text = answer.content.decode()
        gaps = [tuple(map(int, part.split('"')[:3:2])) for part in text.split('data-first="')[1:]]
        return numbers(answer), gaps

    assert ask(first=103, last=2801) == (list(range(103, 603)), [(603, 2801)])
    assert ask(first=103, last=2801, end=1) == (list(range(2302, 2802)), [(103, 2301)])
    assert ask(first=103, last=2801, around=1000) == (list(range(940, 1061)), [(103, 939), (1061, 2801)])
    assert ask(first=2900, last=10**9) == (list(range(2900, MANY + 1)), [])
    assert ask(first=10**8, last=10**9) == ([], [])
    plain = signed_in.get(url, {"first": 103, "last": 2801})
    assert plain.headers["Location"] == f"{long.get_absolute_url()}?line=103#L103"
    assert signed_in.get(url, {"first": "x"}).status_code == 400


def test_much_that_is_new_comes_with_a_gap(signed_in, long):
    url = reverse("build-live", args=[long.pk])
    part = signed_in.get(url, {"offset": 0, "number": 1, "state": "x"}, headers={"HX-Request": "true"})
    assert numbers(part) == [1, 2, *range(MANY - 999, MANY + 1)]
    assert 'data-first="3" data-last="2000"' in part.content.decode()


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_log_is_searched(long, is_moved):
    end(long)
    if is_moved:
        log_files.move(long)

    def found(text, **kwargs):
        answer = log_search.search(long, text, **kwargs)
        return [line.number for line in answer.lines], answer.next

    assert found("line 123") == ([123, *range(1230, 1240)], None)
    assert found("resolving ünICODE & <") == ([2], None)
    assert found("HALF") == ([MANY + 1], None)
    assert found("line 2", number=2990) == (list(range(2990, 3000)), None)
    assert found("line", most=10) == (list(range(5, 15)), 15)
    assert found("line", number=15, most=10) == (list(range(15, 25)), 25)
    assert found("no such text") == ([], None)
    assert found("go\nline") == ([], None)
    assert found("line", number=MANY + 9) == ([], None)
    numbers, goes_on = found("no such text", seconds=0)
    assert (numbers, goes_on > 1) == ([], True)


@pytest.mark.parametrize("is_moved", [False, True])
def test_from_a_match_one_comes_to_those_before_and_after_it_and_round_the_end(long, is_moved):
    end(long)
    if is_moved:
        log_files.move(long)

    def walked(text, at=0, **kwargs):
        found = log_search.walk(long, text, at, **kwargs)
        return found.place, found.count, found.previous, found.next

    assert walked("line 123") == (0, 11, 1239, 123)
    assert walked("line 123", 123) == (1, 11, 1239, 1230)
    assert walked("line 123", 1230) == (2, 11, 123, 1231)
    assert walked("line 123", 1239) == (11, 11, 1238, 123)
    assert walked("line 123", 500) == (0, 11, 123, 1230)
    assert walked("resolving", 2) == (1, 1, 2, 2)
    assert walked("no such text", 7) == (0, 0, None, None)
    assert walked("go\nline") == (0, 0, None, None)
    assert not log_search.walk(long, "line", seconds=0).is_all


def test_the_page_says_which_match_it_shows_and_links_to_the_next_without_script(signed_in, long):
    def walk(**query):
        text = signed_in.get(long.get_absolute_url(), query).content.decode()
        walk = text.split('id="walk"', 1)[1].split("</form>")[0]
        return [" ".join(part.split("<")[0].split()) for part in walk.split('role="status">')[1:]], [
            "?" + part.split('"')[0].replace("&amp;", "&") for part in walk.split(' href="?')[1:3]
        ]

    assert walk(search="line 123") == (
        ["11 found"],
        ["?search=line%20123&line=1239#L1239", "?search=line%20123&line=123#L123"],
    )
    assert walk(search="line 123", line=1230, wrap="off") == (
        ["2 of 11"],
        ["?search=line%20123&line=123&wrap=off#L123", "?search=line%20123&line=1231&wrap=off#L1231"],
    )
    assert walk(search="no such text")[0] == []
    assert walk()[0] == []


def test_long_lines_are_broken_unless_the_address_says_otherwise(signed_in, long):
    def page(**query):
        return signed_in.get(long.get_absolute_url(), query).content.decode()

    assert 'data-wrap="off"' not in page()
    assert '<button class="small" name="wrap" value="off" aria-pressed="true">Wrap</button>' in page()
    assert 'data-wrap="off"' in page(wrap="off")
    assert (
        '<input type="hidden" name="search" value="line 5"><button class="small" aria-pressed="false">Wrap</button>'
        in (page(wrap="off", search="line 5"))
    )
    assert 'data-wrap="off"' not in page(wrap="x")


def test_the_page_and_the_api_search_alike(signed_in, api, editor, long):
    page = signed_in.get(long.get_absolute_url(), {"search": "resolving"}).content.decode()
    assert "1 line with “resolving”" in page
    assert "<mark>ReSolving</mark> Ünicode &amp; &lt;tags&gt;" in page
    part = signed_in.get(
        long.get_absolute_url(), {"search": "line"}, headers={"HX-Request": "true", "HX-Target": "found"}
    ).content.decode()
    assert "100 or more lines with “line”" in part
    assert "after=105" in part
    assert "<html" not in part
    url = reverse("api-build-lines", args=[long.pk])
    body = api(editor).get(url, {"search": "resolving"}).json()
    assert body == {
        "results": [{"line": 2, "offset": 15, "text": "ReSolving Ünicode & <tags>", "cut": 0}],
        "next": None,
    }
    body = api(editor).get(url, {"line": 2500}).json()
    assert [row["line"] for row in body["results"]] == list(range(2500, MANY + 1))
    assert api(editor).get(url).json()["next"] == 1001
    assert api(editor).get(url, {"line": 0}).status_code == 400


@pytest.mark.parametrize("is_moved", [False, True])
@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        (None, 200, slice(None)),
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=0-99999999", 206, slice(None)),
        ("bytes=99999999-", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
        ("bytes=9-3", 200, slice(None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
    ],
)
def test_the_raw_log_comes_in_the_range_that_is_asked_for(signed_in, api, editor, long, asked, status, part, is_moved):
    end(long)
    whole = log.read(long)
    if is_moved:
        log_files.move(long)
    headers = {"Range": asked} if asked else {}
    answers = [signed_in.get(reverse("build-log", args=[long.pk]), headers=headers)]
    if status != 200:
        answers.append(api(editor).get(reverse("api-build-log", args=[long.pk]), headers=headers))
    for answer in answers:
        body = answer.getvalue() if answer.streaming else answer.content
        assert (answer.status_code, body) == (status, whole[part])
        if status == 206:
            first = whole.index(body) if len(body) > 20 else None
            assert answer.headers["Content-Range"].endswith(f"/{len(whole)}")
            assert first is None or answer.headers["Content-Range"].startswith(f"bytes {first}-")
        if status == 416:
            assert answer.headers["Content-Range"] == f"bytes */{len(whole)}"


def test_adding_and_opening_cost_the_same_however_long_a_log_is(signed_in, build):
    build.move_to(Status.RUNNING, worker="w")
    build.steps.filter(name="resolve").update(status=Status.RUNNING, started=timezone.now(), offset=0, line=0)
    writer, costs = LogWriter(build), []
    for _ in range(3):
        with CaptureQueriesContext(
            connection,
        ) as appended:
            writer.say("x" * 100)
        with CaptureQueriesContext(connection) as opened:
            signed_in.get(build.get_absolute_url(), {"line": 3})
        costs.append((len(appended), len(opened)))
        for _ in range(1000):
            writer.write(b"more\n")
        writer.flush()
    assert costs[1] == costs[2]
    assert costs[0][0] == costs[2][0] == 1


def test_lines_of_a_megabyte_hide_nothing_that_comes_after_them(signed_in, build):
    build.move_to(Status.RUNNING, worker="w")
    build.steps.filter(name="resolve").update(status=Status.RUNNING, started=timezone.now(), offset=0, line=0)
    writer = LogWriter(build)
    for n in range(5):
        writer.write(b"<" * 1_000_000 + f"\nshort {n}\n".encode())
    writer.flush()
    page = signed_in.get(build.get_absolute_url())
    assert numbers(page) == list(range(1, 11))
    assert "… and 996.0 kB more, in the raw log" in page.content.decode()
    assert len(page.content) < 150_000
    with CaptureQueriesContext(connection) as asked:
        assert numbers(signed_in.get(build.get_absolute_url())) == list(range(1, 11))
    assert len(asked) < 25
