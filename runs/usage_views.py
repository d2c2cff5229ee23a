from django.http import StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from rest_framework.request import Request

from environments.exports import as_csv, as_json
from environments.models import Workspace
from events.models import Verb
from events.record import record

from .usage import Answer
from .usage_forms import LISTS, UsageForm
from .usage_rows import rows_of

MOST_WORKSPACES = 200  # that the filter offers


def audit(request):
    """Who used this package? The whole question stands in the address."""
    form = UsageForm(request.GET or None, request.user)
    context = {
        "form": form,
        "workspaces": Workspace.objects.worked_in_by(request.user)[:MOST_WORKSPACES],
        "sees_events": Workspace.objects.audited_by(request.user).exists(),
    }
    is_valid = form.is_valid()
    if is_valid and form.question.is_asked:
        context |= _found(request, form)
    status = 422 if form.is_bound and not is_valid else 200
    return render(request, "runs/audit.html", context | {"section": "audit"}, status=status)


def _found(request, form):
    answer, of = Answer(form.question, request.user), form.list
    rows = rows_of(answer, of)
    pages = rows.pages()
    lines = rows.lines(pages.paginate_queryset(rows.found, Request(request)))
    asked = {name: value for name, value in request.GET.items() if value and name not in ("of", "cursor")}
    return {
        "answer": answer,
        "question": form.question,
        "of": of,
        "lines": lines,
        # What was counted stays so; the list has the records that are there.
        "deleted": answer.counts["builds"] - answer.builds.count() if of == "builds" else 0,
        "newer": pages.get_previous_link(),
        "older": pages.get_next_link(),
        "tabs": [(name, answer.counts[name], f"?{urlencode(asked | {'of': name})}") for name in LISTS],
        "without_lock": f"?{urlencode(asked | {'how': 'declared', 'version': ''})}",
        "exports": [
            (kind.upper(), f"{reverse('audit-export', args=[kind])}?{urlencode(asked | {'of': of})}")
            for kind in ("csv", "json")
        ],
    }


def export(request, kind):
    """The list that the page shows, whole, as a file."""
    form = UsageForm(request.GET, request.user)
    if not form.is_valid() or not form.question.is_asked:
        return render(request, "runs/audit.html", {"form": form, "section": "audit"}, status=422)
    return as_file(form, request.user, kind)


def as_file(form, user, kind) -> StreamingHttpResponse:
    """Answer with all lines of one list, as csv or json."""
    rows = rows_of(Answer(form.question, user), form.list)
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    record(Verb.EXPORTED, f"usage as {kind}", after=asked, by=user)
    write = {"csv": as_csv, "json": as_json}[kind]
    return write(rows.everything(), rows.columns, f"usage-{form.list}.{kind}")
