"""The diff of any two sides."""

import json

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from environments.access import get_environment
from environments.editing import Editing
from environments.faults import UserFault
from environments.models import Rule
from environments.views import render_part

from . import diff_data, diff_markdown, preview, sides
from .advisories import Difference
from .comparison import Comparison
from .diff_forms import DiffForm
from .diff_page import DiffPage

MOST_OFFERED = 200  # versions in each of the two selectors


def environment_diff(request, workspace, name):
    """The diff of two versions of an environment, or of one of them and whatever else can be named."""
    environment = get_environment(request, workspace, name)
    form = DiffForm(request.GET)
    old, new = form.sides_in(environment)
    versions = _versions(environment)
    context = {"environment": environment, "workspace": environment.workspace, "versions": versions}
    context["offered"] = {str(each["number"]) for each in versions}
    if not environment.latest_number:
        return render(request, "builds/diff_start.html", context)
    return _answer(request, form, old, new, environment, context)


def any_diff(request):
    """The diff of two sides that may have nothing in common."""
    form = DiffForm(request.GET)
    old, new = form.references
    if not old or not new or "choose" in request.GET:
        return render(request, "builds/diff_start.html", {"old": old, "new": new, "help": sides.HELP})
    return _answer(request, form, old, new)


@require_POST
def draft_diff(request, workspace, name):
    """What a draft that an editor posts changes against the latest version; it is resolved for that."""
    environment = get_environment(request, workspace, name, "environments.change_environment")
    latest = environment.latest
    editing = Editing.posted(request.POST, Rule.objects.policy(environment.workspace), latest)
    context = {"environment": environment, "workspace": environment.workspace, "editing": editing}
    if not latest or editing.errors or editing.fault or editing.is_blank:
        return render(request, "builds/diff_start.html", context, status=422)
    try:
        answer = preview.resolve(editing.definition, (request.session.session_key, request.path), rules=editing.policy)
    except preview.Superseded:
        return HttpResponse(status=204)
    old, new = sides.of_version(latest), sides.of_draft(editing.definition, editing.draft.conda, environment, answer)
    page = DiffPage(Comparison(old, new), DiffForm({}), environment=environment)
    return render_part(request, "builds/diff.html", "draft", context | {"page": page, "is_draft": True})


def _versions(environment):
    found = environment.versions.order_by("-number").values("number", "created", "message")
    return list(found[:MOST_OFFERED])


def _answer(request, form, old, new, environment=None, context=None):
    context = context or {}
    try:
        comparison = Comparison(
            sides.read(old, request.user, environment, "from"), sides.read(new, request.user, environment, "to")
        )
    except UserFault as fault:
        context |= {"fault": fault, "old": old, "new": new, "help": sides.HELP}
        return render(request, "builds/diff_start.html", context, status=422)
    page = DiffPage(comparison, form, request.path, environment)
    if form.document:
        return _download(form.document, comparison, request.build_absolute_uri(page.permalink))
    return render_part(request, "builds/diff.html", "changes", context | {"page": page})


def _download(document, comparison, address):
    known = Difference(comparison).as_data()
    if document == "markdown":
        content, content_type, ending = (
            diff_markdown.write(comparison, address, known),
            "text/markdown; charset=utf-8",
            "md",
        )
    else:
        content = json.dumps(diff_data.as_data(comparison, advisories=known), indent=1, ensure_ascii=False)
        content_type, ending = "application/json", "json"
    headers = {"Content-Disposition": f'attachment; filename="diff.{ending}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=content_type, headers=headers)
