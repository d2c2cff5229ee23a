"""What builds and advisories tell people and webhooks of: the words, and who is told."""

from collections import defaultdict
from itertools import chain

from django.urls import reverse

from environments.models import Membership, Workspace
from environments.notice_models import Kind, batched
from environments.notices import Telling, tell, tell_all
from environments.texts import count

from .step_models import Status

AT_ONCE = 500  # names in one query
MOST_LISTED = 20


def build_ended(build, by=None):
    """Tell of a build that ended after somebody had to wait for it. In the transaction that says so."""
    succeeded = build.status == Status.SUCCEEDED
    subject = f"Build of {build.version} succeeded"
    if build.status == Status.CANCELLED:
        subject = f"Build of {build.version} was cancelled{f' by {by}' if by else ''}"
    elif not succeeded:
        subject = f"Build of {build.version} failed: {build.headline}"
    tell(
        Kind.BUILD_SUCCEEDED if succeeded else Kind.BUILD_FAILED,
        _who_waits(build, by),
        subject,
        about=build,
        link=build.get_absolute_url(),
        once_key=f"build {build.pk} ended",
        workspace=build.workspace,
        text=_how(build),
        data=_facts(build),
    )


def _who_waits(build, by):
    """Who asked for it, unless they cancelled it, or see it no more."""
    user = build.asked_by
    sees = Workspace.objects.visible_to(user).filter(pk=build.workspace.pk)
    return [user] if user != by and sees.exists() else []


def _how(build):
    """The cause of a failure, the line that shows it, and what to do."""
    if build.status == Status.SUCCEEDED:
        if build.reused_from_id:
            return f"Build {build.reused_from.short_id} has the same packages and supplied it."
        return f"Locked and installed: {count(build.lock.packages.count(), 'package')}." if build.lock else ""
    if build.status == Status.CANCELLED:
        return ""
    quote = (
        f"Line {build.reason_line:,} of the log: {build.quote}" if build.reason_line and build.quote else build.quote
    )
    return "\n\n".join(filter(None, (build.reason, *build.chain, quote, build.advice)))


def _facts(build):
    version = build.version
    return {
        "build": str(build.pk), "environment": version.environment.name, "version": version.number,
        "status": build.shown_status, "failure": build.failure, "reason": build.reason, "quote": build.quote,
        "image_key": build.image_key, "asked_by": build.asked_by.get_username(),
    }  # fmt: skip


def advisories_came(matches, once):
    """Tell every workspace once of the advisories that an import found for what it has. `once` names the import.

    `matches` are AdvisoryMatches that were not there before. In the transaction that adds them. Some workspaces after
    the others: the first import may concern most of what all of them ever built.
    """
    by_release = {}
    for match in matches:
        by_release.setdefault((match.manager, match.name, match.version), []).append(match.advisory_id)
    ignored = _ignored()
    for workspaces in batched(list(Workspace.objects.all())) if by_release else ():
        found = _found_in(workspaces, by_release)
        known, members = _in_order({pk for of in found.values() for pk in of}), _members(found)
        lines = {
            each: _lines(found[each], known, ignored[None] | ignored[each.pk]) for each in workspaces if each in found
        }
        tell_all(Kind.ADVISORY, [_telling(each, members[each.pk], of, once) for each, of in lines.items() if of])


def _telling(workspace, members, lines, once):
    subject, link = _heading(workspace, lines)
    return Telling(
        members,
        subject,
        about=workspace,
        link=link,
        once_key=f"advisories {once}",
        workspace=workspace,
        text="\n".join(line["words"] for line in lines[:MOST_LISTED]) + _and_more(lines),
        data={"advisories": [{key: line[key] for key in line if key != "words"} for line in lines[:100]]},
    )


def _members(workspaces):
    """{id of the workspace: the users who are in it}"""
    found = defaultdict(list)
    for member in Membership.objects.filter(workspace__in=workspaces).select_related("user").order_by("pk"):
        found[member.workspace_id].append(member.user)
    return found


