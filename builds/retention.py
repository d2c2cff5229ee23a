"""What a clean-up keeps of builds and what it frees, with the reason of each. Pure.

In this order: what is in use stays; the newest builds of every environment stay; what was used lately stays, as long
as all of it fits into the budget. A budget that is too small for the first two is exceeded.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Policy:
    """`keep_last` builds of every environment, those used in `keep_days`, `budget` bytes in all (0: no limit)."""

    keep_last: int
    keep_days: int
    budget: int = 0


@dataclass(frozen=True)
class Facts:
    """A build that has files. `shown_in` says since when it is what an environment gives, for each that it is one of."""

    build: object
    size: int  # bytes
    used: datetime
    shown_in: dict = field(default_factory=dict)  # environment -> datetime
    is_replaced: bool = False  # a newer build of the same image key is supplied instead
    held: str = ""  # why it cannot go just now, as a clause
    beside: int = 0  # bytes of the size that are not in the prefix: its archive


@dataclass(frozen=True)
class Decision:
    facts: Facts
    is_freed: bool
    why: str

    @property
    def build(self):
        return self.facts.build

    @property
    def size(self):
        return self.facts.size


def plan(builds, policy, now):
    """Return a Decision for each of the Facts, least recently used first. The order of `builds` makes no difference."""
    newest = _newest(builds, policy.keep_last)
    least_used_first = sorted(builds, key=lambda facts: (facts.used, str(facts.build)))
    decisions = [_decide(facts, newest, policy, now) for facts in least_used_first]
    return _within(policy.budget, decisions, newest)


def freed(decisions):
    return [decision for decision in decisions if decision.is_freed]


def size_of(decisions):
    return sum(decision.size for decision in decisions)


def overdraft(decisions, policy):
    """By how many bytes that which is kept exceeds the budget."""
    kept = size_of(decisions) - size_of(freed(decisions))
    return max(0, kept - policy.budget) if policy.budget else 0


def _newest(builds, count):
    """{build: the environment of which it is one of the newest}"""
    by_environment = {}
    for facts in builds:
        for environment, when in facts.shown_in.items() if not facts.is_replaced else ():
            by_environment.setdefault(environment, []).append((when, str(facts.build), facts.build))
    found = {}
    for environment in sorted(by_environment, key=str):
        for *_, build in sorted(by_environment[environment], reverse=True)[:count]:
            found.setdefault(build, environment)
    return found


def _decide(facts, newest, policy, now):
    days = max(0, (now - facts.used).days)
    if facts.held:
        return Decision(facts, False, facts.held)
    if facts.build in newest:
        return Decision(facts, False, f"among the newest {policy.keep_last} of {newest[facts.build]}")
    if now - facts.used > timedelta(days=policy.keep_days):
        return Decision(facts, True, f"not used for {_count(days, 'day')}")
    return Decision(facts, False, f"used {_count(days, 'day')} ago" if days else "used today")


def _within(budget, decisions, newest):
    """Free more of what is kept for its use alone, least recently used first, until the rest fits."""
    left = size_of(decisions) - size_of(freed(decisions)) if budget else 0
    fitting = []
    for decision in decisions:
        may_go = not decision.is_freed and not decision.facts.held and decision.build not in newest
        if left > budget and may_go and decision.size:
            left -= decision.size
            decision = Decision(decision.facts, True, f"over the budget; {decision.why}, others later")
        fitting.append(decision)
    return fitting


def _count(number, noun):
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
