"""What is known of the packages of a lock: which advisories mean them, which are ignored, and what nobody assessed."""

from dataclasses import dataclass
from functools import cached_property

from packaging.utils import canonicalize_name

from . import cvss
from .advisory_models import Advisory, AdvisoryImport, AdvisoryMatch, Ignored, release_of
from .pypi_names import is_assessable, pypi_name

NOT_ASSESSED, PARTLY, ASSESSED = "not assessed", "partly assessed", "assessed"
UNASKED = object()
_WORST_FIRST = {word: place for place, word in enumerate(cvss.WORDS)}


@dataclass(frozen=True)
class Finding:
    """One fault of one package. The same CVE, told by more than one advisory, is one Finding."""

    package: object
    project: str
    advisory: Advisory
    fixed: str = ""
    names: frozenset = frozenset()
    ignored: Ignored | None = None

    @property
    def level(self):
        """How it looks, beside its word."""
        if self.ignored:
            return "hint"
        return "error" if self.advisory.severity in ("critical", "high") else "warning"

    @property
    def others(self):
        return sorted(self.names - {self.advisory.osv_id})

    @property
    def place(self):
        worst = _WORST_FIRST.get(self.advisory.severity, len(_WORST_FIRST))
        return bool(self.ignored), worst, self.project, self.advisory.osv_id

    def as_data(self):
        advisory, ignored = self.advisory, self.ignored
        return {
            "id": advisory.osv_id,
            "aliases": self.others,
            "manager": self.package.manager,
            "package": self.package.name,
            "version": self.package.version,
            "severity": advisory.severity or None,
            "score": advisory.score,
            "vector": advisory.vector,
            "summary": advisory.summary,
            "fixed": self.fixed or None,
            "url": advisory.url,
            "ignored": ignored and ignored_data(ignored),
        }


def ignored_data(ignored):
    return {
        "reason": ignored.reason,
        "by": ignored.by.username,
        "until": ignored.until.isoformat(),
        "everywhere": ignored.workspace_id is None,
    }


class Assessment:
    """What is known of some packages in a workspace, by the same number of queries however many there are."""

    def __init__(self, packages, workspace=None, last_import=UNASKED):
        """`last_import` is the AdvisoryImport that this is known by, or None."""
        self.packages, self.workspace = list(packages), workspace
        self.last_import = AdvisoryImport.objects.last_good() if last_import is UNASKED else last_import

    @cached_property
    def _by_release(self):
        """{release: [Finding]}."""
        assessed = {release_of(package): package for package in self.packages if is_assessable(package)}
        if not self.last_import or not assessed:
            return {}
        ignored, found = self._ignored, {}
        matches = AdvisoryMatch.objects.filter(release__in=assessed).select_related("advisory")
        for match in matches.order_by("advisory__osv_id"):
            found.setdefault(match.release, []).append(match)
        return {release: _findings(assessed[release], same_package, ignored) for release, same_package in found.items()}

    @property
    def _ignored(self):
        there = Ignored.objects.in_force().for_workspace(self.workspace).select_related("by", "workspace")
        return {each.osv_id: each for each in there.order_by("until")}

    def of(self, package):
        """Its Findings, the worst first; None where nobody assessed it."""
        if not self.last_import or not is_assessable(package):
            return None
        return self._by_release.get(release_of(package), [])

    @cached_property
    def findings(self):
        """All of them, the worst first; what is ignored comes last."""
        found = [finding for package in self.packages for finding in self.of(package) or ()]
        return sorted(found, key=lambda finding: finding.place)

    @property
    def open(self):
        return [finding for finding in self.findings if not finding.ignored]

    @property
    def ignored(self):
        return [finding for finding in self.findings if finding.ignored]

    @cached_property
    def unassessed(self):
        """How many packages nothing is known of."""
        return sum(self.of(package) is None for package in self.packages)

    @property
    def assessed(self):
        return len(self.packages) - self.unassessed

    @property
    def state(self):
        if not self.packages or self.unassessed == len(self.packages):
            return NOT_ASSESSED
        return PARTLY if self.unassessed else ASSESSED

    def as_data(self):
        last = self.last_import
        return {
            "state": self.state,
            "imported": last.at if last else None,
            "not_assessed": self.unassessed,
            "known": [finding.as_data() for finding in self.findings],
        }


def _findings(package, matches, ignored):
    """One Finding for each fault: advisories that share a name are about the same one."""
    groups = []
    for match in matches:
        names, same, rest = set(match.advisory.names), [match], []
        for other_names, others in groups:
            if names & other_names:
                names, same = names | other_names, others + same
            else:
                rest.append((other_names, others))
        groups = [*rest, (names, same)]
    return [_finding(package, names, same, ignored) for names, same in groups]


def _finding(package, names, matches, ignored):
    """The advisory that says how bad it is speaks for the others."""
    best = min(matches, key=lambda match: (_WORST_FIRST.get(match.advisory.severity, 9), match.advisory.osv_id))
    fixed = best.fixed or next((match.fixed for match in matches if match.fixed), "")
    accepted = next((ignored[name] for name in sorted(names) if name in ignored), None)
    return Finding(package, pypi_name(package), best.advisory, fixed, frozenset(names), accepted)


class Difference:
    """The advisories that a step from one side to another fixes and introduces. Its mirror is the way back."""

    def __init__(self, comparison):
        changes = comparison.packages or ()
        # Asked for once, and not at all where a side has no packages.
        self.last_import = AdvisoryImport.objects.last_good() if comparison.packages is not None else None
        old = [change.old for change in changes if change.old]
        new = [change.new for change in changes if change.new]
        self.old = Assessment(old, _workspace(comparison.old), self.last_import)
        self.new = Assessment(new, _workspace(comparison.new), self.last_import)

    @cached_property
    def fixed(self):
        return gone(self.old, self.new)

    @cached_property
    def introduced(self):
        return gone(self.new, self.old)

    @property
    def unassessed(self):
        """How many of the packages that differ are not assessed, on either side."""
        return self.old.unassessed + self.new.unassessed

    @property
    def state(self):
        if not self.last_import:
            return NOT_ASSESSED
        packages = len(self.old.packages) + len(self.new.packages)
        if packages and self.unassessed == packages:
            return NOT_ASSESSED
        return PARTLY if self.unassessed else ASSESSED

    def as_data(self):
        if self.state == NOT_ASSESSED:
            return {"state": NOT_ASSESSED, "fixed": None, "introduced": None}
        fixed, introduced = ([each.as_data() for each in found] for found in (self.fixed, self.introduced))
        imported = self.last_import.at.isoformat()
        return {
            "state": self.state,
            "fixed": fixed,
            "introduced": introduced,
            "imported": imported,
            "not_assessed": self.unassessed,
        }


def _workspace(side):
    return side.version.workspace if side.version else None


def gone(here, there):
    """The findings of one side whose fault the other does not have in the same project.

    Where nobody knows what the other side has instead, that is neither fixed nor introduced.
    """
    kept = {(finding.project, name) for finding in there.findings for name in finding.names}
    unknown = {canonicalize_name(package.name) for package in there.packages if there.of(package) is None}
    return [
        finding
        for finding in here.findings
        if finding.project not in unknown and not any((finding.project, name) in kept for name in finding.names)
    ]
