"""What may be done with a build in which state: one table, which pages, API and tests read. Pure.

docs/builds.md shows it to people.
"""

from enum import StrEnum

from .step_models import Status


class State(StrEnum):
    """A Status, where what succeeded may also have been supplied by another build, or have lost its files since."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REUSED = "reused"
    FREED = "freed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Action(StrEnum):
    CANCEL = "cancel"
    REBUILD = "rebuild"
    FREE = "free"
    DELETE = "delete"


YES = ""
ENDED = "This build has ended already."
UNFINISHED = "This build has not ended yet. Cancel it first, or wait for its end."
NO_FILES = "This build made no files that could be freed: only one that succeeded has any."
NOT_ITS_OWN = "This build has no files of its own: another build supplies them. Free the files of that one."
FREED = "The files of this build were freed already."

# Action -> State -> the sentence why not, or YES.
TABLE = {
    Action.CANCEL: {
        State.QUEUED: YES,
        State.RUNNING: YES,
        State.SUCCEEDED: ENDED,
        State.REUSED: ENDED,
        State.FREED: ENDED,
        State.FAILED: ENDED,
        State.CANCELLED: ENDED,
    },
    Action.REBUILD: {
        State.QUEUED: UNFINISHED,
        State.RUNNING: UNFINISHED,
        State.SUCCEEDED: YES,
        State.REUSED: YES,
        State.FREED: YES,
        State.FAILED: YES,
        State.CANCELLED: YES,
    },
    Action.FREE: {
        State.QUEUED: UNFINISHED,
        State.RUNNING: UNFINISHED,
        State.SUCCEEDED: YES,
        State.REUSED: NOT_ITS_OWN,
        State.FREED: FREED,
        State.FAILED: NO_FILES,
        State.CANCELLED: NO_FILES,
    },
    # Where this says yes, other records may still need the one of this build: `keeping.why_it_stays`.
    Action.DELETE: {
        State.QUEUED: UNFINISHED,
        State.RUNNING: UNFINISHED,
        State.SUCCEEDED: YES,
        State.REUSED: YES,
        State.FREED: YES,
        State.FAILED: YES,
        State.CANCELLED: YES,
    },
}


def state_of(build):
    if build.status != Status.SUCCEEDED:
        return State(build.status)
    if build.reused_from_id:
        return State.REUSED
    return State.FREED if build.freed_at else State.SUCCEEDED


def why_not(action, build):
    """The sentence why this cannot be done with a build in the state that it is in; empty when it can."""
    return TABLE[action][state_of(build)]
