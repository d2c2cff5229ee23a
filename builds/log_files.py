"""Logs of builds that ended, moved from the database into one file each."""

import tempfile

from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages
from django.db import IntegrityError, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from .log_blocks import BLOCK, Block, Index, IndexWriter
from .models import LogChunk, StoredLog


def storage():
    return storages["logs"]


def move(build):
    """Write the log into a file and let the chunks go. Safe to call twice, also at the same time: the row decides."""
    if StoredLog.objects.filter(build=build).exists():
        LogChunk.objects.filter(build=build).delete()  # written by a worker that was given up as lost
        return
    settings.WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.WORK) as file:
        writer = IndexWriter()
        for data in build.chunks.values_list("data", flat=True).iterator(chunk_size=10):
            file.write(data)
            writer.write(bytes(data))
        file.seek(0)
        name = storage().save(f"{build.pk.hex[:2]}/{build.pk}.log", File(file))
    facts = {"name": name, "size": writer.size, "lines": writer.all_lines, "index": writer.packed}
    try:
        with transaction.atomic():
            StoredLog.objects.create(build=build, **facts)
            LogChunk.objects.filter(build=build).delete()
    except IntegrityError:  # somebody else moved it meanwhile
        storage().delete(name)


def blocks(stored, offset=0):
    """Yield the file of a StoredLog in Blocks, from the one that has the byte at `offset` on."""
    if offset >= stored.size:
        return
    counts = Index(stored.index).counts
    with storage().open(stored.name) as file:
        file.seek(offset // BLOCK * BLOCK)
        for n in range(offset // BLOCK, len(counts)):
            yield Block(n * BLOCK, counts[n], file.read(BLOCK))


def block_before(stored, number):
    """The block in which the line before line `number` ends; None when the log has none."""
    return next(blocks(stored, Index(stored.index).block_before(number) * BLOCK), None)


@receiver(post_delete, sender=StoredLog)
def drop_file(instance, **kwargs):
    transaction.on_commit(lambda: storage().delete(instance.name))
