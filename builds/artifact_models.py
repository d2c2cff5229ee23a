"""What a good build leaves for people to take: files in a storage, and the orders for archives that are not made yet."""

from django.conf import settings
from django.core.files.storage import storages
from django.core.signing import BadSignature, TimestampSigner
from django.db import models, transaction
from django.db.models import Q
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.urls import reverse
from django.utils import timezone

from environments.faults import UserFault
from events.models import Verb

from .step_models import ENDED, UNFINISHED, Status

ARCHIVE = "environment.tar.zst"
PROVENANCE = "provenance.intoto.json"
ARCHIVE_PROVENANCE = f"{ARCHIVE}.intoto.json"
SIGNED_SECONDS = 600
signer = TimestampSigner(salt="builds.artifacts")


def storage():
    return storages["artifacts"]


class ArtifactQuerySet(models.QuerySet):
    def given_by(self, build):
        """Its own, and the archive of the packages that it uses, whoever made them."""
        return self.filter(Q(build=build) | Q(build=build.reused_from_id, name=ARCHIVE))

    # What retention asks, see related.py. The archive goes with the packages that it is made of, the rest stays.

    def sizes_of_files(self, builds):
        return self.filter(build__in=builds, name=ARCHIVE).values_list("build", "size")

    def free_files(self, build):
        self.filter(build=build, name=ARCHIVE).delete()


class Artifact(models.Model):
    """A file that a build gives. Its bytes never change."""

    build = models.ForeignKey("Build", models.CASCADE, related_name="artifacts")
    name = models.CharField(max_length=100)
    content_type = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="bytes")
    path = models.CharField(max_length=255, help_text="in the storage of artifacts")
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = ArtifactQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["build", "name"], name="artifact_once_in_build")]

    def __str__(self):
        return self.name

    @property
    def is_there(self):
        """Whether the storage still has it."""
        return storage().exists(self.path)

    def open(self):
        return storage().open(self.path)


class ArchiveOrderManager(models.Manager):
    def builds_in_use(self):
        """Builds whose packages are being made into an archive, see related.py."""
        return self.filter(status__in=UNFINISHED).values("build")

    def order(self, build, by):
        """Have the installed packages of a build made into a file. Return the order; there is one at a time.

        Raise UserFault where there are no packages to make it of.
        """
        supplier = build.supplier
        with transaction.atomic():
            if not supplier.use():
                raise UserFault("The installed packages of this build are not there any more. Build again.")
            order, is_new = self.get_or_create(build=supplier, defaults={"asked_by": by})
            if not is_new and not Artifact.objects.filter(build=supplier, name=ARCHIVE).exists():
                anew = {"status": Status.QUEUED, "reason": "", "asked_by": by, "created": timezone.now()}
                is_new = self.filter(pk=order.pk, status__in=ENDED).update(**anew, done=0, total=0)
            if is_new:
                build.record(Verb.ORDERED, by)
                order.send()
        order.refresh_from_db()
        return order


class ArchiveOrder(models.Model):
    """Somebody wants the installed packages as a file, which takes longer than a build may take."""

    build = models.OneToOneField("Build", models.CASCADE, related_name="archive_order")
    status = models.CharField(max_length=9, choices=Status, default=Status.QUEUED)
    reason = models.TextField(blank=True, help_text="why there is none, as a sentence")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    heard_at = models.DateTimeField(null=True)
    done = models.PositiveBigIntegerField(default=0, help_text="bytes of the installed packages that are in it")
    total = models.PositiveBigIntegerField(default=0, help_text="bytes of the installed packages")

    objects = ArchiveOrderManager()

    def __str__(self):
        return f"archive of {self.build}"

    @property
    def is_unfinished(self):
        return self.status in UNFINISHED

    def take(self):
        """Return whether it is ours to make; nobody else makes it then."""
        waiting = ArchiveOrder.objects.filter(pk=self.pk, status=Status.QUEUED)
        return waiting.update(status=Status.RUNNING, heard_at=timezone.now(), done=0, total=0) == 1

    def hear(self, done, total):
        """Say how far it is. Return whether it is still wanted."""
        running = ArchiveOrder.objects.filter(pk=self.pk, status=Status.RUNNING)
        return running.update(heard_at=timezone.now(), done=done, total=total) == 1

    def finish(self, status, reason=""):
        unfinished = ArchiveOrder.objects.filter(pk=self.pk, status__in=UNFINISHED)
        done = {"done": models.F("total")} if status == Status.SUCCEEDED else {}
        return unfinished.update(status=status, reason=reason, **done) == 1

    def send(self):
        """Wake a worker. Should the message be lost, the worker that has the packages finds the row."""
        from .tasks import make_archive  # which imports this module

        transaction.on_commit(lambda: make_archive.delay(self.pk), robust=True)


@receiver(post_delete, sender=Artifact)
def drop_file(instance, **kwargs):
    transaction.on_commit(lambda: storage().delete(instance.path))


# Whoever holds a signed address may fetch one file for some minutes: a machine that has no token.


def signed_path(build, name):
    words = f"{build.pk}/{name}"
    signature = signer.sign(words).removeprefix(f"{words}:")
    return f"{reverse('signed-artifact', args=[build.pk, name])}?signature={signature}"


def is_signed(pk, name, signature):
    """Whether `signature` was made for this file not long ago."""
    try:
        signer.unsign(f"{pk}/{name}:{signature}", max_age=SIGNED_SECONDS)
    except BadSignature:
        return False
    return True
