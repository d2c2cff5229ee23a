"""A version of an environment: one definition, which never changes."""

import re

from django.conf import settings
from django.db import models
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from . import definition as definitions
from . import lint, version_files
from .drafts import Draft
from .faults import Refused, UserFault
from .formats import conda_file
from .label_models import Shown, Tag
from .label_names import LATEST, REFERENCE
from .people_models import Membership, Workspace
from .rule_models import Rule
from .shelf_models import Stage


def build_fields(versions):
    """Annotations from the first of `versions`' builds, reached through the relation: builds import us, not we them."""
    return {
        f"build_{name}": models.Subquery(versions.values(f"builds__{source}")[:1])
        for name, source in (("id", "pk"), ("status", "status"), ("reused", "reused_from"))
    }


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
        return self.annotate(**build_fields(last))

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

    environment = models.ForeignKey("Environment", models.CASCADE, related_name="versions")
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
