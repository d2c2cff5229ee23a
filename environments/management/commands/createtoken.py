from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from environments.faults import UserFault
from environments.models import Token, Workspace, active_user
from environments.token_models import SCOPES


class Command(BaseCommand):
    help = "Make an API token for a user and print it, once."

    def add_arguments(self, parser):
        parser.add_argument("user", help="the name that the person signs in with")
        parser.add_argument("--name", default="", help="what the token is for")
        parser.add_argument("--scopes", nargs="+", choices=SCOPES, default=SCOPES, help="what it may; all, if not said")
        parser.add_argument("--workspace", help="the only workspace that it is for")
        parser.add_argument("--days", type=int, help="after which it ends; never, if not said")

    def handle(self, *args, **options):
        try:
            user = active_user(options["user"])
            fields = {"scopes": options["scopes"], "workspace": self.workspace(options["workspace"])}
            expires = timezone.now() + timedelta(days=options["days"]) if options["days"] is not None else None
            self.stdout.write(Token.issue(user, options["name"], expires=expires, **fields))
        except UserFault as fault:
            raise CommandError(fault.message) from fault

    def workspace(self, name):
        if not name:
            return None
        workspace = Workspace.objects.filter(name=name).first()
        if not workspace:
            raise UserFault(f"There is no workspace named {name}.", "workspace")
        return workspace
