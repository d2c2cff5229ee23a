"""What builds and advisories tell people and webhooks of: the words, and who is told."""

from itertools import chain

from django.db.models import F
from django.urls import reverse

from environments.models import Workspace
from environments.notice_models import Kind
from environments.notices import tell
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

    `matches` are AdvisoryMatches that were not there before. In the transaction that adds them. One workspace after
    the other: the first import may concern most of what all of them ever built.
    """
    by_release = {}
    for match in matches:
        by_release.setdefault((match.manager, match.name, match.version), []).append(match.advisory_id)
    for workspace in Workspace.objects.all() if by_release else ():
        lines = _lines(workspace, _found_in(workspace, by_release))
        if not lines:
            continue
        subject, link = _heading(workspace, lines)
        tell(
            Kind.ADVISORY,
            [member.user for member in workspace.memberships.select_related("user")],
            subject,
            about=workspace,
            link=link,
            once_key=f"advisories {once}",
            workspace=workspace,
            text="\n".join(line["words"] for line in lines[:MOST_LISTED]) + _and_more(lines),
            data={"advisories": [{key: line[key] for key in line if key != "words"} for line in lines[:100]]},
        )


def _found_in(workspace, by_release):
    """{advisory: {release: [versions that have it]}} of versions that are not archived and were built."""
    from .models import Build, LockedPackage  # which import this module

    builds = Build.objects.succeeded().filter(version__environment__workspace=workspace, version__archived=None)
    builds = builds.filter(version__environment__archived_at=None, lock__isnull=False).order_by()
    names, found = sorted({name for _, name, _ in by_release}), {}
    versions = _versions_by_lock(builds)
    for start in range(0, len(names) if versions else 0, AT_ONCE):
        packages = LockedPackage.objects.of_pypi().filter(lock__in=builds.values("lock"))
        packages = packages.filter(name__in=names[start : start + AT_ONCE]).order_by("lock")
        for lock, *release in packages.values_list("lock", "manager", "name", "version").iterator(chunk_size=5000):
            for advisory in by_release.get(tuple(release), ()):
                found.setdefault(advisory, {}).setdefault(tuple(release), {}).update(versions[lock])
    return {advisory: {each: sorted(there) for each, there in of.items()} for advisory, of in found.items()}


def _versions_by_lock(builds):
    """{lock: {(environment, number): None}}."""
    found = {}
    rows = builds.values_list("lock", "version__environment__name", "version__number").distinct()
    for lock, *version in rows.iterator(chunk_size=5000):
        found.setdefault(lock, {})[tuple(version)] = None
    return found


def _lines(workspace, found):
    """One dict for each fault that is not ignored there, the worst first. The same CVE told twice is one."""
    from .models import Advisory, Ignored

    ignored = set(Ignored.objects.in_force().for_workspace(workspace).values_list("osv_id", flat=True))
    lines, told = [], set()
    for advisory in Advisory.objects.filter(pk__in=found).order_by(F("score").desc(nulls_last=True), "osv_id"):
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
