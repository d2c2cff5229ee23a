"""Rows as files: JSON, and CSV that a spreadsheet opens without running anything."""

import csv
import json
from itertools import islice

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils import timezone
from rest_framework.utils.encoders import JSONEncoder

# A cell that begins so is a formula to some spreadsheet. Source: OWASP, CSV injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


AT_ONCE = 200  # lines that are sent together


class _Echo:
    def write(self, line):
        return line


def safe(value):
    """A value as a cell: text that would be a formula gets an apostrophe, which spreadsheets hide."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return timezone.localtime(value).isoformat() if hasattr(value, "hour") else value.isoformat()
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return value


def as_csv(rows, columns, filename):
    """Answer with dicts as CSV, as they come from the database."""
    writer = csv.writer(_Echo())

    def lines():
        yield writer.writerow(columns)
        for row in rows:
            yield writer.writerow([safe(row[column]) for column in columns])

    return as_file(lines(), "text/csv; charset=utf-8", filename)


def as_json(rows, columns, filename):
    """Answer with dicts as one JSON list, as they come from the database, written as the API writes them."""

    def lines():
        before = "["
        for row in rows:
            yield before + json.dumps({column: row[column] for column in columns}, cls=JSONEncoder)
            before = ",\n"
        yield "]\n" if before != "[" else "[]\n"

    return as_file(lines(), "application/json", filename)


class _Streamed(StreamingHttpResponse):
    """One whose lines are never all in memory, also under ASGI, where Django would gather them first."""

    async def __aiter__(self):
        pieces = iter(self.streaming_content)
        while piece := b"".join(await sync_to_async(lambda: list(islice(pieces, AT_ONCE)))()):
            yield piece


def as_file(lines, content_type, filename):
    """Answer with texts as they come, as a file that is taken away."""
    answer = _Streamed(lines, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
