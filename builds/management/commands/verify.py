from django.core.management.base import BaseCommand, CommandError

from builds import verify
from builds.models import SigningKey


class Command(BaseCommand):
    help = "Check a downloaded file against its provenance, by the keys that this portal trusts or those of --key."

    def add_arguments(self, parser):
        verify.add_arguments(parser, needs_key=False)

    def handle(self, *args, **options):
        try:
            pem = verify.read_text(options["key"]) if options["key"] else SigningKey.objects.as_pem()
            envelope, sha256 = verify.read_text(options["provenance"]), verify.sha256_of(options["file"])
            found = verify.check(sha256, envelope, verify.read_keys(pem))
        except verify.Failed as failed:
            raise CommandError(f"Not verified ({failed.check}). {failed}") from failed
        except OSError as fault:
            raise CommandError(f"{fault.filename}: {fault.strerror}", returncode=2) from fault
        self.stdout.write("Verified")
        for what, value in found.facts:
            self.stdout.write(f"{what:12} {value}")
