"""Roles that groups of an identity provider give. They come and go with every sign-in; what people gave stays."""

from django.db import transaction
from django.db.models import Q

from events import actor

from .group_words import read
from .people_models import ROLES, Membership, Workspace
from .portal_roles import PortalRole


def follow(user, groups, pairs):
    """Give a person what their groups give, and take back what groups gave that they are no longer in."""
    mine = [given for given in read(pairs) if given.group in groups]
    wanted = {}
    for given in mine:
        if given.workspace:
            wanted[given.workspace] = max(ROLES[given.role], wanted.get(given.workspace, 0))
    with actor.as_portal("groups of the identity provider"), transaction.atomic():
        _follow_on_the_portal(user, {given.role for given in mine if not given.workspace})
        _follow_in_workspaces(user, wanted)


def _follow_on_the_portal(user, wanted):
    there = {role.kind: role for role in user.portal_roles.mapped()}
    if user.is_superuser and PortalRole.Kind.ADMINISTRATOR not in there:
        wanted = wanted - {PortalRole.Kind.ADMINISTRATOR.value}  # by hand already, and stays so
    for kind in sorted(wanted - set(there)):
        user.portal_roles.create(kind=kind, is_mapped=True)
    for kind in set(there) - wanted:
        there[kind].delete()
    if PortalRole.Kind.ADMINISTRATOR in wanted.symmetric_difference(there):
        user.is_superuser = user.is_staff = PortalRole.Kind.ADMINISTRATOR in wanted
        user.save(update_fields=["is_superuser", "is_staff"])


def _follow_in_workspaces(user, wanted):
    concerned = Q(given__isnull=False) | Q(workspace__name__in=wanted)
    for member in user.memberships.filter(concerned).select_related("workspace"):
        member.follow_group(wanted.pop(member.workspace.name, 0))
    # A workspace that is not there (yet) gives nothing.
    for workspace in Workspace.objects.filter(name__in=wanted):
        Membership.objects.create(workspace=workspace, user=user, role=wanted[workspace.name], given=0)
