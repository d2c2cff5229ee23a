"""What a copy of a curated environment is offered: the newer version of what it was made from, with its own changes."""

from dataclasses import dataclass
from functools import cached_property

from . import diff, rebase
from .definition import Definition
from .faults import UserFault
from .findings import errors
from .models import Curation, Rule, Stage, Version
from .rebase import Rebased, Side


def newest_for(origin):
    """The version that a copy of `origin` should move to: of its successor where it ends, else its newest; or None."""
    environment = origin.environment
    seen = set()
    while environment.pk not in seen:
        seen.add(environment.pk)
        curation = Curation.objects.select_related("successor").filter(environment=environment).first()
        if not (curation and curation.is_ending and curation.successor):
            break
        environment = curation.successor
    newest = (
        Version.objects.filter(environment=environment).select_related("environment__workspace").order_by("-number")
    )
    found = newest.first()
    if not found or found == origin or (found.environment_id == origin.environment_id and found.number < origin.number):
        return None
    return found


def offered_to(version):
    """The curated version that one made from an older one is offered, or None."""
    return newest_for(version.origin) if version and version.origin_id else None


@dataclass(frozen=True)
class Offer:
    """The next version of a copy: what `target` says, with what the copy changed against its origin."""

    latest: Version
    target: Version
    rebased: Rebased
    definition: Definition

    @classmethod
    def of(cls, latest, target, workspace):
        """Raise UserFault where the copy has no origin, or cannot be joined line by line."""
        if not latest or not latest.origin:
            raise UserFault("Its latest version was not made from a curated environment.", "origin")
        if target.environment.curation.stage == Stage.ARCHIVED:
            raise UserFault(f"{target.environment} is archived: nothing new is made from it.", "to")
        rebased = rebase.rebase(*map(Side.of, (latest.origin, latest, target)))
        definition = rebased.draft.examine(Rule.objects.policy(workspace))
        return cls(latest, target, rebased, definition)

    @cached_property
    def changes(self):
        """What differs from the latest version of the copy."""
        return diff.compare(self.latest.definition, self.definition)

    @property
    def text_changes(self):
        return diff.numbered_changes(self.latest.conda, self.rebased.draft.conda)

    @property
    def errors(self):
        return errors(self.definition.findings)

    @property
    def message(self):
        return f"Moved from {self.latest.origin} to {self.target}"

    def register(self, environment, by):
        """Return (version, whether it is new). Raise UserFault where it may not be registered."""
        if self.errors:
            raise UserFault(" ".join(finding.sentence for finding in self.errors), "definition")
        conda = self.rebased.draft.conda
        return environment.register(self.definition, by, self.message, conda, self.target)
