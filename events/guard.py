"""What keeps events from being changed or removed: triggers of the database. `flush` alone lifts them (see there)."""

from .models import Event

TABLE = Event._meta.db_table
WORDS = "an event never changes"


def _same(names, is_same):
    return " AND ".join(f'NEW."{name}" {is_same} OLD."{name}"' for name in names)


def _pseudonym(name):
    """As privacy.py makes it."""
    return f"NEW.{name} LIKE 'person-{'_' * 12}'"


def _fine(is_same):
    """When an UPDATE is one of the two that may be: a row is sealed once, or its personal part is dropped."""
    sealed = f'OLD."position" IS NULL AND NEW."position" IS NOT NULL AND {_same(Event.PERSONAL, is_same)}'
    dropped = (
        f"{_same(('position', 'digest'), is_same)} AND OLD.position IS NOT NULL AND OLD.salt <> '' "
        "AND NEW.salt = '' AND NEW.token = '' AND NEW.address = '' "
        f"AND (NEW.person = '' OR {_pseudonym('person')} OR (NEW.actor_kind <> 'person' AND NEW.person = OLD.person)) "
        f"AND (NEW.about = '' OR {_pseudonym('about')})"
    )
    return f"{_same(Event.FIXED, is_same)} AND (({sealed}) OR ({dropped}))"


POSTGRESQL = (
    f"""
    CREATE FUNCTION event_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'UPDATE' THEN
        IF {_fine("IS NOT DISTINCT FROM")} THEN RETURN NEW; END IF;
      END IF;
      RAISE EXCEPTION '{WORDS}';
    END $$""",
    f"CREATE TRIGGER event_never_changes BEFORE UPDATE OR DELETE ON {TABLE} "
    "FOR EACH ROW EXECUTE FUNCTION event_never_changes()",
    f"CREATE TRIGGER event_never_emptied BEFORE TRUNCATE ON {TABLE} "
    "FOR EACH STATEMENT EXECUTE FUNCTION event_never_changes()",
)
SQLITE = (
    f"CREATE TRIGGER event_never_changes BEFORE UPDATE ON {TABLE} WHEN NOT ({_fine('IS')}) "
    f"BEGIN SELECT RAISE(ABORT, '{WORDS}'); END",
    f"CREATE TRIGGER event_never_goes BEFORE DELETE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{WORDS}'); END",
    # INSERT OR REPLACE deletes a row without asking the trigger above.
    f"CREATE TRIGGER event_never_replaced BEFORE INSERT ON {TABLE} WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE "  # noqa: S608
    f"id = NEW.id OR position = NEW.position) BEGIN SELECT RAISE(ABORT, '{WORDS}'); END",
)
GONE = {
    "postgresql": (
        f"DROP TRIGGER event_never_emptied ON {TABLE}",
        f"DROP TRIGGER event_never_changes ON {TABLE}",
        "DROP FUNCTION event_never_changes",
    ),
    "sqlite": tuple(f"DROP TRIGGER event_never_{what}" for what in ("changes", "goes", "replaced")),
}


def put_up(connection):
    _run(connection, POSTGRESQL if connection.vendor == "postgresql" else SQLITE)


def lift(connection):
    _run(connection, GONE[connection.vendor])


def _run(connection, statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
