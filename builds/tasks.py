import logging

from celery import shared_task
from celery.signals import celeryd_init, worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings
from django.db import close_old_connections

from events import actor

from . import advisory_import, archive, engine, keeper, log_files, schedule, shelf, sources, storage, worker
from .models import ArchiveOrder, Build
from .sources import Source

log = logging.getLogger(__name__)


@shared_task(bind=True)
def run_build(self, build_id):
    """Work on the build whose turn it is. The one that the message was sent for may be another, or begun already."""
    name = self.request.hostname or ""
    if not engine.stopping.is_set() and (build := schedule.claim(name)):
        engine.work_on(build)
    else:
        schedule.pass_on(name, build_id)


@shared_task
def make_archive(order_id):
    order = ArchiveOrder.objects.select_related("build").filter(pk=order_id).first()
    if order and not engine.stopping.is_set():
        archive.make(order)


@shared_task
def tend_builds():
    worker.tend()


@shared_task
def move_logs():
    for build in Build.objects.with_settled_log():
        try:
            log_files.move(build)
        except Exception:  # it stays where it is until the next time; the others move all the same
            log.exception("the log of build %s", build.pk)


@shared_task
def fetch_names(channel):
    """Of a conda channel; the empty one is the package index."""
    Source(channel).fetch()


@shared_task
def refresh_names():
    sources.refresh()


@shared_task
def clean_storage():
    """Once a day; safe to run twice."""
    storage.clean()


@shared_task
def tend_shelf():
    """Twice a minute; safe to run twice."""
    shelf.tend()


@shared_task
def import_advisories():
    """Once a day; safe to run twice."""
    if advisory_import.is_due():
        advisory_import.run(settings.ADVISORIES)


@celeryd_init.connect
def prepare(sender, **kwargs):
    """Called with the name of the worker before it takes its first message."""
    actor.this_process(f"worker {sender}")
    worker.prepare(sender)


@worker_ready.connect
def start_heart(sender, **kwargs):
    worker.Heart(sender.hostname).start()
    keeper.Keeper(sender.hostname).start()


@worker_shutting_down.connect
def stop_builds(**kwargs):
    engine.stopping.set()


@worker_shutdown.connect
def say_goodbye(sender, **kwargs):
    worker.report_gone(sender.hostname)
    close_old_connections()
