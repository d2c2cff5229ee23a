"""Pictures along a line: versions, steps of a package, builds, storage. Without a database."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds import marks, package_picture, storage_picture, versions_picture
from builds.build_times import HEIGHT, TOP, Times, Tried

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


# Marks


def test_parts_follow_each_other_and_what_is_nothing_is_left_out():
    found = marks.parts([("a", 1), ("b", 0), ("c", 3)], 8)
    assert found == [marks.Part("a", 1, 0, 12.5), marks.Part("c", 3, 12.5, 37.5)]
    assert marks.parts([("a", 0)], 0) == []


@given(st.lists(st.integers(0, 10**12), max_size=8), st.integers(0, 10**12))
def test_parts_are_inside_the_bar_and_touch(amounts, whole):
    found = marks.parts([(str(n), amount) for n, amount in enumerate(amounts)], whole)
    assert all(0 <= part.x <= 100 and part.width >= 0 and part.x + part.width <= 100.001 for part in found)
    assert all(abs(a.x + a.width - b.x) < 0.001 for a, b in itertools.pairwise(found))


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=60).map(sorted), st.sampled_from([2, 6, 8, 30]))
def test_places_are_apart_in_order_and_inside(values, least):
    places = marks.spread(values, least)
    apart = min(least, 100 / len(values))
    assert len(places) == len(values)
    assert all(b - a >= apart - 0.01 for a, b in itertools.pairwise(places))
    assert places[0] - apart / 2 + 0.01 >= 0
    assert places[-1] + apart / 2 - 0.01 <= 100


def test_where_there_is_room_places_are_in_proportion():
    assert marks.spread([0, 10, 100], 2) == [1, 10.8, 99]
    assert marks.spread([], 2) == []
    assert marks.spread([5], 8) == [4]


@pytest.mark.parametrize(
    ("days", "labels"),
    [([0, 0.1], ["12:00", "14:24"]), ([0, 5, 200], ["20 Mar", "6 Oct"]), ([0, 400], ["Mar 2026", "Apr 2027"])],
)
def test_dates_are_written_as_the_span_wants(days, labels):
    moments = [NOW + day * DAY for day in days]
    assert [tick.label for tick in marks.dates(moments, marks.spread(days, 8))] == labels


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=50).map(sorted))
def test_dates_stand_apart_and_the_newest_is_there(seconds):
    moments = [NOW + timedelta(seconds=second) for second in seconds]
    places = marks.spread(seconds, 8)
    ticks = marks.dates(moments, places)
    assert ticks[-1].x == places[-1]
    assert all(b.x - a.x >= marks.BETWEEN_DATES for a, b in itertools.pairwise(ticks))


# Versions


def versions(*counts):
    return [
        versions_picture.Version(n, NOW + n * DAY, "succeeded", count, f"words {n}")
        for n, count in enumerate(counts, 1)
    ]


def test_what_came_and_moved_stands_above_and_what_went_below():
    picture = versions_picture.Picture(versions(None, {"added": 2, "up": 3, "down": 1, "major": 1}, {"removed": 4}))
    assert [[(bar.kind, bar.amount) for bar in mark.bars] for mark in picture.marks] == [
        [],
        [("moved", 4), ("added", 2)],
        [("removed", 4)],
    ]
    assert [(mark.came, mark.went) for mark in picture.marks] == [(0, 0), (6, 0), (0, 4)]
    assert picture.sentence == "3 versions, number 1 to 3; version 2 moved most: words 2."
    assert picture.marks[1].title == "Version 2, words 2, succeeded"


def test_versions_that_moved_nothing_say_so():
    assert versions_picture.Picture(versions(None, {})).sentence == (
        "2 versions, number 1 to 2; no package moved between those that were built."
    )


counted = st.none() | st.fixed_dictionaries({kind: st.integers(0, 400) for kind in ("added", "removed", "up", "down")})


@given(st.lists(counted, min_size=1, max_size=50))
def test_bars_of_versions_are_inside_and_none_lies_on_another(counts):
    picture = versions_picture.Picture(versions(*counts))
    assert all(b.x - a.x >= 1.99 for a, b in zip(picture.marks, picture.marks[1:], strict=False))
    for mark in picture.marks:
        assert mark.top - 9 >= 0  # the number has this height
        assert mark.bottom <= versions_picture.NAMES - 12  # and so has the number of the version
        spans = sorted((bar.y, bar.y + bar.height) for bar in mark.bars)
        assert all(a[1] <= b[0] + 0.11 for a, b in itertools.pairwise(spans))
        assert all(end <= versions_picture.LINE - 8.9 or start >= versions_picture.LINE + 9 for start, end in spans)
    assert picture.marks == versions_picture.Picture(versions(*counts)).marks


# Steps of a package


def moves(*steps):
    return [package_picture.Move(number, version, "added") for number, version in steps]


def test_a_newer_version_stands_higher_and_one_that_left_nowhere():
    picture = package_picture.Picture(moves((1, "1.9"), (3, "1.10"), (4, ""), (6, "1.9")), 8, "pip")
    low, high = package_picture.TOP + package_picture.ROW, package_picture.TOP
    assert [(each.from_y, each.y, each.label) for each in picture.stretches] == [
        (None, low, "1.9"), (low, high, "1.10"), (high, None, ""), (None, low, ""),
    ]  # fmt: skip
    assert picture.sentence == "2 versions of it since version 1 of the environment; at 1.9 since version 6."


@given(
    st.lists(st.tuples(st.integers(1, 20), st.sampled_from(["", "1", "1.2", "2", "10", "x"])), min_size=1, max_size=14)
)
def test_stretches_follow_each_other_inside_the_picture(steps):
    numbers, found = 0, []
    for ahead, version in steps:
        numbers += ahead
        found.append((numbers, version))
    picture = package_picture.Picture(moves(*found), numbers + 3, "pip")
    assert all(a.end == b.x and a.x < a.end for a, b in zip(picture.stretches, picture.stretches[1:], strict=False))
    assert picture.stretches[-1].end <= 100
    assert all(0 < each.y < picture.height for each in picture.stretches if each.y is not None)
    said = [each.label for each in picture.stretches if each.label]
    assert len(said) == len(set(said))


# Builds


def tried(n, status="succeeded", seconds=10.0, **more):
    return Tried(f"b{n}", f"science {n}", status, NOW + n * DAY, seconds=seconds, **more)


def test_the_numbers_are_of_those_that_were_built():
    times = Times([
        tried(1, seconds=10.0, waited=2.0, steps={"resolve": 4.0, "install": 6.0}),
        tried(2, seconds=20.0, waited=0.0, steps={"resolve": 4.0, "install": 16.0}),
        tried(3, "failed", 300.0),
        tried(4, "reused", None, was_built=False),
        tried(5, "cancelled", None),
        tried(6, "failed", None, was_built=False),  # with its twin
    ])  # fmt: skip
    assert (times.share, times.usual, times.most) == (67, 15.0, 300)
    assert times.sentence == "2 of 3 builds succeeded; 3 more were reused, cancelled or not finished"
    assert [(step.label, step.seconds, step.x) for step in times.steps] == [
        ("In the queue", 1.0, 0), ("Resolve", 4.0, 6.25), ("Install", 11.0, 31.25),
    ]  # fmt: skip
    assert times.states == ["cancelled", "failed", "reused", "succeeded"]


def test_where_nothing_ended_nothing_is_claimed():
    times = Times([tried(1, "running", 3.0), tried(2, "queued", None)])
    assert (times.share, times.usual, times.steps) == (None, None, [])
    assert times.sentence == "None was built; 2 more were reused, cancelled or not finished"


tries = st.builds(
    tried,
    st.just(1),
    st.sampled_from(["succeeded", "failed", "cancelled", "running", "queued", "reused"]),
    st.none() | st.floats(0, 10**6),
)


@given(st.lists(tries, min_size=1, max_size=50))
def test_bars_of_builds_are_inside_and_beside_each_other(builds):
    times = Times(builds)
    for bar in times.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= 100
        assert TOP - 0.1 <= bar.y <= bar.y + bar.height <= TOP + HEIGHT + 0.11
        assert bar.icon_y >= 0
        assert bool(bar.height) == (bar.tried.seconds is not None)
    assert all(a.x + a.width < b.x for a, b in zip(times.bars, times.bars[1:], strict=False))
    if times.usual is not None:
        assert TOP - 0.1 <= times.usual_y <= TOP + HEIGHT


# Storage


def test_the_largest_kind_comes_first_and_fills_its_bar():
    rows = storage_picture.rows([("logs", 10, 0), ("prefixes", 40, 30), ("wheels", 0, 0)])
    assert [row.name for row in rows] == ["prefixes", "logs"]
    assert [(part.kind, part.x, part.width) for part in rows[0].parts] == [("kept", 0, 25.0), ("freed", 25.0, 75.0)]
    assert [(part.kind, part.x, part.width) for part in rows[1].parts] == [("kept", 0, 25.0)]


def test_a_budget_that_is_exceeded_ends_inside_its_bar():
    budget = storage_picture.Budget(size=200, freed=50, limit=100)
    assert (budget.percent, budget.percent_after, budget.limit_x) == (200, 150, 50.0)
    assert [(part.kind, part.width) for part in budget.parts] == [("kept", 75.0), ("freed", 25.0)]
    assert storage_picture.Budget(50, 0, 100).limit_x == 100
