"""A run as a side of a diff: what it ran in."""

import uuid

from django.shortcuts import get_object_or_404

from builds.comparison import Side
from builds.sides import locked, reads
from environments.diff import written
from environments.faults import UserFault
from environments.formats import conda_file

from .models import Run


@reads("run")
def read_run(text, user, field):
    try:
        pk = uuid.UUID(text)
    except ValueError as fault:
        raise UserFault("A run is named by its id, as its address has it.", field) from fault
    return of_run(get_object_or_404(Run.objects.visible_to(user).with_subject(), pk=pk))


def of_run(run):
    place = f"{run.workspace.name}/{run.version.environment.name}" if run.version else run.workspace.name
    fields = locked(run.lock) if run.lock else {"no_lock": "Which packages this run had is not known."}
    return Side(f"run:{run.pk}", f"Run {run}", run.get_absolute_url(), place, run.definition, _text(run), **fields)


def _text(run):
    if not run.definition:
        return ""
    conda = run.version.conda if run.version else conda_file.write(run.definition.conda_section)
    return written(run.definition, conda)
