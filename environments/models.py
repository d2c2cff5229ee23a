import hashlib
import secrets

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from . import definition as definitions
from . import names
from .conda_specs import python_specifiers
from .faults import UserFault


class Role(models.IntegerChoices):
    """What a member may do; each role may do what the lower ones may."""

    VIEWER = 1, "Viewer"
    EDITOR = 2, "Editor"
    OWNER = 3, "Owner"


class WorkspaceQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Administrators see every workspace, other people those they are members of."""
        return self if user.is_superuser else self.filter(memberships__user=user)

    def with_role_of(self, user):
        mine = Membership.objects.filter(workspace=models.OuterRef("pk"), user=user)
        return self.annotate(my_role=models.Subquery(mine.values("role")[:1]))


class Workspace(models.Model):
    """Where a team's environments live."""

    name = models.SlugField(max_length=63, unique=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("environments", args=[self.name])

    def role_of(self, user):
        """Return the Role of `user` here as a number, 0 for none. Administrators are owners everywhere."""
        if user.is_superuser:
            return Role.OWNER
        if not hasattr(self, "my_role"):
            self.my_role = self.memberships.filter(user=user).values_list("role", flat=True).first()
        return self.my_role or 0

    def add_environment(self, name, by, description=""):
        """Make an environment here. Raise UserFault when the name is taken or may not be given."""
        names.check(name, settings.RESERVED_PREFIXES)
        environment, is_new = self.environments.get_or_create(
            name=name, defaults={"description": description, "created_by": by}
        )
        if not is_new:
            raise UserFault(f"{self} already has an environment named {name}.", "name")
        return environment


class Membership(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role, default=Role.VIEWER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="member_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_known"),
        ]

    def __str__(self):
        return f"{self.user}, {self.get_role_display().lower()} of {self.workspace}"


def _build_fields(versions):
    """Annotations from the first of `versions`' builds, reached through the relation: builds import us, not we them."""
    return {
        f"build_{name}": models.Subquery(versions.values(f"builds__{source}")[:1])
        for name, source in (("id", "pk"), ("status", "status"), ("reused", "reused_from"))
    }


class EnvironmentQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def search(self, text):
        """Every word must stand in the name or the description."""
        for word in text.split():
            self = self.filter(Q(name__icontains=word) | Q(description__icontains=word))
        return self

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
    latest_number = models.PositiveIntegerField(default=0, editable=False)

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="environment_name_once")]
        indexes = [models.Index(fields=["workspace", "-changed"], name="environment_by_change")]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("environment", args=[self.workspace.name, self.name])

    def register(self, definition, by, message=""):
        """Return (version, whether it is new). An identical definition returns the version that is there.

        The row of the environment is locked while the number is taken, so that numbers have no gap.
        """
        with transaction.atomic():
            environment = Environment.objects.select_for_update().get(pk=self.pk)
            same = environment.versions.filter(identity=definition.identity).first()
            if same:
                return same, False
            environment.latest_number += 1
            environment.changed = timezone.now()
            environment.save(update_fields=["latest_number", "changed"])
            self.latest_number, self.changed = environment.latest_number, environment.changed
            return self.versions.create(
                number=environment.latest_number,
                document=definition.document,
                identity=definition.identity,
                image_key=definition.image_key,
                findings=[finding.as_dict() for finding in definition.findings],
                author=by,
                message=message,
            ), True

    @property
    def latest(self):
        return self.versions.select_related("author").order_by("-number").first()


class VersionQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(environment__workspace__in=Workspace.objects.visible_to(user))

    def with_last_build(self):
        """Annotate id, status and supplier of the build of each that was asked for last."""
        last = Version.objects.filter(pk=models.OuterRef("pk"), builds__isnull=False).order_by("-builds__created")
        return self.annotate(**_build_fields(last))

    def update(self, **fields):
        raise TypeError("A version never changes; register a new one.")


class Version(models.Model):
    """One immutable definition of an environment. The database refuses to change the row, too."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    identity = models.CharField(max_length=64)
    image_key = models.CharField(max_length=48, db_index=True)
    findings = models.JSONField(default=list)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    message = models.TextField(blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = VersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "number"], name="version_number_once"),
            models.UniqueConstraint(fields=["environment", "identity"], name="definition_once"),
        ]

    def __str__(self):
        return f"{self.environment} {self.number}"

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise TypeError("A version never changes; register a new one.")
        super().save(*args, **kwargs)

    def get_absolute_url(self):
        return reverse("version", args=[self.workspace.name, self.environment.name, self.number])

    @property
    def workspace(self):
        return self.environment.workspace

    @property
    def definition(self):
        if not hasattr(self, "_definition"):
            self._definition = definitions.read_stored(self.document)
        return self._definition


class InterpreterQuerySet(models.QuerySet):
    def versions(self):
        """The Pythons that builds can use, newest first."""
        found = set(self.values_list("version", flat=True))
        return sorted(found, key=lambda version: [int(part) for part in version.split(".")], reverse=True)

    def matching(self, constraint):
        """The versions that satisfy a conda constraint, newest first."""
        allowed = python_specifiers(constraint)
        return [version for version in self.versions() if any(version in specifiers for specifiers in allowed)]

    def require(self, constraint):
        """Raise UserFault, naming what is there, when no Python satisfies the constraint."""
        there = self.versions()
        if there and not self.matching(constraint):
            raise UserFault(
                f"Python {constraint.lstrip('=')} is not on this portal. There are {', '.join(there)}.", "python"
            )


class Interpreter(models.Model):
    """A Python that a worker has. Workers report theirs when they start and now and then."""

    worker = models.CharField(max_length=255)
    version = models.CharField(max_length=32)
    path = models.TextField()

    objects = InterpreterQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["worker", "version"], name="interpreter_once")]

    def __str__(self):
        return f"{self.version} on {self.worker}"


class Token(models.Model):
    """Lets a script act as a person. Only a hash is kept: the token has 256 random bits, so no salt is needed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self):
        return f"{self.name or 'token'} of {self.user}"

    @staticmethod
    def digest_of(text):
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def issue(cls, user, name=""):
        """Make a token for `user` and return its text, which nobody can read again."""
        text = f"envp_{secrets.token_urlsafe(32)}"
        cls.objects.create(user=user, name=name, digest=cls.digest_of(text))
        return text


def active_user(name):
    """Return the active user of that name. Raise UserFault when there is none."""
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    if not user:
        raise UserFault(f"There is no active user named {name}.", "user")
    return user
