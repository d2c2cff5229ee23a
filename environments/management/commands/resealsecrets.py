from django.core.management.base import BaseCommand, CommandError

from environments.faults import UserFault
from environments.models import Hook, Secret


class Command(BaseCommand):
    help = "Seal all secrets of workspaces with the newest key, so that older ones can be taken out of the settings."

    def handle(self, *args, **options):
        unread, resealed = [], 0
        for secret in Secret.objects.select_related("workspace").iterator():
            try:
                secret.reseal()
                resealed += 1
            except UserFault:
                unread.append(f"{secret.name} of {secret.workspace}")
        for hook in Hook.objects.select_related("workspace").iterator():
            try:
                hook.reseal()
                resealed += 1
            except UserFault:
                unread.append(f"the webhook {hook} of {hook.workspace}")
        self.stdout.write(f"{resealed:,} sealed with the newest key.")
        if unread:
            raise CommandError(f"No key opens {', '.join(unread)}. They have to be set again.")
