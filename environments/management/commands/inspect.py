import json
from pathlib import Path

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from environments.formats import reading
from environments.models import Rule
from environments.policy import Policy


class Command(BaseCommand):
    help = "Say what files would be as definitions: one JSON object per line and file. A folder is Azure's."

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", metavar="FILE", help="a file, or a folder that Azure's clients wrote")

    def handle(self, *args, **options):
        policy = self.policy()
        refused = 0
        for file in options["files"]:
            answer = self.read(file, policy)
            refused += answer["definition"] is None
            self.stdout.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace").decode())
        if refused:
            raise SystemExit(1)

    def policy(self):
        """That of the portal, or what the release knows where no portal was set up yet."""
        try:
            return Rule.objects.policy()
        except DatabaseError:
            return Policy()

    def read(self, file, policy):
        path = Path(file)
        try:
            if path.is_dir():
                files = {
                    each.name: head(each) for each in path.iterdir() if each.is_file() and each.name in reading.FOLDER
                }
                return reading.read_folder(files, policy).as_dict(file)
            return reading.read(path.name, head(path), policy).as_dict(file)
        except OSError as fault:
            return reading.unreadable(fault.strerror or str(fault)).as_dict(file)


def head(path):
    """The bytes of a file, or enough of a longer one to see that it is too long."""
    with path.open("rb") as stream:
        return stream.read(reading.LONGEST + 1)
