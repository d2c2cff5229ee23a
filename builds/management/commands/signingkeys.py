from django.core.management.base import BaseCommand, CommandError

from builds import signing, verify
from builds.models import SigningKey


class Command(BaseCommand):
    help = (
        "Say with which keys builds are signed. --new: sign with another one from now on. --forget: trust one no more."
    )

    def add_arguments(self, parser):
        asked = parser.add_mutually_exclusive_group()
        asked.add_argument("--new", action="store_true", help="make a key in the place of that of this machine")
        asked.add_argument("--forget", metavar="KEYID", help="what this key signed cannot be verified any more")

    def handle(self, *args, **options):
        if options["new"]:
            SigningKey.objects.begin_new()
        try:
            mine = verify.keyid_of(signing.current_key().public_key())
        except signing.Unusable as fault:
            raise CommandError(str(fault)) from fault
        if keyid := options["forget"]:
            self.forget(keyid, mine)
        for key in SigningKey.objects.all():
            here = "  signs here" if key.keyid == mine else ""
            self.stdout.write(f"{key.keyid}  since {key.created:%Y-%m-%d}{here}")

    def forget(self, keyid, mine):
        if keyid == mine:
            raise CommandError("This key signs here, so it would come back. Make another one first: --new.")
        if not SigningKey.objects.forget(keyid):
            raise CommandError(f"There is no key {keyid}.")
