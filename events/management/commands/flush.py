from django.core.management.commands import flush
from django.db import connections, transaction

from events import guard


class Command(flush.Command):
    """Django's command, which asks whether somebody is sure that all rows shall go: then events go, too."""

    def handle(self, **options):
        connection = connections[options["database"]]
        with transaction.atomic(using=connection.alias):
            guard.lift(connection)
            super().handle(**options)
            guard.put_up(connection)
