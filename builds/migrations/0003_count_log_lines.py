from django.db import migrations


def count(apps, schema_editor):
    LogChunk, Step = apps.get_model("builds", "LogChunk"), apps.get_model("builds", "Step")
    for build in LogChunk.objects.order_by().values_list("build", flat=True).distinct():
        lines, steps = 0, list(Step.objects.filter(build=build, offset__isnull=False))
        for chunk in LogChunk.objects.filter(build=build).order_by("offset").iterator(chunk_size=10):
            data = bytes(chunk.data)
            LogChunk.objects.filter(pk=chunk.pk).update(line=lines)
            for step in steps:
                if chunk.offset <= step.offset <= chunk.offset + len(data):
                    before = lines + data.count(b"\n", 0, step.offset - chunk.offset)
                    Step.objects.filter(pk=step.pk).update(line=before)
            lines += data.count(b"\n")
    Step.objects.filter(offset__isnull=False, line__isnull=True).update(line=0)


class Migration(migrations.Migration):
    dependencies = [("builds", "0002_log_lines")]

    operations = [migrations.RunPython(count, migrations.RunPython.noop)]
