from environments.access import require, see

from .models import Build, Lock


def get_build(request, pk, permission="builds.view_build"):
    builds = (
        Build.objects.visible_to(request.user)
        .with_subject()
        .select_related("lock", "previous_lock", "reused_from__version__environment__workspace")
    )
    return require(request, permission, see(builds, pk=pk))


def get_lock(request, digest):
    """A lock that a version has, or a build of one, that the person may see."""
    return see(Lock.objects.visible_to(request.user), digest=digest)
