from django.core.management.base import BaseCommand, CommandError

from environments.faults import UserFault
from environments.models import Token, active_user


class Command(BaseCommand):
    help = "Make an API token for a user and print it, once."

    def add_arguments(self, parser):
        parser.add_argument("user", help="the name that the person signs in with")
        parser.add_argument("--name", default="", help="what the token is for")

    def handle(self, *args, **options):
        try:
            user = active_user(options["user"])
        except UserFault as fault:
            raise CommandError(fault.message) from fault
        self.stdout.write(Token.issue(user, options["name"]))
