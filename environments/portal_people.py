"""Everybody who has an account here: what they are on the whole portal, and whether they may sign in.

Pages, API and Django's admin come through these verbs. Whoever changes who is an administrator first locks the rows of
all of them, so that of two who would each leave the other one as the last, one is told so.
"""

from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from .faults import UserFault
from .models import PortalRole
from .shelf_loader import PORTAL

Kind = PortalRole.Kind


class LastAdministrator(UserFault):
    """Nobody who can sign in would be an administrator."""

    def __init__(self, user):
        super().__init__(f"{user} is the last administrator. Make somebody else one first.")


class ByGroup(UserFault):
    """What the next sign-in would undo."""

    def __init__(self, user, kind):
        super().__init__(f"A group of the identity provider makes {user} {kind.label.lower()}. It is changed there.")


@dataclass(frozen=True)
class Standing:
    """How somebody has one of the roles: by hand, by a group, by both, or not."""

    kind: Kind
    is_by_hand: bool
    is_by_group: bool

    @property
    def is_there(self):
        return self.is_by_hand or self.is_by_group


def people():
    """Everybody but the one in whose name the portal itself acts, with what `standings` looks at."""
    return get_user_model().objects.exclude(username=PORTAL).prefetch_related("portal_roles").order_by("username")


def new_name(name):
    """Return a name that nobody has, also not in other capitals. Raise ValidationError."""
    if get_user_model().objects.filter(username__iexact=name).exists():
        raise ValidationError(f"There is somebody named {name} already.")
    return name


def add(username, email=""):
    """Make an account that is a member of nothing and has no password yet."""
    user = get_user_model()(username=username, email=email)
    user.set_unusable_password()
    with transaction.atomic():
        user.save(force_insert=True)
    return user


def with_role(users, kind):
    if kind == Kind.ADMINISTRATOR:
        return users.filter(is_superuser=True)
    return users.filter(pk__in=PortalRole.objects.filter(kind=kind).values("user"))


def search(users, text):
    """Those whose name or address has each of these words in it."""
    for word in text.split():
        names = ("username", "first_name", "last_name", "email")
        match = Q()
        for name in names:
            match |= Q(**{f"{name}__icontains": word})
        users = users.filter(match)
    return users


def standings(user):
    """The Standing of each role, in their order."""
    there = {(role.kind, role.is_mapped) for role in user.portal_roles.all()}
    found = [Standing(kind, (kind, False) in there, (kind, True) in there) for kind in Kind]
    is_made = found[0].is_by_group
    return [Standing(Kind.ADMINISTRATOR, user.is_superuser and not is_made, user.is_superuser and is_made), *found[1:]]


def _standing(user, kind):
    return next(each for each in standings(user) if each.kind == kind)


@transaction.atomic
def give(user, kind):
    """Give a role by hand. Raise ByGroup where a group gives it."""
    user, _ = _lock(user)
    standing = _standing(user, kind)
    if standing.is_by_group:
        raise ByGroup(user, kind)
    if standing.is_by_hand:
        return
    if kind == Kind.ADMINISTRATOR:
        _mark(user, True)
    else:
        user.portal_roles.create(kind=kind)


@transaction.atomic
def take(user, kind):
    """Take back what was given by hand. Raise ByGroup for what only a group gives, and LastAdministrator."""
    user, others = _lock(user)
    standing = _standing(user, kind)
    if standing.is_by_group and not standing.is_by_hand:
        raise ByGroup(user, kind)
    if not standing.is_by_hand:
        return
    if kind == Kind.ADMINISTRATOR:
        _keep_an_administrator(user, others)
        _mark(user, False)
    else:
        user.portal_roles.filter(kind=kind, is_mapped=False).delete()


@transaction.atomic
def deactivate(user):
    """From now on they do not sign in; what then ends with it stands in closing.py. Raise LastAdministrator."""
    user, others = _lock(user)
    _keep_an_administrator(user, others)
    if user.is_active:
        user.is_active = False
        user.save(update_fields=["is_active"])


@transaction.atomic
def reactivate(user):
    user, _ = _lock(user)
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active"])


def keep_an_administrator(user):
    """Raise LastAdministrator where nobody would be left without this person. Within a transaction."""
    _keep_an_administrator(*_lock(user))


def _lock(user):
    """Until the transaction ends nobody else changes this person, or who is an administrator.

    Return (the person as they are now, the administrators beside them who can sign in).
    """
    concerned = get_user_model().objects.select_for_update().filter(Q(pk=user.pk) | Q(is_superuser=True))
    there = {each.pk: each for each in concerned.order_by("pk")}
    if user.pk not in there:
        raise UserFault(f"{user} is not here any more.")
    return there.pop(user.pk), [each for each in there.values() if each.is_active]


def _keep_an_administrator(user, others):
    if user.is_superuser and user.is_active and not others:
        raise LastAdministrator(user)


def _mark(user, is_administrator):
    user.is_superuser = user.is_staff = is_administrator
    user.save(update_fields=["is_superuser", "is_staff"])
