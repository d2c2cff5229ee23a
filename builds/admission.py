"""Whether a workspace may have a version built at this moment: by its policy, and by its quota of storage."""

from environments.faults import Refused
from environments.models import Rule, Workspace
from environments.portal_roles import curates

from . import lock_policy, quotas
from .models import Lock


def check_policy(version, by, lock=None):
    """Raise Refused where a rule is against what the version says.

    A curated version is built once for all, under the rules of the shelf. Whoever asks for it is under those of the
    workspace in which it is used, too, also as far as its packages are known: the `lock` that is asked for, else the
    one that is kept. They are refused, and the build that others have stays as it is.
    """
    if refused := version.refusals(Rule.objects.rules(version.workspace)):
        raise Refused(_told(version.workspace, [finding.sentence for finding in refused]))
    if not version.environment.is_curated:
        return
    lock = lock or _lock_to_take(version)
    place = version.used_in
    reasons = [why_not_used(version, place, lock)] if place else _why_nowhere(version, by, lock)
    if reasons and all(reasons):
        raise Refused(reasons[0])


def _lock_to_take(version):
    """The lock that is kept; None where the portal's rules refuse it, by which it is resolved anew."""
    kept = Lock.objects.kept(version.reuse_key)
    return None if kept and lock_policy.refusals(kept.values(), Rule.objects.rules()) else kept


def why_not_used(version, workspace, lock=None):
    """Why a workspace may not use a curated version, which has this lock if any; empty where it may."""
    rules = Rule.objects.rules(workspace)
    if not rules.refuses:
        return ""
    told = [finding.sentence for finding in version.refusals(rules)]
    if lock and not told:
        told = lock_policy.refusals(lock.values(), rules)
    return _told(workspace, told) if told else ""


def _why_nowhere(version, by, lock):
    """The same for each workspace that somebody could use it in, who does not say in which; empty for curators."""
    mine = Workspace.objects.edited_by(by)
    if curates(by) or mine.filter(rules=None).exists():  # which the rules of the portal alone bind
        return []
    return [why_not_used(version, workspace, lock) for workspace in mine]


def _told(workspace, sentences):
    return f"The rules of {workspace} refuse this version. {' '.join(sentences)}"


def check_quota(version):
    """Raise Refused where the workspace takes all the room that it may."""
    if reason := quotas.why_not(version.workspace):
        raise Refused(reason)
