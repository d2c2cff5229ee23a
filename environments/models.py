import re

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from events.models import Verb
from events.record import record

from . import lint, names
from .declared import Declared
from .faults import DefinitionFault
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
from .shelf_models import BY_USE, Curation, Stage, refuse_what_one_workspace_has  # noqa: F401
from .tags import as_texts
from .texts import digest_of
from .token_models import Token  # noqa: F401
from .version_models import Version, build_fields
from .wheels import PrivateWheel  # noqa: F401
from .workspace_secrets import Secret  # noqa: F401

DETAILS = ("tag_rows", "labels__version")  # of an environment, as the API shows it
# What another moment makes untrue is not kept with a version, which never changes.
OF_THE_MOMENT = ("secret-named", "secret-missing")


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
        return self.annotate(**build_fields(last.order_by("-builds__created")))


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
            version = self.versions.create(
                number=self._next_number(environment),
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

    def _next_number(self, environment):
        """Take the next number, of the row that is locked."""
        environment.last_number += 1
        environment.latest_number = environment.last_number
        environment.changed = timezone.now()
        environment.save(update_fields=["last_number", "latest_number", "changed"])
        self.last_number = self.latest_number = environment.last_number
        self.changed = environment.changed
        return environment.last_number

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
