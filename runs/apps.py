from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "runs"

    def ready(self):
        from builds.models import build_succeeded

        from . import sides  # noqa: F401, registers what a diff can compare

        build_succeeded.connect(count_build, dispatch_uid="count build")


def count_build(sender, build, **kwargs):
    """A version that was built has the lock of its build."""
    from .models import Use

    Use.objects.count_build(build)
