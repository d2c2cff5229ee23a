"""The page of a log that is being written: its last line before it has an end, and steps that have not begun."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from builds import log
from builds.log import LogWriter


@pytest.fixture
def running(build):
    build.move_to("running", worker="w")
    build.steps.filter(name="resolve").update(status="running", started=timezone.now(), offset=0, line=0)
    return build


@pytest.fixture
def writer(running):
    return LogWriter(running)


def write(writer, text):
    writer.write(text.encode())
    writer.flush()


def unfinished(build):
    line = log.unfinished(build, log.extent(build))
    return line and (line.number, line.text)


def test_the_line_that_is_written_is_there_before_it_has_an_end(running, writer):
    assert unfinished(running) is None
    write(writer, "one\ntw")
    assert unfinished(running) == (2, "tw")
    write(writer, "o")
    assert unfinished(running) == (2, "two")
    write(writer, "\n")
    assert unfinished(running) is None


def test_of_a_progress_line_what_was_drawn_last_is_there(running, writer):
    write(writer, "one\n 10%\r 20%\r")
    assert unfinished(running) == (2, " 20%")
    write(writer, "\x1b[32m 30%\x1b[0m")
    assert log.unfinished(running, log.extent(running)).html == '<span class="ansi-green"> 30%</span>'


def test_of_a_very_long_one_the_beginning_or_what_was_drawn_last(running, writer):
    write(writer, "x" * 100_000)
    line = log.unfinished(running, log.extent(running))
    assert (line.size, len(line.text), line.cut) == (100_000, log.SIDE, 100_000 - log.SIDE)
    write(writer, "\rdone 99%")
    assert unfinished(running) == (1, "done 99%")


def test_what_got_an_end_meanwhile_is_not_shown_twice(running, writer):
    write(writer, "on")
    seen = log.extent(running)
    write(writer, "e\n")
    later = log.Extent(log.extent(running).size, seen.next)
    assert log.unfinished(running, later) is None


def test_page_and_part_show_it_in_the_step_that_writes(running, writer, client, editor):
    client.force_login(editor)
    write(writer, "one\n 20%\r")
    page = client.get(running.get_absolute_url()).content.decode()
    assert '<ol class="lines rest" id="rest-resolve"><li><a>2</a><code> 20%</code></li></ol>' in page
    assert '<ol class="lines rest" id="rest-install"></ol>' in page
    seen = {"offset": 4, "number": 2, "state": running.state}
    part = client.get(reverse("build-live", args=[running.pk]), seen).content.decode()
    assert 'id="rest-resolve" hx-swap-oob="true"><li><a>2</a><code> 20%</code></li></ol>' in part
    write(writer, "\n")
    part = client.get(reverse("build-live", args=[running.pk]), seen).content.decode()
    assert 'id="rest-resolve" hx-swap-oob="true"></ol>' in part
    assert '<li id="L2">' in part


def folds(page):
    """{step: (whether its fold is open, what its summary says beside the name)}"""
    found = re.findall(
        r'<details class="fold" id="(\w+)"([^>]*)>.*?<span class="muted"[^>]*>(.*?)</span>', page, re.DOTALL
    )
    return {name: (" open" in attributes, said) for name, attributes, said in found}


def test_steps_that_have_not_begun_are_closed_and_say_so(build, client, editor):
    client.force_login(editor)
    names = list(build.steps.values_list("name", flat=True))
    assert folds(client.get(build.get_absolute_url()).content.decode()) == dict.fromkeys(names, (False, "Not begun"))


def test_the_step_that_began_is_open(running, client, editor):
    client.force_login(editor)
    shown = folds(client.get(running.get_absolute_url()).content.decode())
    assert shown.pop("resolve")[0]
    assert set(shown.values()) == {(False, "Not begun")}
