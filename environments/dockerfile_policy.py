"""What the policy says of the packages that a Dockerfile installs by pip and conda, as far as its lines name them. Pure."""

from . import conda_specs, package_policy, pip_lines
from .addresses import redact
from .catalogue import found
from .formats import dockerfile
from .version_sets import Overlap, overlap


def findings(instructions, policy, where):
    """Findings about what `RUN pip install …` and the like ask for, each with its line."""
    said = []
    for what, text, line in dockerfile.installs(instructions):
        if what == "channel":
            if allowed := policy.channels_without(text):
                words = {"channel": redact(text), "allowed": ", ".join(allowed)}
                said.append(found("channel-not-allowed", where, line, **words))
        elif what == "index":
            if allowed := policy.indexes_without(text):
                said.append(found("index-not-allowed", where, line, index=redact(text), allowed=", ".join(allowed)))
        else:
            said += _blocked(what, text, line, policy, where)
    return said


def _blocked(manager, text, line, policy, where):
    name, asked = _read(manager, text)
    said = []
    for rule in policy.blocked:
        if not rule.is_about(manager, name):
            continue
        code = {Overlap.ALL: "package-blocked", Overlap.SOME: "package-blocked-some"}.get(
            overlap(manager, asked, rule.constraint)
        )
        if code:
            words = {"name": rule.words, "message": package_policy.said(rule), "instead": rule.replacement}
            said.append(found(code, where, line, **words))
    return said


def _read(manager, text):
    """(name, range of versions) of what stands behind `install`; an empty name where it is neither."""
    item, _ = (conda_specs if manager == "conda" else pip_lines).parse(text)
    if manager == "conda":
        return (item.name, item.version) if item else ("", "")
    requirement = getattr(item, "requirement", None)
    return (item.name, str(requirement.specifier)) if requirement else ("", "")
