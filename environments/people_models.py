"""Workspaces, who is in them, and with which role."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from events.models import Verb
from events.record import record

from . import names, portal_roles
from .faults import UserFault
from .rule_models import Rule
from .tags import as_texts
from .wheels import PrivateWheel
from .workspace_secrets import Secret


class Role(models.IntegerChoices):
    """What a member may do; each role may do what the lower ones may."""

    VIEWER = 1, "Viewer"
    EDITOR = 2, "Editor"
    OWNER = 3, "Owner"


ROLES = {role.label.lower(): role for role in Role}  # by the word that files, the API and settings say


SHELF = "curated"  # the name of the workspace that has the curated environments, unless a team had it first


class LastOwner(UserFault):
    """A workspace would have no owner who can sign in."""

    def __init__(self, user, workspace):
        super().__init__(f"{user} is the last owner of {workspace}. Make somebody else an owner first.", "role")


class WorkspaceQuerySet(models.QuerySet):
    def visible_to(self, user):
        """What a person may look into: the workspaces they are in, and the shelf, which everybody who signs in sees."""
        if not user.is_authenticated:
            return self.none()
        if portal_roles.sees_all(user) and portal_roles.reach_of(user) is None:
            return self
        mine = Workspace.objects.worked_in_by(user)
        return self.filter(Q(pk__in=mine.order_by().values("pk")) | Q(is_shelf=True))

    def worked_in_by(self, user):
        """Administrators and auditors see every workspace, other people those they are members of."""
        teams = self.filter(is_shelf=False)
        found = teams if portal_roles.sees_all(user) else teams.filter(memberships__user=user)
        return found._in_reach_of(user)

    def edited_by(self, user):
        """Those in which a person may register and build."""
        mine = {"memberships__user": user, "memberships__role__gte": Role.EDITOR}
        teams = self.filter(is_shelf=False)
        found = teams if portal_roles.owns_all(user) else teams.filter(**mine)
        return found._in_reach_of(user)

    def owned_by(self, user):
        """Administrators are owners everywhere."""
        mine = {"memberships__user": user, "memberships__role": Role.OWNER}
        found = self if portal_roles.owns_all(user) else self.filter(**mine)
        return found._in_reach_of(user)

    def audited_by(self, user):
        """Those whose events a person may see."""
        return self._in_reach_of(user) if portal_roles.sees_all(user) else self.owned_by(user)

    def _in_reach_of(self, user):
        reach = portal_roles.reach_of(user)
        return self if reach is None else self.filter(pk=reach)

    def with_role_of(self, user):
        mine = Membership.objects.filter(workspace=models.OuterRef("pk"), user=user)
        return self.annotate(my_role=models.Subquery(mine.values("role")[:1]))

    def with_owners(self):
        """Each with its `owners`: the memberships of those who can sign in."""
        owners = Membership.objects.owners().select_related("user").order_by("user__username")
        return self.prefetch_related(models.Prefetch("memberships", owners, to_attr="owners"))

    def only_owned_by(self, *users):
        """Those in which these are owners, and nobody else is one who can sign in."""
        others = Membership.objects.owners().filter(workspace=models.OuterRef("pk")).exclude(user__in=users)
        mine = Membership.objects.owners().filter(workspace=models.OuterRef("pk"), user__in=users)
        return self.filter(models.Exists(mine), ~models.Exists(others))

    def shelf(self):
        """The workspace of the curated environments, made when it is first asked for."""
        there = self.filter(is_shelf=True).first()
        if there:
            return there
        taken = set(self.filter(name__startswith=SHELF).values_list("name", flat=True))
        name = next(name for name in (SHELF, *(f"{SHELF}-{n}" for n in range(2, 10_000))) if name not in taken)
        return self.get_or_create(is_shelf=True, defaults={"name": name})[0]

    def make(self, name, by):
        """Make a workspace whose owner is `by`. Raise UserFault when the name is taken."""
        with transaction.atomic():
            workspace, is_new = self.get_or_create(name=name)
            if not is_new:
                raise UserFault(f"There is a workspace named {name} already.", "name")
            workspace.memberships.create(user=by, role=Role.OWNER)
        return workspace


class Workspace(models.Model):
    """Where a team's environments live."""

    name = models.SlugField(max_length=63, unique=True)
    is_shelf = models.BooleanField(
        default=False, editable=False, help_text="has the curated environments: all see it, curators change it"
    )
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["is_shelf"], condition=Q(is_shelf=True), name="one_shelf")]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("shelf") if self.is_shelf else reverse("environments", args=[self.name])

    # Who is here

    def role_of(self, user):
        """Return the Role of `user` here as a number, 0 for none. Administrators are owners everywhere."""
        if portal_roles.reach_of(user) not in (None, self.pk):
            return 0
        if portal_roles.owns_all(user):
            return Role.OWNER
        if self.is_shelf:
            return Role.EDITOR if portal_roles.has(user, portal_roles.PortalRole.Kind.CURATOR) else 0
        if not hasattr(self, "my_role"):
            self.my_role = self.memberships.filter(user=user).values_list("role", flat=True).first()
        return self.my_role or 0

    def is_seen_by(self, user):
        """Members and administrators see it, and auditors, who have no role here; the shelf everybody who signs in."""
        if self.is_shelf and user.is_authenticated:
            return True
        is_near = portal_roles.reach_of(user) in (None, self.pk)
        return self.role_of(user) > 0 or (is_near and portal_roles.sees_all(user))

    def role_word(self, user):
        """What `user` is here, as a page and the API say it: viewer, editor, owner, or auditor."""
        role = self.role_of(user)
        return Role(role).label.lower() if role else "viewer" if self.is_shelf else "auditor"

    def lock_people(self):
        """Until the transaction ends nobody else changes who is here."""
        Workspace.objects.select_for_update().get(pk=self.pk)

    def set_member(self, user, role):
        """Give a person a role here, whether or not they had one. Return (membership, whether it is new).

        Raise LastOwner when the workspace would have no owner any more.
        """
        self.refuse_people()
        with transaction.atomic():
            self.lock_people()
            member = self.memberships.select_related("user").filter(user=user).first()
            if not member:
                return self.memberships.create(user=user, role=role), True
            if role < member.role:
                self._keep_an_owner(member)
            member.role, member.given = role, None
            member.save(update_fields=["role", "given"])
        return member, False

    def refuse_people(self):
        """Raise UserFault where nobody can be a member."""
        if self.is_shelf:
            raise UserFault("Nobody is a member here: everybody sees curated environments, and curators change them.")

    def remove_member(self, user):
        """Raise LastOwner, or UserFault when there is no such member."""
        with transaction.atomic():
            self.lock_people()
            member = self.memberships.select_related("user").filter(user=user).first()
            if not member:
                raise UserFault(f"{user} is no member of {self}.", "person")
            self._keep_an_owner(member)
            member.delete()

    def _keep_an_owner(self, member):
        # Somebody who cannot sign in looks after nothing, and may go.
        if member.is_owner and not self.memberships.owners().exclude(pk=member.pk).exists():
            raise LastOwner(member.user, self)

    # What is here

    def add_environment(self, name, by, description="", tags=None):
        """Make an environment here. Raise UserFault when the name is taken or may not be given."""
        self.check_name(name)
        with transaction.atomic():
            environment, is_new = self.environments.get_or_create(
                name=name, defaults={"description": description, "created_by": by}
            )
            if not is_new:
                raise UserFault(f"{self} already has an environment named {name}.", "name")
            environment.replace_tags(tags or {})
            told = {"description": description} | ({"tags": as_texts(tags)} if tags else {})
            record(Verb.MADE, environment, self, after=told, by=by)
            if self.is_shelf:
                environment.begin_life()
        return environment

    def check_name(self, name):
        """Raise UserFault unless an environment here may have this name. Of curated ones it tells that they are."""
        names.check(name, Rule.objects.reserved_prefixes(), is_curated=self.is_shelf)
        same = self.environments.model.objects.filter(workspace__is_shelf=True, name__iexact=name)
        if not self.is_shelf and same.exists():
            raise UserFault(f"{name} is the name of a curated environment.", "name")
        if self.is_shelf and (other := same.exclude(name=name).first()):
            raise UserFault(f"{other} is there already, and differs by its capitals alone.", "name")

    def find_environment(self, name):
        """The environment of this name here, or else on the shelf, where every workspace finds it; or None."""
        places = Q(workspace=self.pk) | Q(workspace__is_shelf=True)
        environments = self.environments.model.objects.filter(places, name=name)
        return environments.select_related("workspace", "curation").order_by("workspace__is_shelf").first()

    def add_wheel(self, upload, by):
        """Keep an uploaded wheel. Return (wheel, whether it is new). Raise UserFault when it cannot be one."""
        return PrivateWheel.add(self, upload, by)

    def set_secret(self, name, value, hosts, by):
        """Keep a secret, in place of what had its name. Return (secret, whether it is new). Raise UserFault."""
        return Secret.set(self, name, value, hosts, by)


