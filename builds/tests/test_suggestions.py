import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.db import connection
from django.urls import reverse

from builds import flights, sources, suggestions, tasks
from builds.lock import Package
from builds.models import Lock, Status
from builds.sources import Source
from builds.tests import loopback

NAMES = ["numba", "numexpr", "numpy", "numpy-a", "numpy-b", "numpy-c"]


@pytest.fixture
def index(settings, tmp_path):
    """A package index on loopback that the portal uses for suggestions; it is the conda channel alias, too."""
    with loopback.serve() as served:
        served.put_names(*NAMES)
        settings.SUGGESTIONS, settings.CACHE = True, tmp_path / "cache"
        settings.INDEX_URL, settings.CHANNEL_ALIAS = f"{served.url}simple", served.url
        settings.SUGGEST_SECONDS = 5
        yield served


@pytest.fixture
def told(monkeypatch):
    """What the workers were told to fetch."""
    told = []
    monkeypatch.setattr("builds.tasks.fetch_names.delay", told.append)
    return told


@pytest.fixture
def ask(client, viewer):
    """Ask as the viewer; return the JSON of an answer of status 200."""
    client.force_login(viewer)

    def ask(manager="pip", **query):
        answer = client.get(reverse("suggest"), {"manager": manager, **query})
        assert answer.status_code == 200
        return answer.json()

    return ask


@pytest.fixture
def locked(build):
    """Give the build of the team a lock with these packages."""

    def locked(*pairs, manager="pip"):
        packages = [Package(manager, name, version, "u", "0" * 64, 1, True) for name, version in pairs]
        build.move_to(Status.RUNNING)
        build.finish(Status.SUCCEEDED, lock=Lock.objects.store("3.11.7", "linux-64", packages), prefix="p")

    return locked


def named(*names, complete=True):
    return {"names": list(names), "complete": complete}


def version_list(*versions, complete=True, **about):
    return {"versions": list(versions), "complete": complete, **about}


def test_before_a_list_was_fetched_the_portal_answers_with_what_it_knows_and_has_it_fetched(index, told, ask, locked):
    locked(("numpy", "2.1.0"), ("idna", "3.10"))
    assert ask(q="num") == named("numpy", complete=False)
    assert told == [""]
    assert index.asked == []


def test_once_fetched_the_list_answers(index, told, ask):
    ask(q="num")
    tasks.fetch_names(*told)
    assert ask(q="Num") == named("numpy", "numba", "numexpr", "numpy-a", "numpy-b", "numpy-c")
    assert ask(q="NUMPY_") == named("numpy-a", "numpy-b", "numpy-c")
    assert ask(q="nothing") == named()
    assert told == [""]
    assert index.paths == ["/simple/"]


def test_what_is_in_our_own_locks_stands_before_what_is_not(index, told, ask, locked):
    locked(("numexpr", "1.0"), ("other", "1.0"))
    Source().want()
    Source().fetch()
    assert ask(q="num")["names"][:3] == ["numexpr", "numpy", "numba"]
    assert ask() == named("numexpr", "other")


def test_a_stranger_sees_nothing_of_our_locks(index, told, client, stranger, locked):
    locked(("secret-thing", "1.0"))
    client.force_login(stranger)
    assert client.get(reverse("suggest"), {"manager": "pip", "q": "secret"}).json()["names"] == []
    assert client.get(reverse("suggest"), {"manager": "pip", "name": "secret-thing"}).json()["versions"] == []


@pytest.mark.parametrize("text", ["ü", "a b", "<script>", "../..", "a\n", "-", "[", "*", "a" * 200, "%00"])
def test_a_text_that_no_name_begins_with_finds_nothing(index, told, ask, text):
    assert ask(q=text)["names"] == []
    assert ask(name=text)["versions"] == []
    assert all(".." not in path and "%" not in path for path in index.paths)


@pytest.mark.django_db(transaction=True)
def test_a_hundred_who_type_cause_one_fetch(index, told, viewer):
    def type_something(_):
        try:
            return suggestions.names(viewer, "pip", "num")
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(type_something, range(100)))
    assert told == [""]


def test_workers_that_are_told_twice_fetch_once(index):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tasks.fetch_names, [""] * 4))
    tasks.fetch_names("")
    assert index.paths == ["/simple/"]


def test_a_list_of_yesterday_answers_and_is_fetched_again(index, told, ask):
    tasks.fetch_names("")
    age(Source().list.path, 2 * 86400)
    assert ask(q="numb") == named("numba")
    assert told == [""]


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_fetch_that_fails_leaves_the_list_before_and_is_tried_again_later(index, told, ask):
    tasks.fetch_names("")
    age(Source().list.path, 2 * 86400)
    index.pages["/simple/"] = loopback.fail(500)
    tasks.fetch_names("")
    assert [ask(q="numb") for _ in range(3)] == [named("numba")] * 3
    assert told == [""]
    age(Source()._file("sent"), 3600)
    ask(q="numb")
    assert told == ["", ""]


