"""What makes an environment a curated one: where it is in its life, what comes after it, and which file keeps it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from events.models import Verb
from events.record import event_of, record, record_all

from .faults import UserFault
from .notice_models import Kind
from .notices import Telling, tell_all
from .tags import check

LONGEST_REASON = 1000
RECENTLY = timedelta(days=365)  # who ran in a curated environment within that time uses it


class Stage(models.TextChoices):
    """Where a curated environment is in its life. Curators may also take a step back."""

    PREVIEW = "preview", "Preview"
    CURRENT = "current", "Current"
    DEPRECATED = "deprecated", "Deprecated"
    ARCHIVED = "archived", "Archived"


# What one chooses first.
BY_USE = (Stage.CURRENT, Stage.PREVIEW, Stage.DEPRECATED, Stage.ARCHIVED)


def refuse_what_one_workspace_has(definition):
    """Raise UserFault where a curated environment would work in its own workspace alone."""
    if definition.secrets or definition.wheels:
        raise UserFault(
            "A curated environment names no secrets and no private wheels: other workspaces do not have them.",
            "definition",
        )


@dataclass(frozen=True)
class Runner:
    """A workspace that ran in a curated environment itself, under its own name."""

    workspace: object  # with its owners
    runs: int
    last_run: datetime


@dataclass(frozen=True)
class Concerned:
    """A workspace that an ending concerns, the people to tell, and why, in words."""

    workspace: object
    environment: str
    users: list
    words: str
    link: str

    @classmethod
    def by_copy(cls, curated, copy, users):
        words = f"{curated.name}, which {copy.name} was made from"
        return cls(copy.workspace, copy.name, users, words, copy.get_absolute_url())

    @classmethod
    def by_runs(cls, curated, runner):
        workspace, link = runner.workspace, reverse("environment", args=[runner.workspace.name, curated.name])
        users = [membership.user for membership in workspace.owners]
        return cls(workspace, curated.name, users, f"{curated.name}, which {workspace} runs in", link)


class CurationQuerySet(models.QuerySet):
    def with_subject(self):
        return self.select_related("environment__workspace", "successor__workspace")

    def deprecated(self):
        return self.filter(stage=Stage.DEPRECATED)

    def ending(self):
        """Those that people have to move away from, the first to end first."""
        stages = (Stage.DEPRECATED, Stage.ARCHIVED)
        return self.filter(stage__in=stages).order_by(models.F("ends").asc(nulls_last=True), "environment__name")

    def from_files(self, folder):
        """Those that were read from a folder, by what `file_folder` says of it."""
        return self.filter(file_number__isnull=False, file_folder=folder)

    def without_file(self):
        """Those whose file went, and about which curators have to decide."""
        return self.kept_up().filter(file_gone__isnull=False).order_by("environment__name")

    def kept_up(self):
        """Those that are built and looked after."""
        return self.exclude(stage=Stage.ARCHIVED)

    def tell_users(self, curations, workspaces=None):
        """Give each its `users` and `runners`, in these workspaces or in all.

        Users are the copies whose latest version was made from it.
        """
        from .models import Version  # which imports this module

        curations = list(curations)
        copies = {curation.environment_id: [] for curation in curations}
        latest = Version.objects.filter(number=models.F("environment__latest_number"), origin__environment__in=copies)
        if workspaces is not None:
            latest = latest.filter(environment__workspace__in=workspaces)
        for version in latest.with_users().order_by("environment__workspace__name", "environment__name"):
            copies[version.origin.environment_id].append(version)
        ran = runners([curation.environment for curation in curations], workspaces)
        for curation in curations:
            curation.users = copies[curation.environment_id]
            curation.runners = ran[curation.environment_id]

    def archive_due(self):
        """Archive those whose last day is over. Return them."""
        due = list(self.deprecated().filter(ends__lt=timezone.localdate()).with_subject())
        for curation in due:
            curation.change(stage=Stage.ARCHIVED)
        return due


class Curation(models.Model):
    """The part of an environment that only a curated one has."""

    # What people change, and events tell.
    TOLD = ("stage", "ends", "reason", "successor", "tags", "description")

    environment = models.OneToOneField("environments.Environment", models.CASCADE, related_name="curation")
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.PREVIEW)
    since = models.JSONField(default=dict, help_text="{stage: the day on which it was reached last}")
    ends = models.DateField(null=True, blank=True, help_text="the last day before it is archived")
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)
    successor = models.ForeignKey(
        "environments.Environment", models.SET_NULL, null=True, blank=True, related_name="predecessors"
    )

    # What was read last from its file, so that neither a file nor a curator is passed over.
    file_about = models.CharField(max_length=64, blank=True, editable=False)
    file_definition = models.CharField(max_length=64, blank=True, editable=False)
    file_number = models.PositiveIntegerField(null=True, editable=False, help_text="version that the file gave last")
    file_folder = models.TextField(blank=True, editable=False, help_text="where its file was; empty: what is shipped")
    file_gone = models.DateField(null=True, editable=False, help_text="day since which its file is not there any more")
    is_edited = models.BooleanField(default=False, editable=False, help_text="by a curator since the file was read")

    objects = CurationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(stage=Stage.DEPRECATED) | (Q(ends__isnull=False) & ~Q(reason="")),
                name="deprecated_says_when_and_why",
            ),
            models.CheckConstraint(
                condition=Q(successor=None) | ~Q(successor=models.F("environment")), name="successor_is_another"
            ),
        ]

    def __str__(self):
        return f"{self.environment}, {self.stage}"

    @staticmethod
    def begun():
        return {Stage.PREVIEW.value: timezone.localdate().isoformat()}

    @property
    def description(self):
        return self.environment.description

    @property
    def stages(self):
        """(label, day or None, whether it is there now) of each stage, for a page."""
        days = self.since | ({Stage.ARCHIVED: self.ends.isoformat()} if self.ends else {}) | self._reached
        return [(stage.label, _day(days.get(stage.value)), stage == self.stage) for stage in Stage]

    @property
    def _reached(self):
        return {Stage.ARCHIVED.value: self.since[Stage.ARCHIVED]} if self.stage == Stage.ARCHIVED else {}

    @property
    def is_ending(self):
        return self.stage in (Stage.DEPRECATED, Stage.ARCHIVED)

    @property
    def words(self):
        """What its end means for who uses it, as sentences; empty while it does not end."""
        if not self.is_ending:
            return ""
        when = f"It is archived after {self.ends:%-d %B %Y}." if self.stage == Stage.DEPRECATED else "It is archived."
        return f"{when} {self.reason}".strip()

    def change(self, by=None, **wanted):
        """Change what is told in TOLD, and record it. Raise UserFault, with the field that is wrong.

        Those who use it are told in their workspaces when it begins to end, and when its end becomes another.
        """
        with transaction.atomic():
            self.refresh_from_db(from_queryset=Curation.objects.select_for_update())
            before = self._told()
            self._describe(**{name: wanted.pop(name) for name in ("description", "tags") if name in wanted})
            for name, value in wanted.items():
                setattr(self, name, value)
            self._keep_rules()
            if before["stage"] != self.stage or not self.since:
                self.since |= {str(self.stage): timezone.localdate().isoformat()}
                self._hide(by)
            self.save()
            after = self._told()
            if changed := [name for name in after if after[name] != before[name]]:
                told = [{name: side[name] for name in changed} for side in (before, after)]
                record(Verb.CHANGED, self.environment, self.environment.workspace, *told, by=by)
            if self.is_ending and {"stage", "ends", "successor"} & set(changed):
                self._announce(by)

    def edit(self, by, **wanted):
        """The same by a curator: from then on the file passes over it no more than they pass over the file.

        Where the file is gone, that is their decision about it: it is their own from now on.
        """
        own = {"file_number": None, "file_gone": None} if self.file_gone else {}
        self.change(by, is_edited=True, **own, **wanted)

    def _describe(self, description=None, tags=None):
        if description is not None:
            self.environment.description = description
            self.environment.save(update_fields=["description"])
        if tags is not None:
            self.environment.replace_tags(check(tags))

    def _hide(self, by):
        """Archive the environment with its last stage, and restore it with another."""
        is_over = self.stage == Stage.ARCHIVED
        self.environment.archived_at = timezone.now() if is_over else None
        self.environment.archived_by = by if is_over else None
        self.environment.save(update_fields=["archived_at", "archived_by"])

    def _keep_rules(self):
        if not self.is_ending:
            self.ends, self.reason, self.successor = None, "", None
        if self.stage == Stage.DEPRECATED and not self.ends:
            raise UserFault("Say which day is the last one: people plan by it.", "ends")
        if self.stage == Stage.DEPRECATED and not self.reason.strip():
            raise UserFault("Say why: everybody who uses it reads this.", "reason")
        if self.successor:
            self._check_successor()

    def _check_successor(self):
        if not self.successor.is_curated:
            raise UserFault("A successor is a curated environment.", "successor")
        seen, each = {self.environment_id}, self.successor
        while each:
            if each.pk in seen:
                raise UserFault(f"{self.successor} leads back to {self.environment}.", "successor")
            seen.add(each.pk)
            each = Curation.objects.get(environment=each).successor

    def _told(self):
        told = {name: getattr(self, name) for name in self.TOLD if name != "tags"}
        told["successor"] = self.successor.name if self.successor else ""
        told["ends"] = self.ends.isoformat() if self.ends else ""
        return told | {"stage": str(self.stage), "tags": self.environment.tags}

    def _announce(self, by):
        told = {name: value for name, value in self._told().items() if name in ("stage", "ends", "successor", "reason")}
        concerned = [Concerned.by_copy(self.environment, *found) for found in affected(self.environment)]
        concerned += [
            Concerned.by_runs(self.environment, each) for each in runners([self.environment])[self.environment_id]
        ]
        after = [{"environment": each.environment} | told for each in concerned]
        events = record_all(
            event_of(Verb.ANNOUNCED, self.environment, each.workspace, after=said, by=by)
            for each, said in zip(concerned, after, strict=True)
        )
        tellings = [
            Telling(
                each.users,
                f"{each.words}: {self.words}",
                about=self.environment,
                link=each.link,
                once_key=f"announced {event.pk}",
                workspace=each.workspace,
                text=f"{self.successor.name} comes after it." if self.successor else "",
                data=said,
            )
            for each, said, event in zip(concerned, after, events, strict=True)
        ]
        tell_all(Kind.CURATED, tellings)


def runners(environments, workspaces=None):
    """{id of a curated environment: Runners}, in these workspaces or in all, by three queries."""
    from .models import Version, Workspace  # which import this module

    found = {environment.pk: [] for environment in environments}
    meant = {"runs__started__gt": timezone.now() - RECENTLY}
    if workspaces is not None:
        meant["runs__workspace__in"] = workspaces
    ran = Version.objects.filter(environment__in=found, **meant).order_by()
    rows = ran.values_list("environment", "runs__workspace").annotate(models.Count("runs"), models.Max("runs__started"))
    rows = list(rows)
    there = Workspace.objects.filter(is_shelf=False, pk__in={pk for _, pk, *_ in rows}).with_owners().in_bulk()
    for environment, pk, count, last in sorted(rows, key=lambda row: str(there.get(row[1], ""))):
        if pk in there:
            found[environment].append(Runner(there[pk], count, last))
    return found


def affected(curated):
    """[(environment, its owners)]: whose latest version was made from this curated environment, and whom to tell.

    The owners are those of its workspace who can sign in; where it has none, whoever made the environment.
    """
    memberships = curated.workspace.memberships.model.objects.owners().select_related("user").order_by("user__username")
    copies = type(curated).objects.made_from(curated).select_related("workspace", "created_by")
    owners = models.Prefetch("workspace__memberships", memberships, to_attr="owners")
    found = []
    for environment in copies.prefetch_related(owners).order_by("workspace__name", "name"):
        users = [membership.user for membership in environment.workspace.owners]
        found.append((environment, users or [environment.created_by]))
    return found


def _day(text):
    return text and timezone.datetime.fromisoformat(text).date()
