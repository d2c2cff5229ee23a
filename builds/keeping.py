"""What is kept of a build: its files until they are freed, its record until it is deleted. Building anew is here, too.

The row decides: it says that there are no files any more before the first of them goes. The folder of a prefix is
removed by a worker of the machine that it is on (`keeper.py`), soon, and also after a crash in between.
"""

from django.db import transaction
from django.db.models import PROTECT, RESTRICT, Q
from django.utils import timezone

from environments.faults import Refused
from events.models import Verb

from . import related
from .actions import Action, why_not
from .models import Build, Lock, Status

IN_USE = "they are in use, or a build of the same image key has not ended yet"


def rebuild(build, by):
    """Ask for a new build of the same version, made anew from the kept lock."""
    _check(Action.REBUILD, build)
    return build.version.builds.request(build.version, by, anew=True)


def free(build, by):
    """Remove prefix and archives; record, lock and log stay."""
    _check(Action.FREE, build)
    with transaction.atomic():
        is_freed = release(build, by)
        if is_freed:
            build.record(Verb.FREED, by)
    if not is_freed:
        build.refresh_from_db()
        _check(Action.FREE, build)
        raise Refused(f"These files may be needed in a moment: {IN_USE}. Free them later.")


def release(build, by=None, why="", unused_since=None):
    """Give up the files of a good build unless they are needed just now. Return whether we won.

    With `unused_since` also not when the build was used later than that, which a clean-up did not know.
    """
    rows = Build.objects.free_to_go().filter(pk=build.pk)
    if unused_since:
        rows = rows.filter(Q(last_used=None) | Q(last_used__lte=unused_since))
    with transaction.atomic():
        won = rows.update(prefix="", freed_at=timezone.now(), freed_by=by, freed_why=why[:200]) == 1
        if won:
            list(related.told(Build, "free_files", build))
    return won


def delete(build):
    """Delete the record with its log, and whatever else is there of it."""
    with transaction.atomic():
        # Whoever is just coming to name it holds this row until that can be seen.
        build = Build.objects.select_for_update(of=("self",)).select_related("version").get(pk=build.pk)
        _check(Action.DELETE, build)
        if reason := why_it_stays(build):
            raise Refused(reason)
        build.record(Verb.DELETED, before=build.end_in_words)
        build.delete()


def why_it_stays(build):
    """Why the record of a build that ended is needed, as a sentence; empty when it is not."""
    if named_by := _named_by(build):
        return f"This build is named by {' and '.join(named_by)}, and where that comes from would be lost."
    if build.prefix and not Build.objects.free_to_go().filter(pk=build.pk).exists():
        return f"The files of this build may be needed in a moment: {IN_USE}."
    if _proves_the_lock(build):
        return (
            "This build found the lock that every other build of this image key takes. Without its record the packages "
            "would be resolved anew, and might be others. Free its files, if they are in the way."
        )
    return ""


def _named_by(build):
    """How many records of each kind need this one, in words: ["2 builds", "1 run"]."""
    found = []
    for relation in Build._meta.related_objects:
        if relation.on_delete in (PROTECT, RESTRICT):
            model = relation.related_model
            if count := model._default_manager.filter(**{relation.field.name: build}).count():
                words = model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural
                found.append(f"{count:,} {words}")
    return found


def _proves_the_lock(build):
    """Whether it alone shows that the lock that is kept for its reuse key works."""
    if build.status != Status.SUCCEEDED or not build.lock or build.lock != Lock.objects.kept(build.reuse_key):
        return False
    others = Build.objects.succeeded().filter(reuse_key=build.reuse_key, lock=build.lock).exclude(pk=build.pk)
    return not others.exists()


def _check(action, build):
    if reason := why_not(action, build):
        raise Refused(reason)
