"""What the policy says of the packages that a definition asks for: blocked, required, of another version. Pure."""

from .catalogue import found
from .conda_specs import CondaSpec
from .findings import place
from .pip_lines import PipLine
from .version_sets import Overlap, overlap

CONDA = ("python", "condaDependencies")


def findings(definition, policy):
    told, packages = [], [each for each in definition.placed if isinstance(each.item, CondaSpec | PipLine)]
    for each in packages if policy.blocked else ():
        for rule in policy.blocked:
            if rule.is_about(_manager(each.item), each.item.name):
                told.append(_blocked(each, rule))
    for rule in policy.required:
        there = [each for each in packages if rule.is_about(_manager(each.item), each.item.name)]
        told += [_other_version(each, rule) for each in there if _overlap(each.item, rule) == Overlap.NONE]
        if not there:
            told.append(_required(rule))
    return [finding for finding in told if finding]


def _manager(item):
    return "conda" if isinstance(item, CondaSpec) else "pip"


def _blocked(each, rule):
    """What is said of a package that a rule names; None where no version of it can be meant."""
    instead, overlap = rule.replacement, _overlap(each.item, rule)
    fix = {"verb": "set", "path": each.path, "value": instead} if instead else {}
    words = {"name": rule.words, "message": said(rule), "instead": instead}
    code = {Overlap.ALL: "package-blocked", Overlap.SOME: "package-blocked-some", Overlap.NONE: ""}[overlap]
    return found(code, each.where, **words, **fix) if code else None


def _required(rule):
    """What is said where a required package is not there at all."""
    instead = rule.replacement or _wanted(rule)
    path = (*CONDA, "dependencies")
    fix = {"verb": "append", "path": path} if rule.manager == "conda" else {"verb": "to-pip"}
    words = {"name": rule.words, "message": said(rule), "instead": instead}
    return found("package-required", place(*CONDA), value=instead, **fix, **words)


def _other_version(each, rule):
    fix = {"verb": "set", "path": each.path, "value": _wanted(rule)}
    return found("package-other-version", each.where, **fix, name=rule.words, message=said(rule), instead=_wanted(rule))


def _overlap(item, rule):
    """How much of what a package may be is meant by a rule."""
    if isinstance(item, CondaSpec):
        return overlap("conda", item.version, rule.constraint)
    return overlap("pip", str(item.requirement.specifier) if item.requirement else "", rule.constraint)


def _wanted(rule):
    """A required package as a line says it; what has no operator is one version."""
    versions = rule.constraint if not rule.constraint[:1].isalnum() else f"=={rule.constraint}"
    return rule.name + ("" if "|" in versions else versions)


def said(rule):
    return f" {rule.message}" if rule.message else ""
