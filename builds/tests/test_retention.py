"""The policy of a clean-up, which is a pure function: what holds for whatever builds there are."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from builds.retention import Facts, Policy, freed, overdraft, plan, size_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENVIRONMENTS = ["team/a", "team/b", "other/c"]


def ago(days):
    return NOW - timedelta(days=days)


moments = some.integers(0, 100).map(ago)
policies = some.builds(Policy, some.integers(0, 3), some.integers(0, 60), some.integers(0, 60))
builds = some.lists(
    some.builds(
        Facts,
        some.uuids(),
        some.integers(0, 20),
        moments,
        some.dictionaries(some.sampled_from(ENVIRONMENTS), moments),
        some.booleans(),
        some.sampled_from(["", "", "it is needed just now"]),
    ),
    max_size=12,
    unique_by=lambda facts: facts.build,
)


def ids(decisions):
    return [decision.build for decision in decisions]


def newest_of(facts, environment, count):
    """The ids of the `count` newest of an environment, found the plain way."""
    shown = [each for each in facts if environment in each.shown_in and not each.is_replaced]
    shown.sort(key=lambda each: (each.shown_in[environment], str(each.build)), reverse=True)
    return {each.build for each in shown[:count]}


@given(builds, policies)
def test_every_build_is_decided_once_and_every_decision_has_a_reason(facts, policy):
    decisions = plan(facts, policy, NOW)
    assert sorted(ids(decisions)) == sorted(each.build for each in facts)
    assert all(decision.why for decision in decisions)


@given(builds, policies)
def test_what_is_in_use_or_among_the_newest_is_never_freed(facts, policy):
    gone = set(ids(freed(plan(facts, policy, NOW))))
    assert not gone & {each.build for each in facts if each.held}
    for environment in ENVIRONMENTS:
        assert not gone & newest_of(facts, environment, policy.keep_last)


@given(builds, policies)
def test_without_a_budget_nothing_goes_that_was_used_lately(facts, policy):
    unlimited = Policy(policy.keep_last, policy.keep_days)
    for decision in freed(plan(facts, unlimited, NOW)):
        assert decision.facts.used < ago(policy.keep_days)


@given(builds, policies)
def test_the_budget_holds_unless_the_rules_alone_exceed_it(facts, policy):
    decisions = plan(facts, policy, NOW)
    kept = [decision for decision in decisions if not decision.is_freed]
    bound = {each.build for each in facts if each.held}
    for environment in ENVIRONMENTS:
        bound |= newest_of(facts, environment, policy.keep_last)
    if policy.budget and size_of(kept) > policy.budget:
        assert all(decision.build in bound or not decision.size for decision in kept)
        assert overdraft(decisions, policy) == size_of(kept) - policy.budget
    else:
        assert overdraft(decisions, policy) == 0


@given(builds, policies)
def test_the_budget_takes_the_least_recently_used_and_no_more_than_it_must(facts, policy):
    for_room = [each for each in freed(plan(facts, policy, NOW)) if each.why.startswith("over the budget")]
    kept = [each for each in plan(facts, policy, NOW) if each.why.startswith("used")]
    if for_room:
        assert (
            size_of([each for each in plan(facts, policy, NOW) if not each.is_freed]) + for_room[-1].size
            > policy.budget
        )
        assert all(each.facts.used >= for_room[-1].facts.used for each in kept if each.size)


@given(builds, policies, some.randoms())
def test_the_same_builds_in_another_order_are_the_same_plan(facts, policy, random):
    shuffled = list(facts)
    random.shuffle(shuffled)
    assert plan(shuffled, policy, NOW) == plan(facts, policy, NOW)


def one(name, days, size=10, **more):
    return Facts(name, size, ago(days), {"team/a": ago(days)}, **more)


def decided(facts, policy):
    return [(decision.build, decision.is_freed, decision.why) for decision in plan(facts, policy, NOW)]


def test_each_rule_says_what_it_did():
    facts = [one("new", 1), one("old", 40), one("lately", 5), one("busy", 50, held="it is needed")]
    assert decided(facts, Policy(1, 30)) == [
        ("busy", False, "it is needed"),
        ("old", True, "not used for 40 days"),
        ("lately", False, "used 5 days ago"),
        ("new", False, "among the newest 1 of team/a"),
    ]
    assert decided(facts, Policy(1, 30, budget=20))[2] == (
        "lately", True, "over the budget; used 5 days ago, others later"
    )  # fmt: skip


def test_what_a_rebuild_replaced_is_none_of_the_newest():
    facts = [one("first", 40), one("again", 41, is_replaced=True), one("third", 42)]
    assert ids(freed(plan(facts, Policy(2, 30), NOW))) == ["again"]


def test_what_supplied_another_environment_lately_counts_there():
    facts = [
        Facts("supplier", 10, ago(99), {"team/a": ago(99), "team/b": ago(80)}),
        Facts("newer", 10, ago(98), {"team/a": ago(98)}),
    ]
    assert decided(facts, Policy(1, 30))[0] == ("supplier", False, "among the newest 1 of team/b")


def test_a_clock_that_was_put_back_frees_nothing():
    assert decided([one("tomorrow", -1)], Policy(0, 0)) == [("tomorrow", False, "used today")]