class MembershipQuerySet(models.QuerySet):
    def owners(self):
        """Owners who can sign in."""
        return self.filter(role=Role.OWNER, user__is_active=True)


class Membership(models.Model):
    """A person in a workspace.

    A group of the identity provider can give more than people did. `role` is what counts; `given` is then what it
    falls back to when the group goes, 0 for no membership. Where `given` is empty, the role is what people gave.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role, default=Role.VIEWER)
    given = models.PositiveSmallIntegerField(null=True, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="member_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_known"),
            models.CheckConstraint(
                condition=Q(given=None) | Q(given__lt=models.F("role")), name="groups_give_more_than_people"
            ),
        ]

    def __str__(self):
        return f"{self.user}, {self.get_role_display().lower()} of {self.workspace}"

    @property
    def is_owner(self):
        """Whether this is an owner who can sign in."""
        return self.role == Role.OWNER and self.user.is_active

    @property
    def is_by_group(self):
        return self.given is not None

    def follow_group(self, role):
        """Have the role that a group gives, or what people gave if that is more. 0 is a group that went.

        What an identity provider takes away is gone, even where it was the last owner: administrators remain.
        """
        by_people = self.role if self.given is None else self.given
        if not max(by_people, role):
            self.delete()
            return
        self.role, self.given = max(by_people, role), by_people if role > by_people else None
        self.save(update_fields=["role", "given"])


def active_user(name):
    """Return the active user of that name. Raise UserFault when there is none."""
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    if not user:
        raise UserFault(f"There is no active user named {name}.", "user")
    return user
