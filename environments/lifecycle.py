"""Archiving, restoring and deleting environments and versions: what may be done when, and why not otherwise.

What is archived is hidden from lists and works as before. An environment is archived as a whole, with the versions
that it has and will get; then no version is restored alone. Only what nothing used is deleted.
docs/environments.md shows this as a table.
"""

from django.db import transaction
from django.db.models import PROTECT, RESTRICT
from django.utils import timezone

from events.models import Verb
from events.record import record

from .faults import Refused
from .label_models import Archived
from .models import Environment, Version


class Users:
    """Records of one kind that need a version."""

    def __init__(self, model, count):
        self.kind, self.count = model._meta.model_name, count
        one, many = getattr(model, "IN_WORDS", (model._meta.verbose_name, model._meta.verbose_name_plural))
        self.words = f"{count:,} {one if count == 1 else many}"


def archive(thing, by):
    """Archive an environment or a version."""
    with transaction.atomic():
        environment, thing = _now(thing)
        if reason := why_not_archived(thing):
            raise Refused(reason)
        if isinstance(thing, Version):
            Archived.objects.create(version=thing, by=by)
            environment.settle_latest()
        else:
            environment.archived_at, environment.archived_by = timezone.now(), by
            environment.save(update_fields=["archived_at", "archived_by"])
        record(Verb.ARCHIVED, thing, environment.workspace, by=by)


def restore(thing, by):
    """Restore an environment with every version of it, or one version."""
    with transaction.atomic():
        environment, thing = _now(thing)
        if reason := why_not_restored(thing):
            raise Refused(reason)
        if isinstance(thing, Version):
            thing.archived.delete()
        else:
            Archived.objects.filter(version__environment=environment).delete()
            environment.archived_at = environment.archived_by = None
            environment.save(update_fields=["archived_at", "archived_by"])
        environment.settle_latest()
        record(Verb.RESTORED, thing, environment.workspace, by=by)


def delete(thing, by):
    """Delete an environment with every version of it, or one version. Its number is not given out again."""
    with transaction.atomic():
        environment, thing = _now(thing)
        if thing is environment:  # whoever is just coming to name one of its versions holds that row: see Version.hold
            list(environment.versions.select_for_update().values_list("pk"))
        if reason := why_it_stays(thing):
            raise Refused(reason)
        record(Verb.DELETED, thing, environment.workspace, before=_told(thing), by=by)
        thing.delete()
        if isinstance(thing, Version):
            environment.settle_latest()


def why_not_archived(thing):
    """Why it cannot be archived, as a sentence; empty when it can."""
    if isinstance(thing, Version) and thing.environment.is_archived:
        return f"{thing.environment} is archived as a whole, and this version with it."
    if _has_a_lifecycle(thing):
        return f"{thing} is curated: its lifecycle says when it is archived."
    return f"{_name(thing)} is archived already." if thing.is_archived else ""


def why_not_restored(thing):
    """Why it cannot be restored, as a sentence; empty when it can."""
    if isinstance(thing, Version) and thing.environment.is_archived:
        return f"{thing.environment} is archived as a whole. Restore the environment: every version comes back with it."
    if _has_a_lifecycle(thing):
        return f"{thing} is curated: it is restored by another step of its lifecycle."
    return "" if thing.is_archived else f"{_name(thing)} is not archived."


def _has_a_lifecycle(thing):
    """Whether it is a curated environment, which `Curation.change` archives and restores."""
    return isinstance(thing, Environment) and thing.is_curated


def why_it_stays(thing, users=None):
    """Why it is not deleted, as a sentence that counts what used it; empty when nothing did."""
    found = users_of(thing) if users is None else users
    if not found:
        return ""
    *words, last = [each.words for each in found]
    named_by = (
        f"{', '.join(words)} and {last} name" if words else f"{last} {'names' if found[0].count == 1 else 'name'}"
    )
    return f"{_name(thing)} stays: {named_by} it. Archived, it is hidden from lists, and all of these go on working."


def users_of(thing):
    """[Users] of an environment or version: whatever the database would not let go without.

    A model whose rows go with a version can still say which of them hold it: `holding(versions)` of its manager.
    """
    is_version = isinstance(thing, Version)
    versions = Version.objects.filter(pk=thing.pk) if is_version else thing.versions.all()
    found = []
    for relation in Version._meta.related_objects:
        model = relation.related_model
        if not is_version and model._meta.model_name == "label":  # which goes with its environment
            continue
        if hasattr(model._default_manager, "holding"):
            rows = model._default_manager.holding(versions)
        elif relation.on_delete in (PROTECT, RESTRICT):
            rows = model._default_manager.filter(**{f"{relation.field.name}__in": versions})
        else:
            continue
        if count := rows.count():
            found.append(Users(model, count))
    return found


def _now(thing):
    """(environment, thing) as they are in the database, under the lock of the environment. Gone is a fault, too."""
    workspace = thing.workspace
    environment = Environment.objects.select_for_update().filter(pk=_environment_of(thing)).first()
    row = environment
    if environment and isinstance(thing, Version):
        row = (
            environment.versions.select_for_update(of=("self",)).select_related("archived").filter(pk=thing.pk).first()
        )
    if not row:
        raise Refused(f"{_name(thing)} was deleted meanwhile.")
    environment.workspace = workspace
    if row is not environment:
        row.environment = environment
    return environment, row


def _environment_of(thing):
    return thing.environment_id if isinstance(thing, Version) else thing.pk


def _name(thing):
    return f"Version {thing.number} of {thing.environment}" if isinstance(thing, Version) else str(thing)


def _told(thing):
    if isinstance(thing, Version):
        return {name: getattr(thing, name) for name in ("number", "image_key", "identity", "message")}
    return {"description": thing.description, "versions": thing.versions.count()}
