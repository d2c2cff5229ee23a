"""Whether a workspace may have a version built at this moment: by its policy, and by its quota of storage."""

from environments.faults import Refused

from . import quotas


def check_policy(version):
    """Raise Refused where a rule is against what the version says."""
    if refused := version.refusals():
        told = " ".join(finding.sentence for finding in refused)
        raise Refused(f"The rules of {version.workspace} refuse this version. {told}")


def check_quota(version):
    """Raise Refused where the workspace takes all the room that it may."""
    if reason := quotas.why_not(version.workspace):
        raise Refused(reason)
