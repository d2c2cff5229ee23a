from django.apps import AppConfig
from django.db.models.signals import post_save


class RunsConfig(AppConfig):
    name = "runs"

    def ready(self):
        from builds.models import VersionLock, build_succeeded

        from . import sides  # noqa: F401, registers what a diff can compare

        build_succeeded.connect(count_build, dispatch_uid="count build")
        post_save.connect(note_lock, VersionLock, dispatch_uid="note lock")


def count_build(sender, build, **kwargs):
    """A version that was built has the lock of its build."""
    from .models import Use

    Use.objects.count_build(build)


def note_lock(sender, instance, **kwargs):
    """A version has a lock that was made for it and is kept, built or not: for another platform, say."""
    from .models import Use

    if instance.kept_at:
        Use.objects.note(instance.version.environment.workspace, instance.version, instance.lock)
