from django.db import migrations

POSTGRESQL = """
CREATE FUNCTION environments_version_never_changes() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'a version never changes'; END $$;
CREATE TRIGGER version_never_changes BEFORE UPDATE ON environments_version
FOR EACH ROW EXECUTE FUNCTION environments_version_never_changes();
"""
SQLITE = """
CREATE TRIGGER version_never_changes BEFORE UPDATE ON environments_version
BEGIN SELECT RAISE(ABORT, 'a version never changes'); END;
"""


def add_trigger(apps, editor):
    editor.execute(POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE)


def remove_trigger(apps, editor):
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP TRIGGER version_never_changes ON environments_version")
        editor.execute("DROP FUNCTION environments_version_never_changes")
    else:
        editor.execute("DROP TRIGGER version_never_changes")


class Migration(migrations.Migration):
    dependencies = [("environments", "0001_initial")]
    operations = [migrations.RunPython(add_trigger, remove_trigger)]
