"""Take the files of the shelf into the database. Calling it again changes nothing that the files did not."""

from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from events import actor
from events.models import Verb
from events.record import record

from . import shelf_files
from .faults import UserFault
from .models import Curation, Rule, Workspace

PORTAL = "envportal"  # who registers what comes from files; nobody signs in by this name


@dataclass(frozen=True)
class Outcome:
    """What was done with the files of one curated environment, in words; `is_fault` where they were not taken."""

    name: str
    words: str
    is_fault: bool = False


def portal_person():
    """The person in whose name the portal itself registers and builds."""
    person, is_new = get_user_model().objects.get_or_create(username=PORTAL, defaults={"is_active": False})
    if is_new:
        person.set_unusable_password()
        person.save(update_fields=["password"])
    return person


def load(folder=shelf_files.SHIPPED, overwrite=()):
    """Load all of a folder, and yield the Outcomes. What curators changed since stays, but for the names in `overwrite`.

    Raise ShelfFault where there is no folder.
    """
    files, faults = shelf_files.read(folder, Rule.objects.policy())
    yield from (Outcome("", fault.message, is_fault=True) for fault in faults)
    place = "" if folder == shelf_files.SHIPPED else str(folder.resolve())
    with actor.as_portal("loadshelf"):
        for shelved in files.values():
            yield from _guarded(_take_definition, shelved, shelved.name in overwrite, place)
        for shelved in files.values():
            yield from _guarded(_take_about, shelved, shelved.name in overwrite)
        yield from _note_what_is_gone(folder, place)


def _note_what_is_gone(folder, place):
    """Say of which environments from this folder the files are not there any more. Curators decide what becomes of them."""
    there = {each.name for each in folder.iterdir() if each.is_dir()}
    known = Curation.objects.from_files(place)
    known.filter(environment__name__in=there, file_gone__isnull=False).update(file_gone=None)
    gone = known.exclude(environment__name__in=there)
    gone.filter(file_gone=None).update(file_gone=timezone.localdate())
    words = "its folder is gone, and it stays as it is: curators archive it or keep it as their own"
    for name in gone.kept_up().order_by("environment__name").values_list("environment__name", flat=True):
        yield Outcome(name, words, is_fault=True)


def _guarded(take, shelved, *more):
    """One that cannot be taken keeps no other from it."""
    try:
        with transaction.atomic():
            outcome = take(shelved, *more)
    except UserFault as fault:
        outcome = Outcome(shelved.name, fault.message, is_fault=True)
    if outcome:
        yield outcome


def _curation_of(shelved):
    """The Curation of its environment, locked. Both are made where they are not there."""
    shelf, person = Workspace.objects.shelf(), portal_person()
    environment = shelf.environments.filter(name=shelved.name).first()
    if not environment:
        shelf.check_name(shelved.name)
        facts = {"created_by": person, "description": shelved.description}
        environment, _ = shelf.environments.get_or_create(name=shelved.name, defaults=facts)
        record(Verb.MADE, environment, shelf, after={"description": shelved.description})
    Curation.objects.get_or_create(environment=environment)
    return Curation.objects.select_for_update(of=("self",)).with_subject().get(environment=environment)


def _take_definition(shelved, is_overwriting, place):
    curation, digest = _curation_of(shelved), shelved.definition_digest
    environment, latest = curation.environment, curation.environment.latest
    if digest == curation.file_definition and curation.file_number and not is_overwriting:
        return Outcome(shelved.name, f"version {curation.file_number} as before")
    is_same = latest and latest.identity == shelved.definition.identity
    if latest and latest.number != curation.file_number and not is_same and not is_overwriting:
        words = f"its file changed, and so did curators: version {latest.number} stays the latest"
        return Outcome(shelved.name, words, is_fault=True)
    message = shelved.message or "From the files of the shelf"
    version, is_new = environment.register(shelved.definition, portal_person(), message, shelved.conda)
    # Where the file says again what an older version says, the number is that of the latest: nobody passed over it.
    curation.file_definition, curation.file_number = digest, environment.latest_number
    curation.file_folder, curation.file_gone = place, None
    curation.save(update_fields=["file_definition", "file_number", "file_folder", "file_gone"])
    if version.number != environment.latest_number:
        words = (
            f"its file says what version {version.number} says; version {environment.latest_number} stays the latest"
        )
        return Outcome(shelved.name, words, is_fault=True)
    return Outcome(shelved.name, f"version {version.number}{'' if is_new else ', which was there'}")


def _take_about(shelved, is_overwriting):
    curation, digest = _curation_of(shelved), shelved.about_digest
    if digest == curation.file_about and not is_overwriting:
        return None
    if curation.is_edited and not is_overwriting:
        return Outcome(
            shelved.name, "its description or lifecycle changed in the file, and curators' own stays", is_fault=True
        )
    successor = None
    if shelved.successor:
        successor = Workspace.objects.shelf().environments.filter(name=shelved.successor).first()
        if not successor:
            raise UserFault(f"There is no {shelved.successor} to succeed it.")
    is_first = not curation.file_about
    curation.change(
        file_about=digest,
        is_edited=False,
        description=shelved.description,
        tags=shelved.tags,
        stage=shelved.stage,
        ends=shelved.ends,
        reason=shelved.reason,
        successor=successor,
    )
    return None if is_first else Outcome(shelved.name, f"{curation.stage}, as its file says")
