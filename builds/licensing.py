"""What is known of the licences of a lock: its packages by licence, each with the verdict of a policy."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from . import spdx
from .licence_policy import Policy, Verdict

NOT_SAID = "not said"
NO_POLICY = Policy()


@dataclass(frozen=True)
class Group:
    """The packages of one licence. `expression` is None where their words mean no licence for certain."""

    name: str
    expression: str | None
    verdict: Verdict | None
    packages: tuple

    @property
    def why_unknown(self):
        if self.verdict != Verdict.UNKNOWN:
            return ""
        if self.name == NOT_SAID:
            return "The packages do not say"
        return "Not on the SPDX list, so read it" if self.expression else "These words mean no licence for certain"

    @property
    def place(self):
        """The worst first, and of these what most packages have."""
        return -1 if self.verdict is None else -self.verdict, -len(self.packages), self.name

    def as_data(self):
        return {
            "licence": None if self.name == NOT_SAID else self.name,
            "expression": self.expression,
            "verdict": self.verdict.key if self.verdict is not None else None,
            "packages": [
                {"manager": package.manager, "name": package.name, "version": package.version}
                for package in self.packages
            ],
        }


class Licensing:
    """The licences of some packages, held against a Policy."""

    def __init__(self, packages, policy=NO_POLICY):
        self.packages, self.policy = list(packages), policy

    @cached_property
    def groups(self):
        found = {}
        for package in self.packages:
            expression = spdx.expression_of(package.licence)
            name = expression or " ".join(package.licence.split()) or NOT_SAID
            found.setdefault((name, expression), []).append(package)
        groups = [
            Group(name, expression, self.policy.verdict(packages[0].licence), tuple(packages))
            for (name, expression), packages in found.items()
        ]
        return sorted(groups, key=lambda group: group.place)

    @cached_property
    def counts(self):
        """{Verdict: how many packages}."""
        counted = Counter()
        for group in self.groups:
            counted[group.verdict] += len(group.packages)
        return counted

    def having(self, verdict):
        return [group for group in self.groups if group.verdict == verdict]

    @property
    def denied(self):
        return self.having(Verdict.DENIED)

    @property
    def words(self):
        """How many packages of which verdict, the worst first: 1 denied, 3 unknown, 20 allowed."""
        said = [f"{self.counts[each]:,} {each.words}" for each in reversed(Verdict) if self.counts[each]]
        return ", ".join(said if self.policy.is_decided else [*said, "no policy"])

    def as_data(self):
        return {
            "is_decided": self.policy.is_decided,
            "counts": {each.key: self.counts[each] for each in Verdict},
            "licences": [group.as_data() for group in self.groups],
        }