def _ignored():
    """{id of the workspace, None for all: ids of the advisories that are ignored there}"""
    from .models import Ignored

    found = defaultdict(set)
    for workspace, osv_id in Ignored.objects.in_force().values_list("workspace", "osv_id"):
        found[workspace].add(osv_id)
    return found


def _in_order(keys):
    """The Advisories of these keys, the worst first."""
    from .models import Advisory

    found = [row for some in batched(sorted(keys)) for row in Advisory.objects.filter(pk__in=some)]
    return sorted(found, key=lambda advisory: (advisory.score is None, -(advisory.score or 0), advisory.osv_id))


def _found_in(workspaces, by_release):
    """{workspace: {advisory: {release: [(environment, number)]}}} of versions that are not archived and were built."""
    from .models import Build, LockedPackage  # which import this module

    builds = Build.objects.succeeded().filter(version__environment__workspace__in=workspaces, version__archived=None)
    builds = builds.filter(version__environment__archived_at=None, lock__isnull=False).order_by()
    names, found = sorted({name for _, name, _ in by_release}), {}
    versions = _versions_by_lock(builds)
    for start in range(0, len(names) if versions else 0, AT_ONCE):
        packages = LockedPackage.objects.of_pypi().filter(lock__in=builds.values("lock"))
        packages = packages.filter(name__in=names[start : start + AT_ONCE]).order_by("lock")
        for lock, *release in packages.values_list("lock", "manager", "name", "version").iterator(chunk_size=5000):
            for advisory in by_release.get(tuple(release), ()):
                for workspace, there in versions[lock].items():
                    of = found.setdefault(workspace, {}).setdefault(advisory, {})
                    of.setdefault(tuple(release), set()).update(there)
    return {
        workspace: {pk: {each: sorted(there) for each, there in of.items()} for pk, of in found[workspace.pk].items()}
        for workspace in workspaces
        if workspace.pk in found
    }


def _versions_by_lock(builds):
    """{lock: {id of a workspace: {(environment, number)}}}"""
    found = defaultdict(lambda: defaultdict(set))
    place = ("version__environment__workspace", "version__environment__name", "version__number")
    for lock, workspace, *version in builds.values_list("lock", *place).distinct().iterator(chunk_size=5000):
        found[lock][workspace].add(tuple(version))
    return found


def _lines(found, known, ignored):
    """One dict for each of the `known` that was found and is not ignored. The same CVE told twice is one."""
    lines, told = [], set()
    for advisory in (each for each in known if each.pk in found):
        names = set(advisory.names)
        if names & ignored or names & told:
            continue
        told |= names
        lines.append(_line(advisory, found[advisory.pk]))
    return lines


def _line(advisory, releases):
    packages = [f"{name} {version}" for _, name, version in releases]
    versions = [f"{name} {number}" for name, number in dict.fromkeys(chain.from_iterable(releases.values()))]
    severity = f" ({advisory.severity})" if advisory.severity else ""
    where = ", ".join(versions[:5]) + (f" and {len(versions) - 5:,} more" if len(versions) > 5 else "")
    return {
        "id": advisory.osv_id, "aliases": advisory.aliases, "severity": advisory.severity or None,
        "summary": advisory.summary, "packages": packages, "versions": versions,
        "words": f"{advisory.osv_id}{severity}: {', '.join(packages)} in {where}. {advisory.summary}".strip(),
    }  # fmt: skip


def _heading(workspace, lines):
    if len(lines) > 1:
        return f"{len(lines):,} new advisories concern packages in {workspace}", reverse("advisories")
    return f"{lines[0]['id']} concerns {', '.join(lines[0]['packages'])} in {workspace}", reverse(
        "advisory", args=[lines[0]["id"]]
    )


def _and_more(lines):
    return f"\nand {len(lines) - MOST_LISTED:,} more." if len(lines) > MOST_LISTED else ""
