import shutil
import tempfile

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import JsonResponse

from builds.models import Worker

from .celery import app


@login_not_required
def healthz(request):
    """Whether the portal can do its work: JSON, with status 503 when a part is wrong. Open to everybody."""
    database = _ask(_database)
    free = shutil.disk_usage(settings.VAR).free
    workers = _workers() if database == "ok" else []
    report = {
        "database": database,
        "broker": _ask(_broker),
        "workers": len(workers),
        # Where any worker builds without one, that is said.
        "sandbox": next((note or "off" for is_on, note in sorted(workers) if not is_on), "on")
        if workers
        else "no worker",
        "free_disk": free,
    }
    enough = free >= settings.MIN_FREE_DISK * 1_000_000
    healthy = report["database"] == report["broker"] == "ok" and bool(workers) and enough
    return JsonResponse({"status": "ok" if healthy else "wrong", **report}, status=200 if healthy else 503)


def _ask(part):
    try:
        part()
    except Exception as fault:  # whatever a driver raises: the answer is that it does not work
        return type(fault).__name__
    return "ok"


def _database():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker():
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=3)
        if broker.transport.driver_type == "filesystem":
            _check_folders()


def _check_folders():
    with tempfile.TemporaryFile(dir=settings.VAR / "broker" / "messages"):
        pass


def _workers():
    """(whether builds are confined, what it says of that) of each worker that is running."""
    try:
        return list(Worker.objects.alive().values_list("is_sandboxed", "sandbox_note"))
    except DatabaseError:
        return []
