import re

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from events.models import Verb
from events.record import record

from . import definition as definitions
from . import lint, names, version_files
from .declared import Declared
from .drafts import Draft
from .faults import DefinitionFault, Refused, UserFault
from .formats import conda_file
from .interpreters import Interpreter  # noqa: F401, one of ours
from .invitations import Invitation  # noqa: F401, one of ours
from .label_models import Archived, Label, Shown, Tag  # noqa: F401
from .label_names import LATEST, REFERENCE
from .notice_models import Choice, Delivery, Hook, Notice  # noqa: F401
from .people_models import LastOwner, Membership, Role, Workspace, active_user  # noqa: F401, ours, and asked for here
from .portal_roles import PortalRole  # noqa: F401
from .rule_models import Rule
from .sessions import Session  # noqa: F401
from .shelf_models import BY_USE, Curation, Stage, refuse_what_one_workspace_has
from .tags import as_texts
from .texts import digest_of
from .token_models import Token  # noqa: F401
from .wheels import PrivateWheel  # noqa: F401
from .workspace_secrets import Secret  # noqa: F401

DETAILS = ("tag_rows", "labels__version")  # of an environment, as the API shows it
# What another moment makes untrue is not kept with a version, which never changes.
OF_THE_MOMENT = ("secret-named", "secret-missing")


def _build_fields(versions):
    """Annotations from the first of `versions`' builds, reached through the relation: builds import us, not we them."""
    return {
        f"build_{name}": models.Subquery(versions.values(f"builds__{source}")[:1])
        for name, source in (("id", "pk"), ("status", "status"), ("reused", "reused_from"))
    }


class EnvironmentQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def seen_in(self, workspace):
        """What a workspace has, and the curated environments, which every workspace has unless its own has the name."""
        own = Environment.objects.filter(workspace=workspace).order_by().values("name")
        on_shelf = Q(workspace__is_shelf=True) & ~Q(name__in=own)
        return self.filter(Q(workspace=workspace) | on_shelf)

    def on_shelf(self):
        """The curated environments, those that are current first."""
        order = models.Case(*(models.When(curation__stage=stage, then=n) for n, stage in enumerate(BY_USE)))
        found = self.curated().filter(curation__isnull=False).prefetch_related("tag_rows")
        return found.select_related("workspace", "curation__successor__workspace").order_by(order, "name")

    def curated(self, is_curated=True):
        return self.filter(workspace__is_shelf=is_curated)

    def made_from(self, environment):
        """Those of teams whose latest version was made from one of the versions of a curated environment."""
        return self.curated(False).filter(
            versions__number=models.F("latest_number"), versions__origin__environment=environment
        )

    def search(self, text):
        """Every word must stand in the name or the description."""
        for word in text.split():
            self = self.filter(Q(name__icontains=word) | Q(description__icontains=word))
        return self

    def shown(self, which):
        """Those that a list shows: see Shown."""
        return self if which == Shown.ALL else self.filter(archived_at__isnull=which == Shown.ACTIVE)

    def with_details(self):
        """With the tags and labels of each."""
        return self.prefetch_related(*DETAILS)

    def tagged(self, text):
        """Those with a tag, written as `key` or `key=value`."""
        key, mark, value = (part.strip() for part in text.partition("="))
        return self.filter(
            pk__in=Tag.objects.filter(key=key, **({"value": value} if mark else {})).values("environment")
        )

    def tag_values(self, key):
        """The values that they give to this tag, sorted."""
        return sorted(
            filter(None, set(Tag.objects.filter(environment__in=self, key=key).values_list("value", flat=True)))
        )

    def with_last_build(self):
        """Annotate id, status and supplier of the build that was asked for last."""
        last = Version.objects.filter(environment=models.OuterRef("pk"), builds__isnull=False)
        return self.annotate(**_build_fields(last.order_by("-builds__created")))


