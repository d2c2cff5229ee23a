from django.shortcuts import get_object_or_404

from environments.access import require

from .models import Run


def get_run(request, pk, permission="runs.view_run"):
    runs = Run.objects.visible_to(request.user).with_subject().select_related("build", "recorded_by")
    return require(request, permission, get_object_or_404(runs, pk=pk))