def test_a_broker_that_is_down_is_no_fault_of_the_person(index, ask, monkeypatch):
    def refuse(channel):
        raise OSError("no broker")

    monkeypatch.setattr("builds.tasks.fetch_names.delay", refuse)
    assert ask(q="num") == named(complete=False)


def test_versions_come_from_the_index_and_say_which_python_they_need(index, ask):
    index.put_files("numpy", "numpy-1.9.tar.gz", {"filename": "numpy-2.1.0.tar.gz", "requires-python": ">=3.10"})
    assert ask(name="NumPy") == version_list("2.1.0", "1.9", requires_python={"2.1.0": ">=3.10"})
    assert ask(name="numpy")["complete"]
    assert index.paths == ["/simple/numpy/"]


def test_at_most_a_hundred_versions_are_suggested(index, ask):
    index.put_files("foo", *(f"foo-1.{n}.tar.gz" for n in range(150)))
    assert ask(name="foo")["versions"] == [f"1.{n}" for n in range(149, 49, -1)]


def test_a_package_that_the_index_does_not_have_has_no_versions(index, ask):
    assert ask(name="nothing") == version_list(requires_python={})


def test_an_index_that_fails_is_stood_in_for_by_its_last_answer(index, ask, locked):
    locked(("foo", "0.9"))
    index.put_files("foo", "foo-1.0.tar.gz")
    assert ask(name="foo")["versions"] == ["1.0"]
    index.pages["/simple/foo/"] = loopback.fail(500)
    key = f"versions-{Source().key}-foo"
    cache.set(key, cache.get(key) | {"until": 0})
    assert ask(name="foo") == version_list("1.0", complete=False, requires_python={})
    assert ask(name="foo") == version_list("1.0", complete=False, requires_python={})
    assert index.paths == ["/simple/foo/"] * 2


def test_an_index_that_never_answered_is_stood_in_for_by_our_locks(index, ask, locked):
    locked(("foo", "0.9"))
    index.pages["/simple/foo/"] = loopback.fail(503)
    assert ask(name="foo") == version_list("0.9", complete=False, requires_python={})


def test_a_slow_index_keeps_nobody_waiting_and_its_answer_is_there_the_next_time(index, ask, settings):
    index.put_files("foo", "foo-1.0.tar.gz")
    content_type, body = index.pages["/simple/foo/"]

    def late(handler):
        time.sleep(1)
        handler.send_response(200)
        handler.send_header("Content-Type", content_type)
        handler.end_headers()
        handler.wfile.write(body)

    index.pages["/simple/foo/"] = late
    settings.SUGGEST_SECONDS = 0.2
    started = time.monotonic()
    assert ask(name="foo") == version_list(complete=False, requires_python={})
    assert time.monotonic() - started < 0.9
    time.sleep(1.5)
    assert ask(name="foo") == version_list("1.0", requires_python={})
    assert index.paths == ["/simple/foo/"]


@pytest.mark.django_db(transaction=True)
def test_those_who_ask_for_the_same_at_the_same_time_share_one_question(index, viewer):
    index.put_files("foo", "foo-1.0.tar.gz")
    page, gate = index.pages["/simple/foo/"], threading.Event()

    def wait(handler):
        gate.wait(5)
        handler.send_response(200)
        handler.send_header("Content-Type", page[0])
        handler.end_headers()
        handler.wfile.write(page[1])

    index.pages["/simple/foo/"] = wait

    def ask(_):
        try:
            return suggestions.versions(viewer, "pip", "foo").versions
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = pool.map(ask, range(10))
        time.sleep(0.5)
        gate.set()
        assert list(answers) == [["1.0"]] * 10
    assert index.paths == ["/simple/foo/"]


def test_more_questions_than_are_carried_at_once_are_not_waited_for():
    gate, few = threading.Event(), flights.Flights(most=1)
    with pytest.raises(flights.Late):
        few.share("a", gate.wait, 0.05)
    with pytest.raises(flights.Late):
        few.share("b", gate.wait, 5)
    gate.set()
    assert few.share("a", gate.wait, 5)


def test_a_fault_is_told_to_all_who_wait():
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        flights.Flights(most=1).share("a", fail, 5)


def test_names_and_versions_of_a_channel_come_from_the_channel(index, told, ask):
    index.put_channel("team", ("gdal", "3.9.1", 0), ("gdal", "3.10.0", 0), ("libgdal", "3", 0))
    assert ask("conda", q="gd", channels="team") == named(complete=False)
    assert told == ["team"]
    tasks.fetch_names("team")
    assert ask("conda", q="gd", channels="team") == named("gdal")
    answer = ask("conda", name="gdal", channels="team")
    assert answer == version_list("3.10.0", "3.9.1", builds={"3.10.0": ["h_0"], "3.9.1": ["h_0"]})
    before = len(index.asked)
    assert ask("conda", name="gdal", channels="team") == answer
    assert len(index.asked) == before


