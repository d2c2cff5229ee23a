"""What the policy of a workspace says of packages that were resolved, also of those that nobody named. Pure."""


def refusals(packages, policy):
    """Return why these Packages may not be installed, as sentences; empty when they may."""
    said = [_blocked(package, rule) for rule in policy.blocked for package in packages if _is_meant(package, rule)]
    return said + [told for rule in policy.required if (told := _lacking(packages, rule))]


def _is_meant(package, rule):
    return rule.is_about(package.manager, package.name) and rule.has(package.manager, package.version)


def _blocked(package, rule):
    needed_by = "" if package.direct else ", ".join(package.requested_by[:3])
    needed_by = f" (needed by {needed_by})" if needed_by else ""
    instead = f" Use {rule.replacement}." if rule.replacement else ""
    return f"{package}{needed_by} is blocked here.{_message(rule)}{instead}"


def _lacking(packages, rule):
    there = [package for package in packages if rule.is_about(package.manager, package.name)]
    if any(rule.has(package.manager, package.version) for package in there):
        return ""
    instead = f", and this would be {there[0].version}" if there else ""
    return f"{rule.words} is required here{instead}.{_message(rule)}"


def _message(rule):
    return f" {rule.message}" if rule.message else ""
