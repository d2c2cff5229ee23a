"""Where the log of a build stands: in pieces while it grows, as a file afterwards."""

from django.db import models


class LogChunk(models.Model):
    """A piece of a build's log: bytes of UTF-8 from `offset` on. Only ever added."""

    build = models.ForeignKey("Build", models.CASCADE, related_name="chunks")
    offset = models.PositiveBigIntegerField()
    line = models.PositiveBigIntegerField(help_text="lines that end before it")
    data = models.BinaryField()

    class Meta:
        ordering = ["offset"]
        constraints = [models.UniqueConstraint(fields=["build", "offset"], name="log_offset_once")]
        indexes = [models.Index(fields=["build", "line", "offset"], name="log_by_line")]

    def __str__(self):
        return f"{self.build} from {self.offset}"

    @property
    def end(self):
        return self.offset + len(self.data)

    @property
    def lines_to_end(self):
        return self.line + bytes(self.data).count(b"\n")


class StoredLog(models.Model):
    """The log of a build that ended, as a file in the storage of logs. While this row is there, it is the log."""

    build = models.OneToOneField("Build", models.CASCADE, related_name="stored_log")
    name = models.CharField(max_length=255, help_text="in the storage of logs")
    size = models.PositiveBigIntegerField(help_text="bytes")
    lines = models.PositiveBigIntegerField()
    index = models.BinaryField(help_text="where lines are, see log_blocks.py")

    def __str__(self):
        return self.name
