"""Events of what is changed in the administration, by commands, or anywhere else: people, members, tokens, rules.

Verbs of other models record their own events, in their words.
"""

from django.contrib.auth import get_user_model
from django.db.models.signals import post_delete, post_save, pre_save

from events.models import Verb
from events.record import record

from .models import Membership, PortalRole, Role, Rule, Token, Workspace

# What is compared and told of each. Names of persons are not among it: they are the personal part of an event.
FIELDS = {
    Workspace: ("name",),
    Membership: ("role",),
    PortalRole: ("kind", "is_mapped"),
    Token: ("name", "scopes", "expires"),
    Rule: ("kind", "subject", "manager", "constraint", "date", "message", "replacement"),
    get_user_model(): ("username", "email", "password", "is_active", "is_staff", "is_superuser"),
}
# Of these only that they changed is told.
UNTOLD = {"username", "email", "password"}


def connect():
    for model in FIELDS:
        for signal, receiver in ((pre_save, look), (post_save, saved), (post_delete, deleted)):
            signal.connect(receiver, sender=model, dispatch_uid=f"event {receiver.__name__} {model.__name__}")


def look(sender, instance, raw=False, update_fields=None, **kwargs):
    """Keep what stands there before it is changed; None where no field changes that is told."""
    instance.row_before = None
    if raw or instance._state.adding or (update_fields is not None and not set(update_fields) & set(FIELDS[sender])):
        return
    instance.row_before = sender._default_manager.filter(pk=instance.pk).values(*FIELDS[sender]).first()


def saved(sender, instance, created, raw=False, **kwargs):
    after, before = _values(instance), instance.row_before
    if raw or not (created or before):
        return
    if created:
        told = {name: value for name, value in after.items() if name not in UNTOLD}
        _record(Verb.MADE, instance, None, told)
    elif changed := [name for name in after if after[name] != before[name]]:
        was = {name: before[name] for name in changed if name not in UNTOLD}
        told = {name: "another one" if name in UNTOLD else after[name] for name in changed}
        _record(Verb.CHANGED, instance, was, told)


def deleted(sender, instance, **kwargs):
    was = {name: value for name, value in _values(instance).items() if name not in UNTOLD}
    _record(Verb.DELETED, instance, was, None)


def _in_words(values):
    """A role by its name."""
    return values and values | ({"role": Role(values["role"]).label.lower()} if "role" in values else {})


def _values(instance):
    return {name: getattr(instance, name) for name in FIELDS[type(instance)]}


def _record(verb, instance, before, after):
    person = instance if isinstance(instance, get_user_model()) else getattr(instance, "user", None)
    workspace = instance if isinstance(instance, Workspace) else getattr(instance, "workspace", None)
    record(
        verb, instance, workspace, _in_words(before), _in_words(after), about=person.get_username() if person else ""
    )
