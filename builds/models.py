import uuid
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.dispatch import Signal
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from environments.faults import UserFault
from environments.models import Rule, Version
from events.models import Verb
from events.record import record

from . import lock_diff, lock_files, lock_policy, related, telling
from .advisory_models import Advisory, AdvisoryImport, AdvisoryMatch, AdvisoryName, Affected, Ignored
from .artifact_models import ArchiveOrder, Artifact
from .failures import ADVICE, Failure
from .licence_models import LicenceRules
from .lock_models import Lock, LockedPackage, VersionLock
from .log_models import LogChunk, StoredLog
from .share_models import Share
from .shelf_models import Outlook
from .signing_models import SigningKey
from .step_models import ENDED, UNFINISHED, Status, Step
from .storage_models import Cleanup, DiskUse, Machine
from .worker_models import Worker

# A running build that was not heard of for this long has lost its worker.
SILENCE = timedelta(seconds=40)
# A worker may write a line or two after somebody cancelled its build.
LAST_WORDS = timedelta(seconds=8)
# So long after the end of a build nobody adds to its log any more.
SETTLED = timedelta(seconds=60)
LONGEST_REASON = 5000

__all__ = [
    "Advisory", "AdvisoryImport", "AdvisoryMatch", "AdvisoryName", "Affected", "ArchiveOrder", "Artifact", "Build",
    "Cleanup", "DiskUse", "Ignored", "LicenceRules", "Lock", "LockedPackage", "LogChunk", "Machine", "Outlook", "Share",
    "SigningKey", "Status", "Step", "StoredLog", "VersionLock", "Worker",
]  # fmt: skip


# From which states one may come into a state. A build that ended stays as it is.
ALLOWED = {
    Status.RUNNING: (Status.QUEUED,),
    Status.SUCCEEDED: (Status.QUEUED, Status.RUNNING),
    Status.FAILED: (Status.QUEUED, Status.RUNNING),
    Status.CANCELLED: (Status.QUEUED, Status.RUNNING),
}


# A build has succeeded, or what it asked for was there already. Sent in the transaction that says so.
build_succeeded = Signal()


class BuildQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(version__in=Version.objects.visible_to(user))

    def of_teams(self):
        """Without those of curated environments, which everybody sees."""
        return self.filter(version__environment__workspace__is_shelf=False)

    def queued(self):
        return self.filter(status=Status.QUEUED)

    def running(self):
        return self.filter(status=Status.RUNNING)

    def unfinished(self):
        return self.filter(status__in=UNFINISHED)

    def succeeded(self):
        return self.filter(status=Status.SUCCEEDED)

    def locked(self):
        """Builds that say what is installed."""
        return self.succeeded().filter(lock__isnull=False)

    def failed(self):
        return self.filter(status=Status.FAILED)

    def good(self):
        """Builds whose prefix others may use."""
        return self.succeeded().exclude(prefix="")

    def with_lock(self, reuse_key, lock):
        """The newest good build that installed this lock, or None."""
        return self.good().filter(reuse_key=reuse_key, lock=lock).order_by("-finished", "pk").first()

    def supplier_of(self, reuse_key):
        """The build whose prefix every other one of this reuse key uses: the newest with the lock that is kept."""
        kept = Lock.objects.kept(reuse_key)
        return kept and self.with_lock(reuse_key, kept)

    def free_to_go(self):
        """Builds whose files nobody needs in this moment: nothing of the same image key is on its way."""
        same = Build.objects.unfinished().filter(reuse_key=OuterRef("reuse_key"))
        found = self.good().filter(~Exists(same))
        for held in related.told(Build, "builds_in_use"):
            found = found.exclude(pk__in=held)
        return found

    def uses_of_builds(self):
        """(id of a build, when another one was supplied by it), the last time of each."""
        return self.succeeded().exclude(reused_from=None).values_list("reused_from").annotate(models.Max("finished"))

    def lost(self):
        """Running, and silent for so long that nobody works on them any more."""
        return self.running().filter(heard_at__lt=timezone.now() - SILENCE)

    def with_settled_log(self):
        """Ended for a while, their log still in the database."""
        with_chunks = LogChunk.objects.order_by().values("build").distinct()
        return self.filter(pk__in=with_chunks, status__in=ENDED, finished__lt=timezone.now() - SETTLED)

    def with_subject(self):
        """What a line about a build says: environment, workspace, person."""
        return self.select_related("version__environment__workspace", "asked_by")


