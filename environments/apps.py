from django.apps import AppConfig


class EnvironmentsConfig(AppConfig):
    name = "environments"

    def ready(self):
        from . import closing, recording

        recording.connect()
        closing.connect()
