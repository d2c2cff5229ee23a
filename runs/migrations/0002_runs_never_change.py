from django.db import migrations

FIELDS = ("workspace_id", "version_id", "document", "image_key", "lock_id", "build_id", "evidence", "recorded_by_id", "person")
POSTGRESQL = """
CREATE FUNCTION runs_run_never_changes() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'what a run ran in never changes'; END $$;
CREATE TRIGGER run_never_changes BEFORE UPDATE ON runs_run FOR EACH ROW
WHEN ({}) EXECUTE FUNCTION runs_run_never_changes();
""".format(" OR ".join(f"OLD.{field} IS DISTINCT FROM NEW.{field}" for field in FIELDS))
SQLITE = """
CREATE TRIGGER run_never_changes BEFORE UPDATE ON runs_run WHEN {}
BEGIN SELECT RAISE(ABORT, 'what a run ran in never changes'); END;
""".format(" OR ".join(f"OLD.{field} IS NOT NEW.{field}" for field in FIELDS))


def add_trigger(apps, editor):
    editor.execute(POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE)


def remove_trigger(apps, editor):
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP TRIGGER run_never_changes ON runs_run")
        editor.execute("DROP FUNCTION runs_run_never_changes")
    else:
        editor.execute("DROP TRIGGER run_never_changes")


class Migration(migrations.Migration):
    dependencies = [("runs", "0001_initial")]
    operations = [migrations.RunPython(add_trigger, remove_trigger)]
