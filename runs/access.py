from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404

from environments.access import require
from environments.models import Workspace
from events.models import Event

from .models import Run


def get_run(request, pk, permission="runs.view_run"):
    runs = Run.objects.visible_to(request.user).with_subject().select_related("build", "recorded_by")
    return require(request, permission, get_object_or_404(runs, pk=pk))


def get_events(request):
    """The events that a person may see: administrators all, owners those of their workspaces."""
    if request.user.is_superuser:
        return Event.objects.all()
    owned = list(Workspace.objects.owned_by(request.user).values_list("pk", flat=True))
    if not owned:
        raise PermissionDenied("Events are for owners of workspaces and for administrators.")
    return Event.objects.of_workspaces(owned)
