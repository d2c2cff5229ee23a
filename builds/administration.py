"""What the whole portal is at at this moment, for those who look after it."""

from dataclasses import dataclass
from functools import cached_property

from environments.models import Interpreter, Workspace

from . import quotas, schedule, storage
from .models import Build, Status, Worker
from .worker_models import State


def workers():
    """All workers by name, each with its `pythons` and with the builds that it is at as `at_work`."""
    found, builds, pythons = list(Worker.objects.all()), {}, {}
    for build in Build.objects.running().with_subject().prefetch_related("steps").order_by("started"):
        builds.setdefault(build.worker, []).append(build)
    for worker, version in Interpreter.objects.order_by("worker", "pk").values_list("worker", "version"):
        pythons.setdefault(worker, []).append(version)
    for worker in found:
        worker.at_work, worker.pythons = builds.get(worker.name, []), pythons.get(worker.name, [])
    return found


class Line:
    """Running and waiting builds of all workspaces, as they began and as they would begin."""

    def __init__(self):
        self.queue = schedule.Queue()
        running = sorted(self.queue.running, key=lambda row: (row.started, str(row.pk)))
        self.keys = [*(row.pk for row in running), *self.queue.line]
        self.running, self.waiting = len(running), len(self.queue.waiting)

    def builds(self, keys):
        """The Builds of these keys in their order, each with its `wait`; what has ended meanwhile is not among them."""
        found = (
            Build.objects.with_subject()
            .prefetch_related("steps")
            .filter(status__in=(Status.QUEUED, Status.RUNNING))
            .in_bulk(keys)
        )
        builds = [found[key] for key in keys if key in found]
        for build in builds:
            build.wait = self.queue.wait_of(build)
        return builds


@dataclass(frozen=True)
class Summary:
    """How the portal is, in a few numbers."""

    workers: list
    running: int
    waiting: int
    plan: storage.Plan

    @classmethod
    def read(cls):
        queue = schedule.Queue()
        return cls(list(Worker.objects.all()), len(queue.running), len(queue.waiting), storage.make_plan())

    def _in(self, state):
        return sum(worker.state == state for worker in self.workers)

    @property
    def taking(self):
        return self._in(State.TAKING)

    @property
    def draining(self):
        return self._in(State.DRAINING)

    @property
    def silent(self):
        return self._in(State.SILENT)

    @property
    def other(self):
        """Those that run and are of another version than the portal."""
        return sum(worker.is_alive and worker.is_other for worker in self.workers)

    @property
    def alive(self):
        return self.taking + self.draining

    @property
    def budget(self):
        """Bytes that all builds may take together; 0 is no limit."""
        return self.plan.policy.budget

    @property
    def percent(self):
        return round(100 * self.plan.all_size / self.budget) if self.budget else 0

    @cached_property
    def full(self):
        """Names of workspaces that take all that they may, at most ten."""
        there = list(Workspace.objects.all())
        found = quotas.of_workspaces(there)
        return [workspace.name for workspace in there if found[workspace.pk].is_full][:10]
