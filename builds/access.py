from django.shortcuts import get_object_or_404

from environments.access import require

from .models import Build


def get_build(request, pk, permission="builds.view_build"):
    builds = (
        Build.objects.visible_to(request.user)
        .with_subject()
        .select_related("lock", "reused_from__version__environment__workspace")
    )
    return require(request, permission, get_object_or_404(builds, pk=pk))