def test_versions_are_those_of_the_first_channel_that_has_the_package(index, told, ask):
    index.put_channel("first", ("gdal", "1.0", 0))
    index.put_channel("second", ("gdal", "2.0", 0), ("tqdm", "4", 0))
    assert ask("conda", name="gdal", channels="first, second")["versions"] == ["1.0"]
    assert ask("conda", name="tqdm", channels="first, second")["versions"] == ["4"]


def test_several_slow_channels_are_waited_for_no_longer_than_one(index, told, ask, settings):
    settings.SUGGEST_SECONDS = 0.5
    for name in "abc":
        index.pages[f"/{name}/noarch/repodata.json"] = lambda handler: time.sleep(2)
    started = time.monotonic()
    assert ask("conda", name="gdal", channels="a,b,c") == version_list(complete=False, builds={})
    assert time.monotonic() - started < 1.5


def test_a_channel_that_may_not_be_asked_is_not(index, told, ask, locked):
    locked(("gdal", "3.9"), manager="conda")
    channel = f"{index.url}team"
    assert ask("conda", q="g", channels=channel) == named("gdal", complete=False)
    assert ask("conda", name="gdal", channels=channel) == version_list("3.9", complete=False, builds={})
    assert (told, index.asked) == ([], [])


def test_there_is_a_place_for_so_many_channels(index, told, ask, monkeypatch):
    monkeypatch.setattr(sources, "MOST_LISTS", 2)
    for n in range(4):
        ask("conda", q="g", channels=f"c{n}")
    assert told == ["c0", "c1"]
    assert ask("conda", name="gdal", channels="c3") == version_list(complete=False, builds={})
    assert index.asked == []
    tasks.fetch_names("c0")  # which is not there
    ask("conda", q="g", channels="c3")
    assert told == ["c0", "c1", "c3"]


def test_every_day_the_lists_that_somebody_asked_for_are_fetched_and_the_others_forgotten(index, told, settings):
    tasks.refresh_names()
    for channel in ("", "kept", "old", "refused"):
        Source(channel).want()
        Source(channel).list.write(["a"])
        age(Source(channel)._file("sent"), 2 * 86400)
    told.clear()
    age(Source("old")._file("asked"), 40 * 86400)
    settings.SUGGEST_CHANNELS = ["kept", "old"]
    tasks.refresh_names()
    assert sorted(told) == ["", "kept"]
    assert [Source(channel).list.age is None for channel in ("", "kept", "old", "refused")] == [
        False,
        False,
        True,
        True,
    ]
    assert len(list(Source().list.path.parent.iterdir())) == 8


def test_when_suggestions_are_off_nothing_is_asked_and_what_is_known_answers(index, told, ask, settings, locked):
    settings.SUGGESTIONS = False
    locked(("numpy", "2.1.0"))
    tasks.fetch_names("")
    assert ask(q="num") == named("numpy", complete=False)
    assert ask(name="numpy") == version_list("2.1.0", complete=False, requires_python={})
    assert (told, index.asked) == ([], [])


BAD = [
    {},
    {"manager": "npm"},
    {"manager": "pip", "q": "a" * 201},
    {"manager": "pip", "q": "a\0"},
    {"manager": "pip", "as": "xml"},
    {"manager": "conda", "channels": ",".join("abcdefghijk")},
    {"manager": "conda", "channels": "a" * 501},
]


@pytest.mark.parametrize("query", BAD)
def test_values_that_make_no_sense_are_refused(client, viewer, query):
    client.force_login(viewer)
    answer = client.get(reverse("suggest"), query)
    assert (answer.status_code, list(answer.json())) == (400, ["errors"])


def test_an_answer_is_kept_by_the_browser_of_the_person_for_a_minute(client, viewer):
    client.force_login(viewer)
    answer = client.get(reverse("suggest"), {"manager": "pip"})
    assert sorted(answer.headers["Cache-Control"].split(", ")) == ["max-age=60", "private"]
    assert "Cookie" in answer.headers["Vary"]


def test_a_row_of_the_editor_gets_options_for_its_own_fields(index, told, client, viewer):
    index.put_files("numba", {"filename": "numba-1.0.tar.gz", "requires-python": ">=3.9,<4"})
    Source().fetch()
    client.force_login(viewer)

    def options(**query):
        answer = client.get(reverse("suggest"), {"manager": "pip", "as": "options", **query})
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        return answer.content.decode().split("\n")

    assert options(pip_name="numb") == ['<option value="numba"></option>', "", ""]
    assert options(pip_name="numba", pip_constraint="") == [
        '<option value="1.0">Python &gt;=3.9,&lt;4</option>',
        "",
        "",
    ]


def test_who_has_not_signed_in_gets_no_part_of_a_page(client, db):
    assert client.get(reverse("suggest"), {"manager": "pip"}, headers={"HX-Request": "true"}).status_code == 401
