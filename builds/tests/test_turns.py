"""The order in which builds begin, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from builds.turns import Row, Share, in_turn

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(minutes):
    return NOW + timedelta(minutes=minutes)


def row(name, minute=0, key=None, priority=0):
    """`a3` is the third build of workspace a."""
    return Row(name, key or name, name[0], at(minute - 100), priority=priority)


def flood(workspace, count, minute=0):
    return [row(f"{workspace}{n}", minute + n / 1000) for n in range(count)]


def order(waiting, running=(), served=(), **limits):
    shares = {name: Share(limits.get(name, 1000), dict(served).get(name)) for name in "abc"}
    return in_turn(sorted(waiting, key=lambda each: each.created), running, shares, NOW)


def names(order):
    return [each.pk for each in order.rows]


def test_what_was_asked_for_first_begins_first():
    assert names(order([row("b0", 1), row("a0", 2), row("c0", 0)])) == ["c0", "b0", "a0"]


def test_a_single_build_does_not_wait_behind_a_flood():
    first = names(order([*flood("a", 100), row("b0", 50), row("c0", 60)], [row("a-")], served={"a": at(-50)}))[:4]
    assert first == ["b0", "c0", "a0", "a1"]


def test_with_one_place_the_workspace_that_just_had_its_turn_waits():
    """Nothing runs when the only place becomes free, so what runs says nothing about fairness."""
    assert names(order([*flood("a", 3), row("b0", 50)], served={"a": at(-10)}))[0] == "b0"


def test_whoever_had_a_turn_long_ago_has_no_debt():
    assert names(order([row("a0", 50), row("b0", 60)], served={"a": at(-90)})) == ["a0", "b0"]


def test_three_floods_take_turns():
    assert names(order([*flood("a", 3), *flood("b", 3, 10), *flood("c", 3, 20)])) == [
        f"{workspace}{n}" for n in range(3) for workspace in "abc"
    ]


def test_the_first_of_equal_builds_begins_and_the_others_wait_for_it():
    asked = [row("a0", 0, "key"), row("a1", 1, "key"), row("b0", 2, "key"), row("b1", 3)]
    told = order(asked)
    assert (names(told), told.waits_for) == (["a0", "b1"], {"a1": "a0", "b0": "a0"})
    told = order(asked, [row("c0", 0, "key")])
    assert (names(told), told.waits_for) == (["b1"], {"a0": "c0", "a1": "c0", "b0": "c0"})


def test_a_twin_that_has_its_turn_sooner_begins_although_it_was_asked_for_later():
    asked = [*flood("a", 50), row("a-last", 51, "key"), row("b0", 52, "key")]
    told = order(asked)
    assert names(told)[1] == "b0"
    assert told.waits_for == {"a-last": "b0"}


def test_a_workspace_at_its_limit_comes_after_all_that_may_begin():
    told = order([*flood("a", 2), *flood("b", 2, 10)], [row("a-"), row("b-"), row("b+")], a=1, b=3)
    assert (names(told), told.ready) == (["b0", "a0", "b1", "a1"], 1)


def test_a_twin_does_not_wait_for_one_whose_workspace_is_at_its_limit():
    told = order([row("a0", 0, "key"), row("b0", 1, "key")], [row("a-")], a=1)
    assert (names(told), told.ready, told.waits_for) == (["b0"], 1, {"a0": "b0"})


def test_a_workspace_without_a_share_comes_last_and_never_begins():
    told = order([row("a0"), *flood("b", 2, 1)], [row("b-")], a=0, b=1)
    assert (names(told), told.ready) == (["b0", "b1", "a0"], 0)


waiting = st.lists(
    st.builds(
        lambda workspace, n, key, minute, priority: row(f"{workspace}{n}", minute, key, priority),
        *(st.sampled_from("abc"), st.integers(0, 10**6), st.sampled_from("wxyz") | st.none(), st.integers(0, 99)),
        st.sampled_from([0, 0, 0, 1, -1]),
    ),
    max_size=30,
    unique_by=lambda each: each.pk,
)


@given(waiting, st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)))
def test_everything_has_a_place_or_a_twin_and_no_limit_is_passed(asked, limits):
    told = order(asked, **limits)
    assert sorted([*names(told), *told.waits_for]) == sorted(each.pk for each in asked)
    begun = [each.workspace for each in told.rows[: told.ready]]
    assert all(begun.count(name) <= limits.get(name, 1000) for name in "abc")
    assert len({each.reuse_key for each in told.rows}) == len(told.rows)
    assert set(told.waits_for.values()) <= set(names(told))


def test_a_build_that_is_put_in_front_begins_first_and_the_others_keep_their_turns():
    asked = [*flood("a", 3), row("b0", 10), row("a9", 50, priority=1)]
    assert names(order(asked, served={"a": at(-1)})) == ["a9", "b0", "a0", "a1", "a2"]


def test_a_build_that_is_put_behind_begins_last():
    assert names(order([row("a0", 0, priority=-1), *flood("b", 2, 10), row("a1", 60)]))[-1] == "a0"


def test_no_priority_lifts_the_limit_of_a_workspace():
    told = order([row("a0", 0, priority=9), row("b0", 10)], [row("a-")], a=1)
    assert (names(told), told.ready) == (["b0", "a0"], 1)


@given(waiting, st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)), st.data())
def test_what_is_put_in_front_is_first_unless_its_workspace_may_not_begin_it(asked, limits, data):
    if not asked:
        return
    moved = data.draw(st.sampled_from(asked))
    front = replace(moved, priority=9)
    told = order([front if each is moved else each for each in asked], **limits)
    if limits.get(moved.workspace, 1000):
        assert told.rows[0].pk == moved.pk
    assert {each.pk for each in told.rows} | set(told.waits_for) == {each.pk for each in asked}
    plain = order([replace(each, priority=0) for each in asked], **limits)
    # Among those of one workspace the others stand as they stood.
    if len({each.reuse_key for each in asked}) == len(asked) and not any(each.priority for each in asked):
        for name in "abc":
            rest = [pk for pk in names(told) if pk != moved.pk and pk[0] == name]
            assert rest == [pk for pk in names(plain) if pk != moved.pk and pk[0] == name]


@given(waiting)
def test_the_first_is_the_same_when_they_begin_one_after_the_other(asked):
    """The places that are shown are those in which builds really begin."""
    shown, running, served = names(order(asked)), [], {}
    rest, real = list(asked), []
    for n in range(len(shown)):
        told = order(rest, running, served=served)
        first = told.rows[0]
        real.append(first.pk)
        running.append(first)
        served[first.workspace] = NOW + timedelta(seconds=n + 1)
        rest.remove(first)
    assert real == shown