class BuildManager(models.Manager.from_queryset(BuildQuerySet)):
    def request(self, version, by, lock=None, refresh=False, anew=False):
        """Ask for a build of `version`. Return it: finished at once when a good one exists that made the same.

        A `refresh` looks past the lock that is kept, and its own is kept if it succeeds; given a `lock` that was made
        for the version, it installs that one. With `anew` it is built whether or not there is a good one, which stays
        good whatever comes of it. Raise admission.Refused where policy or quota are against it.
        """
        from . import admission  # which asks for builds

        admission.check_policy(version, by, lock)
        keys = {"image_key": version.image_key, "reuse_key": version.reuse_key}
        build = self.model(version=version, asked_by=by, is_rebuild=anew, **keys)
        build.asked_lock, build.is_refresh = lock, refresh or bool(lock)
        build.previous_lock = Lock.objects.kept(version.reuse_key) if build.is_refresh else None
        with transaction.atomic():
            version.hold()
            supplier = build.take_supplier()
            if supplier:
                build.reuse(supplier)
            else:  # what another build supplies takes no room
                admission.check_quota(version)
            build.save(force_insert=True)
            build.record(Verb.REBUILT if anew else Verb.REQUESTED, by, after=build.end_in_words)
            if supplier:
                VersionLock.objects.keep(version, build.lock, by, build.is_refresh)
                build_succeeded.send(Build, build=build)
            else:
                Step.objects.bulk_create(
                    Step(build=build, name=name, position=i) for i, name in enumerate(Step.Name.values)
                )
                build.send()
        return build