class Environment(models.Model):
    """A name in a workspace, with numbered versions."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="environments")
    name = models.CharField(max_length=names.LONGEST)
    description = models.TextField(blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    changed = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    last_number = models.PositiveIntegerField(default=0, editable=False, help_text="the last that was given out")
    latest_number = models.PositiveIntegerField(default=0, editable=False, help_text="what `latest` points at")
    archived_at = models.DateTimeField(null=True, editable=False)
    archived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )

    objects = EnvironmentQuerySet.as_manager()
    used_in = None  # of a curated one the workspace under whose name it was asked for

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="environment_name_once")]
        indexes = [models.Index(fields=["workspace", "-changed"], name="environment_by_change")]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("environment", args=[(self.used_in or self.workspace).name, self.name])

    @property
    def is_curated(self):
        return self.workspace.is_shelf

    def begin_life(self):
        """Have the part that only a curated environment has. Return it; it is a preview at first."""
        facts = {"since": Curation.begun(), "is_edited": True}  # a file that comes later does not pass over it
        curation, _ = Curation.objects.get_or_create(environment=self, defaults=facts)
        return curation

    def register(self, definition, by, message="", source="", origin=None):
        """Return (version, whether it is new). An identical definition returns the version that is there.

        `origin` is the version of a curated environment that it was made from, if it was.

        `source` is the conda file as somebody wrote it, with its comments; given one, another comment is another
        version. Raise DefinitionFault when the policy of this workspace refuses it, or it names a private wheel that is
        not here. The row of the environment is locked while the number is taken, so that numbers have no gap.
        """
        is_written = bool(source)
        if source == conda_file.write(definition.conda_section):
            source = ""  # it says nothing that the document does not say
        source_digest = digest_of(source) if source else ""
        if refused := lint.refusals(definition, Rule.objects.rules(self.workspace)):
            raise DefinitionFault(refused)
        if self.is_curated:
            refuse_what_one_workspace_has(definition)
        if origin:
            origin.refuse_new_copies(self)
        with transaction.atomic():
            environment = self.lock()
            if origin:
                origin.hold()
            same = environment.versions.filter(identity=definition.identity).order_by("-number")
            if is_written:
                same = same.filter(source_digest=source_digest)
            if same:
                return same[0], False
            wheels = self.workspace.wheels.named_in(definition)
            environment.last_number += 1
            environment.latest_number = environment.last_number
            environment.changed = timezone.now()
            environment.save(update_fields=["last_number", "latest_number", "changed"])
            self.last_number = self.latest_number = environment.last_number
            self.changed = environment.changed
            version = self.versions.create(
                number=environment.last_number,
                document=definition.document,
                source=source,
                source_digest=source_digest,
                identity=definition.identity,
                image_key=definition.image_key,
                findings=[finding.as_dict() for finding in definition.findings if finding.code not in OF_THE_MOMENT],
                author=by,
                message=message,
                origin=origin,
            )
            version.wheels.add(*wheels)
            Declared.objects.write(version)
            before = {"number": version.number - 1} if version.number > 1 else None
            after = {"number": version.number, "image_key": version.image_key, "identity": version.identity}
            after |= {"message": message} | ({"origin": origin.curated_name} if origin else {})
            record(Verb.REGISTERED, version, self.workspace, before, after, by=by)
            return version, True

    def with_details(self):
        """The same, with its tags and labels fetched."""
        models.prefetch_related_objects([self], *DETAILS)
        return self

    def lock(self):
        """Return the row as it is now. Until the transaction ends nobody registers, archives, labels or deletes here."""
        return Environment.objects.select_for_update().get(pk=self.pk)

    @property
    def is_archived(self):
        return self.archived_at is not None

    @property
    def latest(self):
        """What the label `latest` points at: the newest version that is not archived, or else the newest."""
        return (
            self.versions.called(LATEST).select_related("author", "archived", "origin__environment__workspace").first()
        )

    def listed_versions(self, which):
        """The versions that a list shows. All are archived with the environment, and then hidden with it."""
        which = Shown.ALL if self.is_archived and which == Shown.ACTIVE else which
        return self.versions.shown(which).select_related("author", "archived")

    def named(self, reference):
        """The version with this number or label, both as text, or None."""
        found = self.versions.called(reference) if re.fullmatch(REFERENCE, reference) else self.versions.none()
        return found.first()

    def number_before(self, reference):
        """The number of the version before the one that is named so; 1 where there is none, or no version is named."""
        is_reference = re.fullmatch(REFERENCE, reference)
        named = self.versions.called(reference).values("number")[:1] if is_reference else 1
        before = self.versions.filter(number__lt=named).order_by("-number")
        return before.values_list("number", flat=True).first() or 1

    @property
    def tags(self):
        return {tag.key: tag.value for tag in self.tag_rows.all()}

    def settle_latest(self):
        """Find what `latest` points at after versions came, went or were archived. Under the lock of the row."""
        newest = self.versions.order_by("-number").values_list("number", flat=True)
        number = newest.shown(Shown.ACTIVE).first() or newest.first() or 0
        if number != self.latest_number:
            self.latest_number = number
            self.save(update_fields=["latest_number"])

    def replace_tags(self, tags):
        """Have these tags, a dict, and no other."""
        self.tag_rows.all().delete()
        Tag.objects.bulk_create(Tag(environment=self, key=key, value=value) for key, value in tags.items())

    def describe(self, by, description=None, tags=None):
        """Change the description, the tags or both; tags are a dict that takes the place of all that are there."""
        with transaction.atomic():
            environment = self.lock()
            before = {"description": environment.description, "tags": as_texts(environment.tags)}
            after = dict(before)
            if description is not None:
                after["description"] = environment.description = self.description = description
            if tags is not None and tags != environment.tags:
                after["tags"] = as_texts(tags)
                environment.replace_tags(tags)
            if after != before:
                environment.save(update_fields=["description"])
                changed = [name for name in after if after[name] != before[name]]
                was, now = ({name: values[name] for name in changed} for values in (before, after))
                record(Verb.CHANGED, self, self.workspace, was, now, by=by)
                Curation.objects.filter(environment=self).update(is_edited=True)  # its file passes over this no more


class VersionQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(environment__workspace__in=Workspace.objects.visible_to(user))

    def called(self, reference):
        """Those with this number or label, of one environment at most one."""
        if reference == LATEST:
            return self.filter(number=F("environment__latest_number"))
        if isinstance(reference, str) and not reference.isdecimal():
            return self.filter(labels__name=reference)
        return self.filter(number=reference)

    def shown(self, which):
        """Those of one environment that a list shows: see Shown. Archived by themselves, that is."""
        return self if which == Shown.ALL else self.filter(archived__isnull=which == Shown.ACTIVE)

    def with_users(self):
        """What a line about a copy says: workspace and its owners, origin, how often it ran and when last."""
        owners = Membership.objects.owners().select_related("user").order_by("user__username")
        rows = self.select_related("environment__workspace", "origin__environment")
        rows = rows.prefetch_related(models.Prefetch("environment__workspace__memberships", owners, to_attr="owners"))
        return rows.annotate(run_count=models.Count("runs"), last_run=models.Max("runs__started"))

    def tag_values(self, key):
        """The values that they give to this tag, sorted."""
        return sorted(
            filter(None, set(Tag.objects.filter(environment__in=self, key=key).values_list("value", flat=True)))
        )

    def with_last_build(self):
        """Annotate id, status and supplier of the build of each that was asked for last."""
        last = Version.objects.filter(pk=models.OuterRef("pk"), builds__isnull=False).order_by("-builds__created")
        return self.annotate(**_build_fields(last))

    def curated_named(self, text):
        """The version of a curated environment that is named so: AzureML-Minimal/3, or by a label. Raise UserFault."""
        name, _, reference = text.partition("/")
        found = self.filter(environment__workspace__is_shelf=True, environment__name=name)
        if re.fullmatch(REFERENCE, reference):
            found = found.select_related("environment__workspace", "environment__curation")
            if version := found.called(reference).first():
                return version
        raise UserFault(f"There is no curated environment {text[:80]}. Write AzureML-Minimal/3.", "origin")

    def update(self, **fields):
        raise TypeError("A version never changes; register a new one.")


class Version(models.Model):
    """One immutable definition of an environment. The database refuses to change the row, too."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    source = models.TextField(blank=True, help_text="the conda file as it was written, if a person wrote one")
    source_digest = models.CharField(max_length=64, blank=True)
    identity = models.CharField(max_length=64)
    image_key = models.CharField(max_length=48, db_index=True)
    findings = models.JSONField(default=list)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    message = models.TextField(blank=True)
    origin = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        related_name="copies",
        help_text="the version of a curated environment that it was made from",
    )
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = VersionQuerySet.as_manager()
    used_in = None  # of a curated one the workspace under whose name it was asked for

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "number"], name="version_number_once"),
            models.UniqueConstraint(fields=["environment", "identity", "source_digest"], name="definition_once"),
        ]

    def __str__(self):
        return f"{self.environment} {self.number}"

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise TypeError("A version never changes; register a new one.")
        super().save(*args, **kwargs)

    def get_absolute_url(self):
        return reverse("version", args=[self.place.name, self.environment.name, self.number])

    @property
    def workspace(self):
        return self.environment.workspace

    @property
    def place(self):
        """The workspace whose rules hold for who asks for it."""
        return self.used_in or self.workspace

    @property
    def reference(self):
        """How an address names it: team/science/3."""
        return f"{self.workspace.name}/{self.environment.name}/{self.number}"

    def hold(self):
        """Until the transaction ends nobody deletes it. Raise Refused where somebody just did."""
        if not list(Version.objects.select_for_update(no_key=True).filter(pk=self.pk).values_list("pk")):
            raise Refused(f"Version {self.number} of {self.environment} was deleted meanwhile.")

    @property
    def curated_name(self):
        """How a copy names it as its origin: AzureML-Minimal/3."""
        return f"{self.environment.name}/{self.number}"

    def refuse_new_copies(self, environment):
        """Raise UserFault where this curated version is archived; what was made from it before goes on."""
        curation = self.environment.curation
        if curation.stage != Stage.ARCHIVED or environment.versions.filter(origin__environment=self.environment_id):
            return
        then = f" {curation.successor} comes after it." if curation.successor else ""
        raise UserFault(f"{self.environment} is archived: nothing new is made from it.{then}", "origin")

    @property
    def origin_for_next(self):
        """What a version that is made from this one was made from."""
        return self if self.environment.is_curated else self.origin

    @cached_property
    def number_before(self):
        """The number of the version before; None of the first."""
        before = Version.objects.filter(environment=self.environment_id, number__lt=self.number).order_by("-number")
        return before.values_list("number", flat=True).first()

    @property
    def is_archived(self):
        """By itself, or with its whole environment."""
        return self.environment.is_archived or hasattr(self, "archived")

    @cached_property
    def definition(self):
        return definitions.read_stored(self.document)

    @cached_property
    def reuse_key(self):
        """The same where one build may supply what another asks for: one image key, and with secrets one workspace."""
        # What was fetched with somebody's credentials is not for others, though they name theirs alike.
        return f"{self.image_key} {self.environment.workspace_id}" if self.definition.secrets else self.image_key

    def refusals(self, rules=None):
        """What the rules that hold here now refuse in it, each finding at its line of the conda file."""
        rules = rules or Rule.objects.rules(self.place)
        if not rules.refuses:
            return []
        return [each for each in self._examined(rules) if lint.is_refusal(each)]

    @property
    def outdated(self):
        """What is said by now of base images that are deprecated."""
        if not (self.definition.docker.get("baseImage") or self.definition.docker.get("baseDockerfile")):
            return []
        return [each for each in self._examined(Rule.objects.rules(self.place)) if each.code == "image-deprecated"]

    def _examined(self, rules):
        return Draft.of(self.document, self.source or None).examine(rules).findings

    @property
    def secrets(self):
        """{name: whether the workspace has it} of those that the definition names."""
        wanted = self.definition.secrets
        there = set(self.workspace.secrets.filter(name__in=wanted).values_list("name", flat=True)) if wanted else ()
        return {name: name in there for name in wanted}

    @property
    def conda(self):
        """The conda part as text: what a person wrote, or written from the document."""
        return self.source or conda_file.write(self.definition.conda_section)

    def as_file(self, file):
        """Return (content, content type) of one of `version_files.FILES`. Raise UserFault where there is none."""
        return version_files.render(file, self.definition, self.source, self.environment.name, self.number)

    @property
    def files(self):
        """{name: words} of the files that it can be downloaded as."""
        return version_files.available(self.definition, self.source)

    @property
    def locked(self):
        """{(manager, name): version} of what its last good build installed; empty when there is none."""
        packages = self.builds.filter(status="succeeded", lock__isnull=False).order_by("-created")
        rows = packages.values_list("lock", flat=True)[:1]
        found = self.builds.filter(lock__in=list(rows)).values_list(
            "lock__packages__manager", "lock__packages__name", "lock__packages__version"
        )
        return {(manager, name): version for manager, name, version in found if name}
