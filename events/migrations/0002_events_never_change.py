from django.db import migrations

from events import guard


def put_up(apps, editor):
    guard.put_up(editor.connection)


def lift(apps, editor):
    guard.lift(editor.connection)


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]
    operations = [migrations.RunPython(put_up, lift)]