class Build(models.Model):
    """One attempt to turn a version into an installed prefix."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(Version, models.PROTECT, related_name="builds")
    image_key = models.CharField(max_length=48, db_index=True)
    reuse_key = models.CharField(max_length=80, db_index=True, help_text="as Version.reuse_key says it")
    status = models.CharField(max_length=9, choices=Status, default=Status.QUEUED)
    failure = models.CharField(max_length=20, choices=Failure, blank=True)
    reason = models.TextField(blank=True, help_text="why it did not succeed, as a sentence")
    reason_line = models.PositiveIntegerField(null=True, help_text="the line of the log that shows it")
    quote = models.TextField(blank=True, help_text="what stands in that line")
    chain = models.JSONField(default=list, blank=True, help_text="why requirements do not fit together, step by step")
    reused_from = models.ForeignKey("self", models.PROTECT, null=True, related_name="reused_by")
    lock = models.ForeignKey(Lock, models.PROTECT, null=True, related_name="builds")
    asked_lock = models.ForeignKey(Lock, models.PROTECT, null=True, related_name="+")
    previous_lock = models.ForeignKey(Lock, models.PROTECT, null=True, related_name="+")
    is_refresh = models.BooleanField(default=False, help_text="looked past the lock that was kept, `previous_lock`")
    prefix = models.TextField(blank=True, help_text="folder of the installed packages, below the prefixes' folder")
    worker = models.CharField(max_length=255, blank=True)
    is_sandboxed = models.BooleanField(null=True, help_text="whether its processes were confined; empty until it ran")

    is_rebuild = models.BooleanField(default=False, help_text="builds anew although a good one may be there")

    last_used = models.DateTimeField(null=True, help_text="when it supplied another build or was downloaded")
    freed_at = models.DateTimeField(null=True, help_text="when prefix and archives were removed")
    freed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", help_text="empty: the clean-up"
    )
    freed_why = models.CharField(max_length=200, blank=True)

    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(default=timezone.now)
    priority = models.SmallIntegerField(default=0, help_text="those with more begin first; administrators give it")
    started = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)

    objects = BuildManager()

    class Meta:
        indexes = [
            models.Index(fields=["version", "-created"], name="build_by_age"),
            # What waits and runs is little among all that ever was.
            models.Index(fields=["created"], condition=Q(status__in=UNFINISHED), name="build_unfinished"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["reuse_key"], condition=Q(status=Status.RUNNING), name="reuse_key_built_once_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(status__in=UNFINISHED, finished__isnull=True) | Q(status__in=ENDED, finished__isnull=False),
                name="build_status_fits_its_end",
            ),
            models.CheckConstraint(condition=~Q(status=Status.FAILED) | ~Q(reason=""), name="failed_build_says_why"),
            models.CheckConstraint(condition=Q(freed_at=None) | Q(prefix=""), name="freed_build_has_no_prefix"),
        ]

    def __str__(self):
        return self.short_id

    def get_absolute_url(self):
        return reverse("build", args=[self.pk])

    @property
    def short_id(self):
        return self.pk.hex[:6]

    @property
    def workspace(self):
        return self.version.environment.workspace

    @property
    def supplier(self):
        """The build that made what this one gives; of a failed one the build that failed for both."""
        return self.reused_from or self

    @property
    def shown_status(self):
        """The state as a person sees it: one that another build supplied is `reused`."""
        return "reused" if self.reused_from_id and self.status == Status.SUCCEEDED else self.status

    @property
    def stage(self):
        """The state in words that say where: “Installing”, “Failed in check”; empty when the state says it."""
        steps = {step.status: step.name for step in self.steps.all()}
        if self.status == Status.RUNNING and Status.RUNNING in steps:
            return Step.DOING[steps[Status.RUNNING]]
        if self.status == Status.FAILED and Status.FAILED in steps:
            return f"Failed in {steps[Status.FAILED]}"
        return ""

    @property
    def headline(self):
        """The first sentence of the reason."""
        return self.reason.partition(". ")[0].removesuffix(".")

    @property
    def explanation(self):
        """What the reason says after its first sentence."""
        return self.reason.partition(". ")[2]

    @property
    def advice(self):
        """What to do about the failure, if it is of a class that has one thing to do."""
        return ADVICE.get(self.failure, "")

    @cached_property
    def last_good(self):
        """The newest build of this environment that works, if any."""
        good = Build.objects.succeeded().filter(version__environment=self.version.environment_id)
        return good.select_related("version").order_by("-version__number").first()

    @property
    def is_unfinished(self):
        return self.status in UNFINISHED

    @property
    def log_is_complete(self):
        """Whether nothing more will be written."""
        if self.status == Status.CANCELLED and self.started:
            return timezone.now() - self.finished > LAST_WORDS
        return not self.is_unfinished

    @cached_property
    def wait(self):
        """What it waits for in the queue, or None."""
        from . import schedule  # which imports this module

        return schedule.tell([self])[0].wait

    @property
    def state(self):
        """What a page shows of it, in one word that changes whenever that does."""
        return f"{self.status}-{self.stage}-{self.wait.key if self.wait else 0}".replace(" ", "-").lower()

    @property
    def seconds(self):
        """How long it took or has taken, in seconds; None before it starts."""
        if not self.started:
            return None
        return max(0.0, ((self.finished or timezone.now()) - self.started).total_seconds())

    @property
    def lock_files(self):
        """{name: words} of the files that its lock can be downloaded as; none before there is one."""
        return self.lock.files if self.lock else {}

    @cached_property
    def lock_changes(self):
        """What a refresh moved, as LockChanges; None where that was no question."""
        if not (self.is_refresh and self.lock and self.previous_lock):
            return None
        return lock_diff.compare(self.previous_lock.values(), self.lock.values())

    def as_lock_file(self, file, portal):
        """Return its lock as `Lock.as_file` does. Raise UserFault where there is none."""
        return lock_files.render(file, self.locked(portal))

    def locked(self, portal):
        """Its lock with what files of other tools say beside it. Raise UserFault where there is none."""
        if not self.lock:
            raise UserFault("This build has no lock: nothing was resolved.")
        return self.lock.locked(self.version, portal)

    def record(self, verb, by=None, before=None, after=None):
        """Write an event about this build."""
        record(verb, self, self.workspace, before, after, by, name=f"{self.short_id} of {self.version}")

    @property
    def end_in_words(self):
        """What an event says of how it stands. Who cancelled it is the event's own word."""
        told = {"status": self.status}
        if self.failure and self.status == Status.FAILED:
            told |= {"failure": self.failure, "reason": self.headline}
        return told | ({"supplied_by": self.reused_from.short_id} if self.reused_from_id else {})

    def send(self):
        """Wake a worker once the row can be seen. A broker that is down is no fault: the build is sent again."""
        from .tasks import run_build  # which imports this module

        transaction.on_commit(lambda: run_build.delay(str(self.pk)), robust=True)

    def move_to(self, status, **fields):
        """Change status only if nobody else did first. Return whether we won."""
        now = timezone.now()
        if status == Status.RUNNING:
            fields |= {"started": now, "heard_at": now}
        elif status not in UNFINISHED:
            fields |= {"finished": now}
        fields["status"] = status
        rows = Build.objects.filter(pk=self.pk, status__in=ALLOWED[status])
        try:
            with transaction.atomic():
                won = rows.update(**fields) == 1
        except IntegrityError:
            if status == Status.RUNNING:  # the same is being built already
                return False
            raise
        if won:
            for name, value in fields.items():
                setattr(self, name, value)
        return won

    def finish(self, status, by=None, **fields):
        """End the build and whatever step is open. Return whether we won."""
        with transaction.atomic():
            won = self.move_to(status, **fields)
            if won:
                if status == Status.SUCCEEDED and self.lock:
                    VersionLock.objects.keep(self.version, self.lock, self.asked_by, self.is_refresh)
                # In one statement, so that a step that is being opened just now is closed, too.
                is_open = Q(status=Status.RUNNING)
                self.steps.filter(status__in=UNFINISHED).update(
                    status=Case(When(is_open, then=Value(status)), default=Value(Status.CANCELLED)),
                    ended=Case(When(is_open, then=Value(self.finished))),
                )
                if status == Status.SUCCEEDED:
                    build_succeeded.send(Build, build=self)
                self.record(Verb.CANCELLED if status == Status.CANCELLED else Verb.ENDED, by, after=self.end_in_words)
                telling.build_ended(self, by)
                transaction.on_commit(self._hand_on, robust=True)
        return won

    def fail(self, failure, reason, line=None, quote="", chain=()):
        reason, quote, *chain = (text.replace("\0", "␀")[:LONGEST_REASON] for text in (reason, quote, *chain))
        fields = {"failure": failure, "reason": reason, "reason_line": line, "quote": quote, "chain": chain}
        return self.finish(Status.FAILED, **fields)

    def cancel(self, by):
        """Return whether it was still to be cancelled. A worker notices at its next beat; a twin builds on or begins."""
        return self.finish(Status.CANCELLED, by, failure=Failure.CANCELLED, reason=f"Cancelled by {by}.")

    @property
    def too_late(self):
        """Why a build that has ended is not cancelled, as a sentence."""
        how = self.reason if self.status == Status.CANCELLED else f"{self.status}."
        return f"This build has ended already: {how[:1].lower()}{how[1:]}"

    def hear(self):
        """Say that somebody works on it. Return whether it is still to be worked on."""
        return Build.objects.running().filter(pk=self.pk).update(heard_at=timezone.now()) == 1

    def use(self):
        """Say that its files are used in this moment, by which a clean-up lets them be. Return whether they are there.

        Who goes on to use them does this first.
        """
        return Build.objects.good().filter(pk=self.pk).update(last_used=timezone.now()) == 1

    def reuse(self, supplier):
        """Take over what another build of the same image key made."""
        self.status, self.finished = Status.SUCCEEDED, timezone.now()
        self.reused_from, self.lock, self.prefix = supplier, supplier.lock, ""

    def find_supplier(self):
        """The build that made what this one is asked for, or None."""
        if self.asked_lock:
            found = Build.objects.with_lock(self.reuse_key, self.asked_lock)
        else:
            found = Build.objects.supplier_of(self.reuse_key)
        return found if found and self._is_served_by(found) else None

    def _is_served_by(self, supplier):
        """Who asked to build or to look anew gets only what was begun since then, and did the same."""
        rules = Rule.objects.rules(self.workspace)
        if rules.refuses and (self.version.refusals(rules) or lock_policy.refusals(supplier.lock.values(), rules)):
            return False  # it may have been made under other rules, or in another workspace
        looks = self.is_refresh and not self.asked_lock
        if looks and not (supplier.is_refresh and not supplier.asked_lock_id):
            return False
        return not (looks or self.is_rebuild) or supplier.started >= self.created

    def take_supplier(self):
        """The same, marked as used in this moment: a clean-up that had chosen it lets it be. Part of a transaction."""
        while supplier := self.find_supplier():
            if supplier.use():
                return supplier
        return None

    def finish_from_twin(self):
        """End with what a good build of the same image key made, if that is asked for. Return whether it did."""
        with transaction.atomic():
            won = self.end_with_supplier()
            if won:
                transaction.on_commit(self._hand_on, robust=True)
        return won

    def end_with_supplier(self):
        """The same, without a word to those that wait for it."""
        with transaction.atomic():
            supplier = self.take_supplier()
            return bool(supplier) and self.end_with(supplier)

    def finish_as_moved_nothing(self):
        """End with the build that installed the very lock that this one resolved to, if there is one."""
        with transaction.atomic():
            supplier = Build.objects.with_lock(self.reuse_key, self.lock)
            won = bool(supplier) and supplier.use() and self.end_with(supplier)
            if won:
                transaction.on_commit(self._hand_on, robust=True)
        return won

    def end_with(self, twin):
        """End as a build of the same image key ended, without having been built. Return whether we won."""
        fields = {"reused_from": twin}
        names = ["lock"] if twin.status == Status.SUCCEEDED else ["failure", "reason", "quote", "chain"]
        fields |= {name: getattr(twin, name) for name in names}
        with transaction.atomic():
            won = self.move_to(twin.status, **fields)
            if won:
                self.steps.filter(started=None).delete()
                self.record(Verb.ENDED, after=self.end_in_words)
                telling.build_ended(self)
            if won and twin.status == Status.SUCCEEDED:
                VersionLock.objects.keep(self.version, self.lock, self.asked_by, self.is_refresh)
                build_succeeded.send(Build, build=self)
        return won

    def is_answered_by(self, twin):
        """Whether the end of this build of the same image key, begun or not, is good enough for this one."""
        if (self.is_refresh, self.asked_lock_id) != (twin.is_refresh, twin.asked_lock_id):
            return False
        is_late = twin.started and twin.started < self.created
        return not (is_late and (self.is_rebuild or (self.is_refresh and not self.asked_lock_id)))

    def _hand_on(self):
        from . import schedule  # which imports this module

        schedule.hand_on(self)
