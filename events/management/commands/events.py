from django.core.management.base import BaseCommand, CommandError

from events import chain
from events.chain import Head
from events.models import Event


class Command(BaseCommand):
    help = "Seal what is new among the events, and with --check prove that none was changed or removed."

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true", help="go through the whole chain")
        parser.add_argument("--head", help="POSITION:HASH as an earlier check or the log shipper said it")

    def handle(self, *args, **options):
        known = read_head(options["head"])
        chain.seal()
        if options["check"] or known:
            self.prove(known)
        last = chain.head()
        self.stdout.write(f"{last.position:,} events are sealed. The last one: {last.position}:{last.digest}")

    def prove(self, known):
        found = 0
        for sentence in chain.faults(known):
            found += 1
            self.stderr.write(sentence)
        if found:
            raise CommandError(f"The chain is broken in {found:,} place{'s'[: found > 1]}.")
        waiting = Event.objects.unsealed().count()
        self.stdout.write(f"The chain is whole.{f' {waiting:,} events are not sealed yet.' if waiting else ''}")


def read_head(text):
    if not text:
        return None
    position, _, digest = text.partition(":")
    if not position.isdecimal() or len(digest) != 64:
        raise CommandError("Write --head as POSITION:HASH.")
    return Head(int(position), digest)
