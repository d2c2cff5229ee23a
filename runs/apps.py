from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "runs"

    def ready(self):
        from . import sides  # noqa: F401, registers what a diff can compare
