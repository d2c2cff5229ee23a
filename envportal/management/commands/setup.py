import secrets

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from environs import Env

from builds import signing
from builds.models import SigningKey
from environments import uploads
from environments.models import Membership, Role, Workspace


class Command(BaseCommand):
    help = "Prepare the database, the static files, the first administrator and the workspace `default`."

    def handle(self, *args, **options):
        for folder in (settings.VAR, settings.PREFIXES, settings.WORK, settings.CACHE, settings.WHEELS):
            folder.mkdir(parents=True, exist_ok=True)
        uploads.sweep()
        settings.VAR.chmod(0o700)  # hashes of passwords and the secret stand in it
        call_command("migrate", interactive=False, verbosity=0)
        self.publish_key()
        if not settings.DEBUG and not (settings.STATIC_ROOT / "staticfiles.json").exists():
            call_command("collectstatic", interactive=False, verbosity=0)
        users = get_user_model().objects
        if not users.filter(is_superuser=True).exists():
            self.make_first_administrator(users)
        # It asks nothing of the network. What cannot be loaded keeps no portal from starting.
        call_command("loadshelf", quiet=True, stdout=self.stdout, stderr=self.stderr)

    def publish_key(self):
        """Have the key that builds are signed with, or say now why it cannot be used."""
        try:
            SigningKey.objects.publish(signing.current_key())
        except signing.Unusable as fault:
            raise CommandError(f"ENVPORTAL_SIGNING_KEY: {fault}") from fault

    def make_first_administrator(self, users):
        given = Env().str("ENVPORTAL_ADMIN_PASSWORD", "")
        password = given or secrets.token_urlsafe(12)
        admin = users.create_superuser("admin", password=password)
        workspace, _ = Workspace.objects.get_or_create(name="default")
        Membership.objects.get_or_create(workspace=workspace, user=admin, defaults={"role": Role.OWNER})
        shown = "the password of ENVPORTAL_ADMIN_PASSWORD" if given else f"password {password}"
        self.stdout.write(f"Made the first administrator: name admin, {shown}")
        if not given:
            self.stdout.write("It is shown this once. `python manage.py changepassword admin` sets another.")
