"""Private wheels: files of a workspace that its definitions may name beside what the index has."""

from functools import partial

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.db import IntegrityError, models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.urls import reverse
from django.utils import timezone

from events.models import Verb
from events.record import record

from . import wheel_files, wheel_store, wheel_urls
from .catalogue import found
from .faults import DefinitionFault, UserFault

SIGNED_SECONDS = 600
MOST_NAMED = 10  # of the versions that a refusal names
signer = TimestampSigner(salt="environments.wheels")


class WheelInUse(UserFault):
    """It cannot be deleted, because of the versions that the sentence names."""


class PrivateWheelQuerySet(models.QuerySet):
    def with_uses(self):
        """Annotate how many versions name each."""
        return self.annotate(use_count=models.Count("uses"))

    def named_in(self, definition):
        """Return the wheels that a definition names. Raise DefinitionFault for each that is not among these.

        They are locked until the transaction ends, so that none goes before its use is written down.
        """
        wanted = definition.wheels
        if not wanted:
            return []
        rows = self.select_for_update().filter(sha256__in={url.sha256 for url in wanted})
        there = {(wheel.sha256, wheel.filename): wheel for wheel in rows}
        missing = [url for url in dict.fromkeys(wanted) if (url.sha256, url.filename) not in there]
        if missing:
            raise DefinitionFault([found("wheel-missing", filename=url.filename) for url in missing])
        return [there[key] for key in dict.fromkeys((url.sha256, url.filename) for url in wanted)]


class PrivateWheel(models.Model):
    """One uploaded wheel. The name belongs to its bytes for ever, so a definition means one thing."""

    workspace = models.ForeignKey("Workspace", models.CASCADE, related_name="wheels")
    filename = models.CharField(max_length=255)
    name = models.CharField(max_length=255, help_text="normalised")
    version = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField(help_text="bytes")
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now, editable=False)
    # Here and not there: SQLite would make the table of versions anew, and lose what keeps it from changing.
    versions = models.ManyToManyField("Version", through="WheelUse", related_name="wheels")

    objects = PrivateWheelQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "filename"], name="wheel_name_once"),
            models.UniqueConstraint(fields=["workspace", "sha256"], name="wheel_bytes_once"),
        ]
        indexes = [models.Index(fields=["workspace", "-created"], name="wheel_by_age")]

    def __str__(self):
        return self.filename

    def get_absolute_url(self):
        return reverse("wheel", args=[self.workspace.name, self.sha256])

    @property
    def file_path(self):
        """Its stable address, which a definition names."""
        return reverse("wheel-file", args=[self.workspace.name, self.sha256, self.filename])

    def line(self, portal):
        """What to write into a definition. `portal` is the address of the portal, such as https://env.example.org."""
        return f"{self.name} @ {portal.rstrip('/')}{self.file_path}"

    @classmethod
    def add(cls, workspace, upload, by):
        """Return (wheel, whether it is new). The same bytes again are the wheel that is there."""
        name, version = wheel_files.read(upload.file, upload.name)
        facts = {"filename": upload.name, "name": name, "version": version, "size": upload.size, "uploaded_by": by}
        with wheel_store.locked():
            try:
                with transaction.atomic():
                    wheel = workspace.wheels.create(sha256=upload.sha256, **facts)
                    record(Verb.UPLOADED, wheel, workspace, after=wheel.facts, by=by)
                    wheel_store.keep(upload)
                    return wheel, True
            except IntegrityError:  # it is there, or another one has its name
                return cls._like(workspace, upload), False

    @classmethod
    def _like(cls, workspace, upload):
        """The wheel that stood in the way, if it has the same bytes."""
        same = workspace.wheels.filter(sha256=upload.sha256).first()
        if same:
            if not same.has_bytes:  # lost with a disk, and here they are again
                wheel_store.keep(upload)
            return same
        other = workspace.wheels.filter(filename=upload.name).first()
        if not other:
            raise UserFault(f"Another {upload.name} was deleted in this moment. Upload yours again.", "file")
        way_out = f"Raise its version, or give it a build number: {wheel_files.next_build(upload.name)}."
        if not other.uses.exists():
            way_out += " Or delete the one that is here first: nothing uses it."
        raise UserFault(
            f"{workspace} has a wheel named {upload.name} already, and its bytes are others. {way_out}", "file"
        )

    def delete_unused(self):
        """Delete it. Raise WheelInUse when versions name it, because those never change."""
        with transaction.atomic():
            wheel = PrivateWheel.objects.select_for_update().get(pk=self.pk)
            if reason := wheel.why_it_stays():
                raise WheelInUse(reason)
            record(Verb.DELETED, wheel, wheel.workspace, wheel.facts)
            wheel.delete()

    def why_it_stays(self):
        """Name the versions that keep it from being deleted; empty when there are none."""
        named = [str(use.version) for use in self.uses.in_order()[: MOST_NAMED + 1]]
        if len(named) > MOST_NAMED:
            named[MOST_NAMED:] = [f"{self.uses.count() - MOST_NAMED:,} more"]
        return f"Versions that never change name {self}: {', '.join(named)}." if named else ""

    @property
    def facts(self):
        """What an event says of it."""
        return {"sha256": self.sha256, "size": self.size}

    @property
    def has_bytes(self):
        """Whether its file is there, as it should be."""
        return wheel_store.path_of(self.sha256).exists()

    def open(self):
        return open(wheel_store.path_of(self.sha256), "rb")

    # Whoever holds a signed address may fetch this one file for some minutes: a build, which has no session.

    def signed_url(self):
        return f"{settings.PORTAL_URL.rstrip('/')}{self.file_path}?signature={self.signature()}"

    def signature(self):
        return signer.sign(self._signed_words()).removeprefix(f"{self._signed_words()}:")

    def accepts(self, signature):
        """Whether `signature` was made for this wheel not long ago."""
        try:
            signer.unsign(f"{self._signed_words()}:{signature}", max_age=SIGNED_SECONDS)
        except BadSignature:
            return False
        return True

    def _signed_words(self):
        return wheel_urls.WheelUrl(self.workspace.name, self.sha256, self.filename).path


class WheelUseQuerySet(models.QuerySet):
    def in_order(self):
        """By environment, its versions from the first on."""
        uses = self.select_related("version__environment")
        return uses.order_by("version__environment__name", "version__number")


class WheelUse(models.Model):
    """A version names a wheel. As long as it does, the wheel stays."""

    version = models.ForeignKey("Version", models.CASCADE, related_name="wheel_uses")
    wheel = models.ForeignKey(PrivateWheel, models.RESTRICT, related_name="uses")

    objects = WheelUseQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "wheel"], name="wheel_use_once")]

    def __str__(self):
        return f"{self.wheel} in {self.version}"


@receiver(post_delete, sender=PrivateWheel)
def drop_bytes(instance, **kwargs):
    """However a row went, its bytes go with the last row that has them."""
    transaction.on_commit(partial(_drop_unless_shared, instance.sha256))


def _drop_unless_shared(sha256):
    with wheel_store.locked():
        if not PrivateWheel.objects.filter(sha256=sha256).exists():
            wheel_store.drop(sha256)
