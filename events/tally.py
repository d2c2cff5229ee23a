"""How often something happened in a stretch of time: counted in the database, so exactly, over all processes."""

import time
from datetime import UTC, datetime, timedelta

from django.db import connection, models
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

KEPT = timedelta(days=1)  # longer than any stretch


def hidden(*words):
    """What is counted, where nobody has to know it again, such as a name that somebody typed."""
    return salted_hmac("events.tally", "\0".join(words), algorithm="sha256").hexdigest()[:40]


class TallyQuerySet(models.QuerySet):
    def add(self, what, who, seconds):
        """Count one more in the present stretch of so many seconds. Return (how many that makes, seconds to its end)."""
        now = time.time()
        start = now - now % seconds
        # One statement, so that of many who come at the same moment each gets another number.
        statement = (
            f"INSERT INTO {Tally._meta.db_table} (what, who, start, count) VALUES (%s, %s, %s, 1) "  # noqa: S608, no word of it comes from outside
            f"ON CONFLICT (what, who, start) DO UPDATE SET count = {Tally._meta.db_table}.count + 1 RETURNING count"
        )
        field = Tally._meta.get_field("start")
        moment = field.get_db_prep_value(datetime.fromtimestamp(start, UTC), connection)
        with connection.cursor() as cursor:
            cursor.execute(statement, [what, who, moment])
            return cursor.fetchone()[0], start + seconds - now

    def take_back(self, what, who, seconds):
        """Count one less: it was none of those that are counted."""
        start = datetime.fromtimestamp(time.time() // seconds * seconds, UTC)
        self.filter(what=what, who=who, start=start, count__gt=0).update(count=F("count") - 1)

    def old(self):
        """Those that nobody asks for any more."""
        return self.filter(start__lt=timezone.now() - KEPT)

    def over(self, seconds):
        """Those whose stretch of so many seconds has ended."""
        return self.filter(start__lte=datetime.fromtimestamp(time.time() // seconds * seconds - seconds, UTC))


class Tally(models.Model):
    what = models.CharField(max_length=30)
    who = models.CharField(max_length=160)
    start = models.DateTimeField(default=timezone.now)
    count = models.PositiveIntegerField(default=0)

    objects = TallyQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["what", "who", "start"], name="tally_once")]
        indexes = [models.Index(fields=["what", "start"], name="tally_by_age")]

    def __str__(self):
        return f"{self.count} × {self.what}"
