"""What a workspace installs: as a page, as CSV, as a bill of materials."""

from django.shortcuts import render
from django.utils.http import urlencode
from rest_framework.request import Request

from environments.access import get_workspace
from environments.exports import as_csv, as_file
from environments.views import render_part
from events.models import Verb
from events.record import record

from . import sbom
from .inventory import COLUMNS, ByPackage, Inventory
from .inventory_forms import InventoryForm
from .models import AdvisoryImport


def inventory(request, workspace):
    workspace, form = get_workspace(request, workspace), InventoryForm(request.GET)
    found, pages = Inventory(workspace, form.is_every), ByPackage()
    names = form.apply(found)
    asked = urlencode(form.asked)
    context = {
        "workspace": workspace,
        "section": "inventory",
        "form": form,
        "inventory": found,
        "lines": found.lines(pages.paginate_queryset(names, Request(request))),
        "newer": pages.get_previous_link(),
        "older": pages.get_next_link(),
        "last_import": AdvisoryImport.objects.last_good(),
        "asked": f"?{asked}" if asked else "",
        "of_every": "?versions=every" if found.every else "",
    }
    return render_part(request, "builds/inventory.html", "list", context, 200 if form.is_valid() else 422)


def export(request, workspace):
    """The list that the page shows, whole, for a spreadsheet."""
    workspace, form = get_workspace(request, workspace), InventoryForm(request.GET)
    if not form.is_valid():
        context = {"workspace": workspace, "section": "inventory", "form": form, "inventory": Inventory(workspace)}
        return render(request, "builds/inventory.html", context, status=422)
    return as_spreadsheet(workspace, form)


def as_spreadsheet(workspace, form):
    found = Inventory(workspace, form.is_every)
    record(Verb.EXPORTED, "inventory as csv", workspace, after=form.asked)
    rows = found.everything(form.apply(found))
    return as_csv(map(_flat, rows), COLUMNS, f"inventory-{workspace}.csv")


def bill(request, workspace):
    """The software bill of materials."""
    return as_bill(get_workspace(request, workspace), InventoryForm(request.GET).is_every)


def as_bill(workspace, every):
    record(Verb.EXPORTED, "bill of materials", workspace, after={"versions": "every"} if every else None)
    return as_file(Inventory(workspace, every).bill(), sbom.CONTENT_TYPE, f"{workspace}.cdx.json")


def _flat(row):
    """A row whose cells are all one value."""
    return {name: ", ".join(value) if isinstance(value, list) else value for name, value in row.items()}
