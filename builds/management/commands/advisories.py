from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from builds import advisory_import


class Command(BaseCommand):
    help = "Import advisories: the OSV export for PyPI as a zip, or one JSON file. ENVPORTAL_ADVISORIES is the default."

    def add_arguments(self, parser):
        parser.add_argument("file", nargs="?", default="", help="path or address")

    def handle(self, *args, **options):
        source = options["file"] or settings.ADVISORIES
        if not source:
            raise CommandError("Name a file or an address, or set ENVPORTAL_ADVISORIES.")
        done = advisory_import.run(source)
        if done.fault:
            raise CommandError(f"Nothing was imported. {done.fault}")
        self.stdout.write(
            f"Advisories read: {done.advisories:,}; new or changed: {done.changed:,}; removed: {done.removed:,}."
        )
        for name, why in done.told:
            self.stderr.write(f"Not read: {name}: {why}")
        if done.unread > len(done.told):
            self.stderr.write(f"Not read: {done.unread - len(done.told):,} more.")
