"""What a workspace takes of what it may: builds at once, and room for installed packages, archives and private wheels."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, Sum

from environments.texts import in_units
from environments.wheels import PrivateWheel

from . import related, storage
from .models import Build
from .share_models import Share

MB = 1_000_000


@dataclass(frozen=True)
class Quota:
    """Bytes that are taken by kind, and counts of builds; limits are 0 for none, but `at_once`, whose 0 is a pause."""

    prefixes: int = 0
    archives: int = 0
    wheels: int = 0
    limit: int = 0
    running: int = 0
    queued: int = 0
    at_once: int = 0
    has_own_limit: bool = False
    has_own_at_once: bool = False

    @property
    def size(self):
        return self.prefixes + self.archives + self.wheels

    @property
    def percent(self):
        return round(100 * self.size / self.limit) if self.limit else 0

    @property
    def is_full(self):
        return bool(self.limit) and self.size >= self.limit

    @property
    def level(self):
        return "error" if self.is_full else "warning" if self.percent >= 80 else ""


def of_workspaces(workspaces):
    """{id: Quota} of these. The same few queries however many there are."""
    ids = [workspace.pk for workspace in workspaces]
    place = "version__environment__workspace"
    good = Build.objects.good().filter(**{f"{place}__in": ids})
    found = {name: Counter() for name in ("prefixes", "archives", "wheels", "running", "queued")}
    beside = related.sizes(good)
    for pk, workspace, size in storage.with_installed(good).values_list("pk", place, "size"):
        found["prefixes"][workspace] += size
        found["archives"][workspace] += beside.get(pk, 0)
    wheels = PrivateWheel.objects.filter(workspace__in=ids).values_list("workspace").annotate(Sum("size")).order_by()
    found["wheels"].update(dict(wheels))
    unfinished = Build.objects.unfinished().filter(**{f"{place}__in": ids}).values_list(place, "status")
    for workspace, status, count in unfinished.annotate(count=Count("pk")).order_by():
        found[status][workspace] += count
    shares = {share.workspace_id: share for share in Share.objects.filter(workspace__in=ids)}
    return {pk: _quota({name: counts[pk] for name, counts in found.items()}, shares.get(pk)) for pk in ids}


def _quota(counts, share):
    share = share or Share()
    return Quota(
        **counts,
        limit=share.storage_limit,
        at_once=share.most,
        has_own_limit=share.storage_mb is not None,
        has_own_at_once=share.at_once is not None,
    )


def of(workspace):
    return of_workspaces([workspace])[workspace.pk]


def why_not(workspace):
    """Why no new build may begin to take room, as a sentence; empty when one may."""
    share = Share.objects.filter(workspace=workspace).first() or Share()
    if not share.storage_limit:
        return ""
    quota = of(workspace)
    if not quota.is_full:
        return ""
    parts = (("installed packages", quota.prefixes), ("archives", quota.archives), ("private wheels", quota.wheels))
    taken = ", ".join(f"{name} {in_units(size)}" for name, size in parts if size)
    can_go = sum(row["can_go"] for row in storage.by_workspace(storage.make_plan()) if row["name"] == workspace.name)
    freed = f"A clean-up would free {in_units(can_go)} of it." if can_go else "A clean-up would free none of it now."
    return (
        f"{workspace} takes {in_units(quota.size)} of the {in_units(quota.limit)} that it may: {taken}. {freed} Free the "
        "files of builds that nobody needs, delete private wheels, or ask an administrator for more room."
    )
