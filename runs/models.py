import uuid
from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Max, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from builds.models import Build, Lock
from environments import definition as definitions
from environments.faults import UserFault
from environments.models import Version, Workspace
from events.models import Verb
from events.record import record

from .use_models import Use

CLOCKS_DIFFER = timedelta(hours=1)  # between the machine of a run and ours, without anything being wrong


class Status(models.TextChoices):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Evidence(models.TextChoices):
    """How it is known which packages a run had."""

    REPORTED = "reported", "reported by the run"
    LOCKED = "locked", "the lock of its version"
    NONE = "none", "not known"


class RunQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def with_subject(self):
        """What a line about a run says: workspace, environment, version, lock."""
        return self.select_related("workspace", "version__environment", "lock")

    def started_between(self, since, until):
        """Those that started on one of these days; None leaves a side open."""
        zone = timezone.get_current_timezone()
        if since:
            self = self.filter(started__gte=datetime.combine(since, time.min, tzinfo=zone))
        return self.filter(started__lte=datetime.combine(until, time.max, tzinfo=zone)) if until else self

    def uses_of_builds(self):
        """(id of the build whose files it was, when a run had them last), which keeps these files for a while."""
        used = self.exclude(build=None).values_list(Coalesce("build__reused_from", "build"))
        return used.annotate(when=Max(Coalesce("ended", "started"))).order_by()


class RunManager(models.Manager.from_queryset(RunQuerySet)):
    def record(self, workspace, by, *, version=None, definition=None, report=None, build=None, **facts):
        """Record a run. Return (run, whether it is new): an `external_id` names the same run for ever.

        It ran in a registered `version`, or in a `definition` that nobody registered, or all that is known is the
        `report` of its packages, which also says more than the lock that a version has. Raise UserFault where
        what is said cannot be.
        """
        lock = build.lock if build else None
        if report:
            lock = Lock.objects.store(report.python, report.platform, report.packages, is_reported=True)
        elif version and not lock:
            lock = Lock.objects.kept(version.reuse_key)
        evidence = Evidence.REPORTED if report else Evidence.LOCKED if lock else Evidence.NONE
        wanted = version.definition if version else definition
        run = self.model(
            workspace=workspace,
            version=version,
            document=definition.document if definition else None,
            image_key=wanted.image_key if wanted else "",
            lock=lock,
            build=build,
            evidence=evidence,
            recorded_by=by,
            **facts,
        )
        run.check_times()
        with transaction.atomic():
            if version:
                version.hold()
            if run.external_id:
                Workspace.objects.select_for_update().get(pk=workspace.pk)
                if there := self.filter(workspace=workspace, external_id=run.external_id).first():
                    return there.same_as(run), False
            run.use = Use.objects.count_run(workspace, version, lock, run.started)
            run.save(force_insert=True)
            told = {"status": run.status, "evidence": run.evidence, "image_key": run.image_key}
            told |= {"version": str(version)} if version else {}
            record(Verb.RECORDED, run, workspace, after=told, by=by)
        return run, True


class Run(models.Model):
    """One execution of somebody's script. What it ran in never changes; the database refuses to, too."""

    SNAPSHOT = ("workspace_id", "version_id", "document", "image_key", "lock_id", "build_id", "evidence")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="runs")
    version = models.ForeignKey(Version, models.PROTECT, null=True, related_name="runs")
    document = models.JSONField(null=True, help_text="the definition, where it is of no registered version")
    image_key = models.CharField(max_length=48, blank=True, db_index=True)
    lock = models.ForeignKey(Lock, models.PROTECT, null=True, related_name="runs")
    build = models.ForeignKey(Build, models.PROTECT, null=True, related_name="runs")
    use = models.ForeignKey(Use, models.PROTECT, null=True, related_name="+", help_text="counted there")
    evidence = models.CharField(max_length=8, choices=Evidence)
    image_digest = models.CharField(max_length=71, blank=True)

    name = models.CharField(max_length=200, blank=True)
    external_id = models.CharField(max_length=255, blank=True, help_text="its name in the system that ran it")
    person = models.CharField(max_length=255, help_text="who ran it, as the caller says")
    script = models.CharField(max_length=1000, blank=True)
    code_revision = models.CharField(max_length=255, blank=True)
    host = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=9, choices=Status, default=Status.COMPLETED)
    started = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    recorded = models.DateTimeField(default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = RunManager()

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-started", "id"], name="run_by_start"),
            models.Index(fields=["-started", "id"], name="run_by_start_anywhere"),
            models.Index(fields=["version", "-started", "id"], name="run_of_version"),
            models.Index(fields=["lock", "-started", "id"], name="run_of_lock"),
            models.Index(fields=["person", "-started", "id"], name="run_by_person"),
            models.Index(fields=["image_digest", "-started", "id"], condition=~Q(image_digest=""), name="run_by_image"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "external_id"], condition=~Q(external_id=""), name="external_id_once"
            ),
            models.CheckConstraint(condition=Q(ended=None) | Q(ended__gte=models.F("started")), name="run_ends_later"),
            models.CheckConstraint(
                condition=Q(status=Status.RUNNING, ended=None) | ~Q(status=Status.RUNNING), name="running_has_no_end"
            ),
            models.CheckConstraint(
                condition=Q(version__isnull=False) | Q(document__isnull=False) | Q(lock__isnull=False),
                name="run_says_what_it_ran_in",
            ),
        ]

    def __str__(self):
        return self.name or self.external_id or self.pk.hex[:8]

    def get_absolute_url(self):
        return reverse("run", args=[self.pk])

    def check_times(self):
        """Raise UserFault unless its times can be."""
        if self.started > timezone.now() + CLOCKS_DIFFER:
            raise UserFault("A run that has not begun cannot be recorded.", "started")
        if self.ended and self.status == Status.RUNNING:
            raise UserFault("A run that has ended is completed, failed or cancelled.", "status")
        if self.ended and self.ended < self.started:
            raise UserFault("A run cannot end before it starts.", "ended")

    def same_as(self, run):
        """Return this run, recorded earlier under the same name. Raise UserFault if the other ran in something else."""
        if any(getattr(self, field) != getattr(run, field) for field in self.SNAPSHOT):
            raise UserFault(
                f"A run named {self.external_id} is recorded already, and it ran in something else.", "external_id"
            )
        return self

    def end(self, status, ended=None):
        """Say how it ended. Return whether it was still running."""
        self.status, self.ended = status, ended or timezone.now()
        self.check_times()
        running = Run.objects.filter(pk=self.pk, status=Status.RUNNING)
        with transaction.atomic():
            is_ended = running.update(status=self.status, ended=self.ended) == 1
            if is_ended:
                record(Verb.ENDED, self, self.workspace, {"status": Status.RUNNING}, {"status": self.status})
        return is_ended

    @cached_property
    def definition(self):
        """What was wanted, or None where only the packages are known."""
        if self.version:
            return self.version.definition
        return definitions.read_stored(self.document) if self.document else None

    @property
    def shown_status(self):
        """The state by the name of its icon."""
        return {Status.COMPLETED: "succeeded"}.get(self.status, self.status)

    @property
    def seconds(self):
        """How long it took; None while that is not known."""
        return (self.ended - self.started).total_seconds() if self.ended else None
