"""Building anew, freeing and deleting a build, from its page. Each is asked on a page of its own that says what would go."""

from dataclasses import dataclass

from django.contrib import messages
from django.shortcuts import redirect, render

from . import actions, keeping, storage
from .access import get_build
from .actions import Action


@dataclass(frozen=True)
class Question:
    """What a page asks before something is done that takes time or cannot be taken back."""

    title: str
    verb: str
    icon: str
    way_back: str
    act: object


QUESTIONS = {
    Action.REBUILD: Question("Rebuild", "Rebuild", "refresh", "Leave it as it is", keeping.rebuild),
    Action.FREE: Question("Free the files of", "Free files", "disk", "Keep them", keeping.free),
    Action.DELETE: Question("Delete", "Delete build", "trash", "Keep it", lambda build, by: keeping.delete(build)),
}
PERMISSIONS = {
    Action.REBUILD: "builds.add_build",
    Action.FREE: "builds.free_build",
    Action.DELETE: "builds.delete_build",
}


def rebuild(request, pk):
    return _ask(request, pk, Action.REBUILD)


def free(request, pk):
    return _ask(request, pk, Action.FREE)


def delete(request, pk):
    return _ask(request, pk, Action.DELETE)


def _ask(request, pk, action):
    build, question = get_build(request, pk, PERMISSIONS[action]), QUESTIONS[action]
    if request.method == "POST":
        try:
            return _done(request, action, build, question.act(build, request.user))
        except keeping.Refused as fault:
            return _show(request, action, build, fault.message, status=409)
    reason = actions.why_not(action, build)
    if action == Action.DELETE and not reason:
        reason = keeping.why_it_stays(build)
    return _show(request, action, build, reason)


def _done(request, action, build, made):
    if action != Action.DELETE:
        return redirect(made or build)
    messages.success(request, f"Build {build.short_id} was deleted.")
    return redirect("builds", build.workspace.name, build.version.environment.name)


def _show(request, action, build, reason, status=200):
    context = {
        "build": build,
        "version": build.version,
        "environment": build.version.environment,
        "workspace": build.workspace,
        "action": action.value,
        "question": QUESTIONS[action],
        "reason": reason,
        "size": storage.size_of(build),
    }
    return render(request, "builds/question.html", context, status=status)
