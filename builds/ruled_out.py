"""What resolvers are told of the versions that the portal's rules block, so that they choose others. Pure.

Rules of a workspace are not told: one lock serves every workspace that asks for the same, and what one of them blocks is
no reason for the others to get older packages. Nor is what blocks a package whole: then it depends on what needs it, and
the sentence of the policy says more than a resolver.
"""

import re

from packaging.version import InvalidVersion, Version

_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_CLAUSE = re.compile(r"(<=|>=|==|!=|<|>|=|)\s*([\w.!+]+(?:\.\*)?)")


def for_pip(blocked, provided=()):
    """Lines of a file of constraints. What conda provides is chosen already, and a range has no line: uv knows no “or”."""
    return [f"{rule.name}{told}\n" for rule in _about(blocked, "pip", provided) if (told := _told(rule, _for_uv, ","))]


def for_conda(blocked):
    """Specs that whatever is chosen has to satisfy."""
    return [
        f"{rule.name.lower()} {told}" for rule in _about(blocked, "conda") if (told := _told(rule, _for_conda, ","))
    ]


def blame(reason, blocked, manager):
    """Where no solution is found, say which rules stood in the way of what the sentence names."""
    said = set(re.findall(r"[a-z0-9][a-z0-9._-]*", reason.lower()))
    named = [rule.words for rule in _about(blocked, manager) if rule.name.lower() in said]
    return f"{reason} Rules of the portal block {', '.join(named)}." if named else reason


def _about(blocked, manager, but=()):
    return [rule for rule in blocked if rule.manager in ("", manager) and rule.constraint and rule.name not in but]


def _told(rule, write, joint):
    """The versions that a rule leaves, as text; empty where that cannot be said."""
    parts = [write([_opposite(clause) for clause in part.split(",")]) for part in rule.constraint.split("|")]
    return joint.join(parts) if all(parts) else ""


def _opposite(clause):
    """`>=2` of `<2`; empty for what has none. A bare version means that one, `=1.2` all that begin so."""
    match = _CLAUSE.fullmatch(clause.strip())
    if not match:
        return ""
    operator, version = match[1] or "==", match[2]
    if operator == "=":
        operator, version = "==", version if version.endswith("*") else f"{version}.*"
    return f"{_OPPOSITE[operator]}{version}"


def _for_uv(clauses):
    return clauses[0] if len(clauses) == 1 and _is_final(clauses[0]) else ""


def _is_final(clause):
    """Whether it names a version of PEP 440, and none that would make uv take pre-releases."""
    try:
        return not Version(clause.lstrip("<>=!").removesuffix(".*")).is_prerelease
    except InvalidVersion:
        return False


def _for_conda(clauses):
    if not all(clauses):
        return ""
    return clauses[0] if len(clauses) == 1 else f"({'|'.join(clauses)})"
