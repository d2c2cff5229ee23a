"""In which order builds begin. Knows no database: what waits and what runs are values.

The workspace that has the fewest running is next; among equal ones the one that waits longest: since its oldest build
was asked for, or since its last turn, whichever is later. So a workspace that asks for a hundred builds at once has
its turn as often as the others, and no more often. Workspaces that may not begin another one come after all that may.

A build with a higher priority, which administrators give, comes before all with a lower one, whose workspace may begin
one. No priority lifts a limit.

Builds of one image key are one: the first of them that has its turn begins, the others wait for it.
"""

import heapq
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

LONG_AGO = datetime.min.replace(tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Row:
    """A build that waits or runs, as far as the order depends on it."""

    pk: object
    reuse_key: str
    workspace: object
    created: datetime = LONG_AGO
    started: datetime | None = None
    is_refresh: bool = False
    asked_lock: object = None
    priority: int = 0


@dataclass(frozen=True)
class Share:
    """How many builds of a workspace may run at once, and when it had its turn last."""

    most: int
    served_at: datetime | None = None


@dataclass
class Order:
    """Builds as they begin when nothing new is asked for; the first `ready` of them may begin now."""

    rows: list = field(default_factory=list)
    ready: int = 0
    waits_for: dict = field(default_factory=dict)  # pk of one that waits for another -> pk of that one


def in_turn(waiting, running, shares, now):
    """Return the Order of `waiting`, oldest first among those of one priority. `shares` has a Share for every workspace."""
    order, builds_it = Order(), {row.reuse_key: row.pk for row in running}
    busy = Counter(row.workspace for row in running)
    since = {workspace: share.served_at or LONG_AGO for workspace, share in shares.items()}
    rows = defaultdict(deque)
    for row in sorted(waiting, key=lambda row: -row.priority):  # keeps the order of equal ones
        rows[row.workspace].append(row)

    def key(workspace):
        most, has = shares[workspace].most, busy[workspace]
        over = max(0, has - most + 1)  # so many of its own have to end first
        first = rows[workspace][0]
        return not most, over, -first.priority, has, max(first.created, since[workspace]), workspace

    heap = [key(workspace) for workspace in rows]
    heapq.heapify(heap)
    while heap:
        _, over, *_, workspace = heapq.heappop(heap)
        row = rows[workspace].popleft()
        first = builds_it.setdefault(row.reuse_key, row.pk)
        if first == row.pk:
            order.rows.append(row)
            order.ready += not over
            busy[workspace] += 1
            since[workspace] = now + len(order.rows) * MOMENT
        else:
            order.waits_for[row.pk] = first
        if rows[workspace]:
            heapq.heappush(heap, key(workspace))
    return order
