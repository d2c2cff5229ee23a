"""Roles on the whole portal, and what a person is when a token of one workspace acts for them.

An administrator is Django's superuser. Curators and auditors have a row here, which comes with the person when a
session or a token is read (`with_roles`), so that nobody asks for it again.
"""

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone


class PortalRoleQuerySet(models.QuerySet):
    def mapped(self):
        """Those that groups of the identity provider gave, and that go with the group."""
        return self.filter(is_mapped=True)


class PortalRole(models.Model):
    """What a person is on the whole portal."""

    class Kind(models.TextChoices):
        ADMINISTRATOR = "administrator", "Administrator"
        CURATOR = "curator", "Curator"
        AUDITOR = "auditor", "Auditor"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="portal_roles")
    kind = models.CharField(max_length=20, choices=Kind)
    is_mapped = models.BooleanField(
        "by a group", default=False, editable=False, help_text="given by a group of the identity provider"
    )
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = PortalRoleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "is_mapped"], name="portal_role_once"),
            # By hand somebody becomes an administrator by Django's own mark.
            models.CheckConstraint(
                condition=Q(is_mapped=True) | ~Q(kind="administrator"), name="administrator_only_by_mapping"
            ),
        ]

    def __str__(self):
        return self.get_kind_display().lower()


READ = (PortalRole.Kind.CURATOR, PortalRole.Kind.AUDITOR)


def with_roles(rows, person="pk"):
    """Rows, each with the roles that its person has on the whole portal. `person` leads to the person's id."""
    mine = PortalRole.objects.filter(user=OuterRef(person))
    return rows.annotate(**{f"portal_{kind}": Exists(mine.filter(kind=kind)) for kind in READ})


def hand_on(row, user):
    """Give a person what was read with another row, such as a token."""
    for kind in READ:
        setattr(user, f"portal_{kind}", getattr(row, f"portal_{kind}"))


def has(user, kind):
    """Whether a person has one of the roles `READ`."""
    name = f"portal_{kind}"
    if not hasattr(user, name):  # who came by another way than a session or a token
        setattr(user, name, user.pk is not None and PortalRole.objects.filter(user=user, kind=kind).exists())
    return getattr(user, name)


def curates(user):
    """Curators and administrators look after curated environments."""
    return user.is_superuser or has(user, PortalRole.Kind.CURATOR)


def owns_all(user):
    """Administrators are owners everywhere."""
    return user.is_superuser or getattr(user, "was_superuser", False)


def sees_all(user):
    """Administrators and auditors see every workspace."""
    return owns_all(user) or has(user, PortalRole.Kind.AUDITOR)


def reach_of(user):
    """The id of the only workspace that there is for this person just now; None where nothing narrows them."""
    return getattr(user, "reach", None)


def sees_whole_portal(user):
    return sees_all(user) and reach_of(user) is None


def narrow(user, workspace_id):
    """Make a person one for whom there is this workspace alone, as a token of it shows them."""
    user.reach, user.was_superuser = workspace_id, user.is_superuser
    # Django asks no rule for a superuser. What is not of a workspace is not for this token.
    user.is_superuser = user.is_staff = user.portal_curator = False
    user.save = _never_saved


def _never_saved(*args, **kwargs):
    raise TypeError("A person as a token shows them is not saved: less stands there than they are.")
