"""Events as a page and as files."""

import json

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from rest_framework.request import Request

from environments.exports import as_csv, as_json
from environments.models import Workspace
from environments.views import render_part
from envportal.pages import ByMoment
from events import chain
from events.models import COLUMNS, Verb
from events.record import record

from .access import get_events
from .event_forms import EventFilterForm

MOST_WORKSPACES = 200  # that the filter offers


def events(request):
    found = get_events(request)
    filters = EventFilterForm(request.GET)
    pages = ByMoment()
    context = {
        "section": "audit",
        "filters": filters,
        "events": pages.paginate_queryset(filters.apply(found), Request(request)),
        "newer": pages.get_previous_link(),
        "older": pages.get_next_link(),
        "head": chain.head(),
        "workspaces": Workspace.objects.audited_by(request.user)[:MOST_WORKSPACES],
        "exports": [
            (kind.upper(), f"{reverse('events-export', args=[kind])}?{urlencode(filters.asked)}")
            for kind in ("csv", "json")
        ],
    }
    return render_part(request, "runs/events.html", "list", context, 422 if filters.errors else 200)


def export(request, kind):
    """The list that the page shows, whole, as a file."""
    found = get_events(request)
    filters = EventFilterForm(request.GET)
    if not filters.is_valid():
        context = {"section": "audit", "filters": filters, "head": chain.head()}
        return render(request, "runs/events.html", context, status=422)
    return as_file(filters.apply(found), filters, kind)


@transaction.atomic
def as_file(found, filters, kind):
    """Answer with all events of a list, as csv or json. That somebody has them is an event, too."""
    record(Verb.EXPORTED, f"events as {kind}", after=filters.asked)
    rows = found.order_by("-created", "-id").iterator(chunk_size=2000)
    if kind == "json":
        return as_json((event.as_dict() for event in rows), COLUMNS, "events.json")
    return as_csv((_flat(event.as_dict()) for event in rows), COLUMNS, "events.csv")


def _flat(row):
    """A row whose cells are all text: what was before and after stays JSON."""
    for name in ("before", "after"):
        row[name] = "" if row[name] is None else json.dumps(row[name], ensure_ascii=False, cls=DjangoJSONEncoder)
    return row
