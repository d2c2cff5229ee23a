"""Which build a worker takes next, and what each of the others waits for.

Messages only wake workers. What they then work on is chosen here from the database, so it does not matter whether a
message comes late, twice or never.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from zlib import crc32

from django.conf import settings
from django.db import connection, transaction
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.functional import cached_property

from events.models import Verb

from . import turns
from .failures import SHARED
from .models import Build
from .share_models import Share
from .step_models import UNFINISHED, Status
from .worker_models import Worker

# A build that may begin and whose message is older than this may have lost it.
MESSAGE_AGE = timedelta(seconds=10)
MOMENT = 0.3  # seconds
# Any number that nobody else locks in this database.
ONE_AT_A_TIME = 8_203_517
FIELDS = (
    "pk",
    "reuse_key",
    "version__environment__workspace",
    "created",
    "started",
    "is_refresh",
    "asked_lock",
    "priority",
)


class Cause(TextChoices):
    """What keeps a build from beginning now."""

    TWIN = "twin", "waits for a build of the same packages"
    NO_WORKER = "no worker", "no worker is running"
    PAUSED = "paused", "builds of the workspace are paused"
    LIMIT = "workspace limit", "the workspace has as many builds running as it may"
    BUSY = "workers busy", "all places of the workers are taken"
    NONE = "none", "a worker takes it in a moment"


class Place(TextChoices):
    """Where in the queue an administrator puts a build."""

    FRONT = "front", "before all others"
    BACK = "back", "behind all others"
    TURN = "turn", "in its turn"


@dataclass(frozen=True)
class Wait:
    """What a queued build waits for. A place is counted from 1; who waits for a twin has none."""

    cause: Cause
    place: int | None
    twin: Build | None
    reason: str  # as a sentence
    ends_with_twin: bool = False

    @property
    def now(self):
        """What the twin does."""
        return "is being built" if self.twin.status == Status.RUNNING else "waits in the queue"

    @property
    def before(self):
        """How many begin before it, as things are now."""
        return self.place and self.place - 1

    @property
    def key(self):
        """A word that changes whenever what is said here does."""
        return f"{self.place or 0}-{crc32(self.reason.encode()):08x}"

    @property
    def words(self):
        """The place: “3rd in the queue, after 2 others.”"""
        if not self.place:
            return ""
        if self.place == 1:
            return "Next in the queue."
        return f"{ordinal(self.place)} in the queue, after {self.before:,} other{'s' if self.before > 1 else ''}."

    @property
    def sentences(self):
        return f"{self.words} {self.reason}".strip()


def ordinal(number):
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{number:,}{'th' if number % 100 in (11, 12, 13) else ends.get(number % 10, 'th')}"


class Queue:
    """All that waits and runs at one moment. Three queries, however much that is."""

    def __init__(self):
        unfinished = Build.objects.filter(status__in=UNFINISHED).order_by("created", "pk")
        rows = [(status, turns.Row(*fields)) for status, *fields in unfinished.values_list("status", *FIELDS)]
        self.running = [row for status, row in rows if status == Status.RUNNING]
        self.waiting = [row for status, row in rows if status == Status.QUEUED]
        workspaces = {row.workspace for row in self.waiting}
        told = {share.workspace_id: share for share in Share.objects.filter(workspace__in=workspaces)}
        self.shares = {
            pk: turns.Share(told[pk].most, told[pk].served_at)
            if pk in told
            else turns.Share(settings.BUILDS_PER_WORKSPACE)
            for pk in workspaces
        }

    @cached_property
    def order(self):
        return turns.in_turn(self.waiting, self.running, self.shares, timezone.now())

    @cached_property
    def places(self):
        return {row.pk: place for place, row in enumerate(self.order.rows, 1)}

    @property
    def line(self):
        """Keys of all that wait: in order those that begin, then those that wait for a twin."""
        return [*self.places, *self.order.waits_for]

    @cached_property
    def slots(self):
        """How many builds all workers work on at once; None without a worker."""
        taking = [slots for slots, is_draining in self._workers if not is_draining]
        return sum(taking) if taking else None

    @cached_property
    def _workers(self):
        return list(Worker.objects.alive().values_list("slots", "is_draining"))

    @property
    def room(self):
        return max(0, (self.slots or 0) - len(self.running))

    @property
    def ready(self):
        """Those that may begin now, in order."""
        return self.order.rows[: self.order.ready]

    def knows(self, build):
        return build.pk in self.places or build.pk in self.order.waits_for

    def wait_of(self, build):
        """The Wait of a build; None when it does not wait (any more)."""
        if twin := self.order.waits_for.get(build.pk):
            return self._wait_for_twin(build, twin)
        place = self.places.get(build.pk)
        if not place:
            return None
        cause = self._cause(build, place)
        return Wait(cause, place, None, self._reason(cause, build))

    def _wait_for_twin(self, build, pk):
        row = next(row for row in (*self.running, *self.waiting) if row.pk == pk)
        facts = {"is_refresh": row.is_refresh, "asked_lock_id": row.asked_lock, "started": row.started}
        twin = Build(pk=pk, status=Status.RUNNING if row.started else Status.QUEUED, **facts)
        wait = Wait(Cause.TWIN, None, twin, "", build.is_answered_by(twin))
        then = "ends with it" if wait.ends_with_twin else "begins after it"
        return replace(wait, reason=f"Build {twin.short_id} of the same packages {wait.now}; this one {then}.")

    def _cause(self, build, place):
        most = self.shares[build.workspace.pk].most
        if self.slots is None:
            return Cause.NO_WORKER
        if not most:
            return Cause.PAUSED
        if self._running_in[build.workspace.pk] >= most:
            return Cause.LIMIT
        return Cause.NONE if place <= self.room else Cause.BUSY

    @cached_property
    def _running_in(self):
        return Counter(row.workspace for row in self.running)

    @property
    def _why_no_worker(self):
        if self._workers:
            return "Every worker is drained; it begins when one takes builds again."
        return "No worker is running; it begins when one starts."

    def _reason(self, cause, build):
        most, slots = self.shares[build.workspace.pk].most, self.slots or 0
        return {
            Cause.NO_WORKER: self._why_no_worker,
            Cause.PAUSED: f"Administrators have paused the builds of {build.workspace}.",
            Cause.LIMIT: f"{build.workspace} has as many builds running as it may have at once: {most:,}.",
            Cause.BUSY: f"All places of the workers are taken: {slots:,}."
            if len(self.running) >= slots
            else "Workers take those before it first.",
            Cause.NONE: "A worker takes it in a moment.",
        }[cause]


def tell(builds):
    """Give each build its `wait`, by the same few queries however many there are."""
    queue = Queue() if any(build.status == Status.QUEUED for build in builds) else None
    for build in builds:
        build.wait = queue and queue.wait_of(build)
    return builds


class Lately:
    """The Queue of a second ago, for all those that look all the time."""

    SECONDS = 1.0

    def __init__(self):
        self._lock, self._queue, self._read = threading.Lock(), None, 0.0

    def tell(self, build):
        build.wait = None
        if build.status == Status.QUEUED:
            with self._lock:
                is_old = time.monotonic() - self._read > self.SECONDS
                if is_old or not self._queue.knows(build):
                    self._queue, self._read = Queue(), time.monotonic()
                build.wait = self._queue.wait_of(build)


lately = Lately()


def claim(worker):
    """Return the build that is next, now running on `worker`; None when none may begin, or the worker is drained."""
    if Worker.objects.filter(name=worker, is_draining=True).exists():
        return None
    if not Build.objects.queued().exists():
        return None  # without keeping others from writing, as SQLite does below
    with transaction.atomic():
        _wait_for_others()
        for row in Queue().ready:
            build = Build.objects.with_subject().get(pk=row.pk)
            if build.move_to(Status.RUNNING, worker=worker):  # else it was cancelled just now
                Share.objects.serve(row.workspace, build.started)
                return build
    return None


def move(build, to):
    """Put a build that waits before all others, behind them, or into its turn again. Return whether that changed anything.

    What its workspace may have at once stays as it is.
    """
    with transaction.atomic():
        _wait_for_others()
        row = Build.objects.queued().filter(pk=build.pk).values_list("priority", flat=True).first()
        others = [0, *Build.objects.queued().exclude(pk=build.pk).values_list("priority", flat=True)]
        priority = {Place.FRONT: max(others) + 1, Place.BACK: min(others) - 1, Place.TURN: 0}[to]
        if row is None or row == priority:
            return False
        Build.objects.queued().filter(pk=build.pk).update(priority=priority)
        build.record(Verb.CHANGED, before={"priority": row}, after={"priority": priority})
        transaction.on_commit(wake, robust=True)
    return True


def _wait_for_others():
    """Until this transaction ends nobody else claims a build, so that no limit is passed by two at the same time.

    In SQLite that is so already: a transaction has the whole database from its first statement on.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])


def pass_on(worker, build_id):
    """Send a message again that a drained worker got, where another worker has room for a build."""
    if Worker.objects.filter(name=worker, is_draining=True).exists():
        queue = Queue()
        if queue.room and queue.order.ready:
            time.sleep(MOMENT)  # so that another one may be faster
            Build(pk=build_id).send()


def wake(age=timedelta()):
    """Send a message for every build that may begin and finds room, and that was last sent for so long ago."""
    queue = Queue()
    due = [row.pk for row in queue.ready[: queue.room]]
    now = timezone.now()
    for build in Build.objects.queued().filter(pk__in=due, sent_at__lte=now - age):
        Build.objects.filter(pk=build.pk).update(sent_at=now)
        build.send()


def hand_on(build):
    """End those that waited for this one with it, where they could only end the same, and begin what may begin now."""
    twins = Build.objects.queued().filter(reuse_key=build.reuse_key).order_by("created", "pk")
    if build.status == Status.SUCCEEDED:
        for twin in twins:
            twin.end_with_supplier()
    elif build.failure in SHARED:  # elsewhere there are other private wheels and other secrets
        for twin in twins.filter(version__environment__workspace=build.workspace):
            if twin.is_answered_by(build):
                twin.end_with(build.supplier)
    wake()
