from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from environments import shelf_files, shelf_loader


class Command(BaseCommand):
    help = "Load curated environments from their files. Calling it again changes only what the files changed."

    def add_arguments(self, parser):
        parser.add_argument(
            "folder", nargs="?", type=Path, default=shelf_files.SHIPPED, help="the shipped one, if none"
        )
        parser.add_argument(
            "--overwrite",
            nargs="+",
            default=[],
            metavar="NAME",
            help="of these take what the files say, although curators changed it since",
        )
        parser.add_argument("--quiet", action="store_true", help="say only what is not taken")

    def handle(self, *args, **options):
        try:
            outcomes = list(shelf_loader.load(options["folder"], options["overwrite"]))
        except shelf_files.ShelfFault as fault:
            raise CommandError(fault.message) from fault
        for outcome in outcomes:
            is_taken = not outcome.is_fault
            if is_taken and not options["quiet"]:
                self.stdout.write(f"{outcome.name}: {outcome.words}")
            elif not is_taken:
                self.stderr.write(": ".join(filter(None, ("Not loaded", outcome.name, outcome.words))))
