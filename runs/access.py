from django.core.exceptions import PermissionDenied

from environments.access import require, see
from environments.models import Workspace
from environments.portal_roles import sees_whole_portal
from events.models import Event

from .models import Run


def get_run(request, pk, permission="runs.view_run"):
    runs = Run.objects.visible_to(request.user).with_subject().select_related("build", "recorded_by")
    return require(request, permission, see(runs, pk=pk))


def get_events(request):
    """The events that a person may see: administrators and auditors all, owners those of their workspaces."""
    if sees_whole_portal(request.user):
        return Event.objects.all()
    owned = list(Workspace.objects.audited_by(request.user).values_list("pk", flat=True))
    if not owned:
        raise PermissionDenied("Events are for owners of workspaces, for auditors and for administrators.")
    return Event.objects.of_workspaces(owned)
