from celery import shared_task
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from django.db import close_old_connections
from django.utils import timezone

from . import engine, worker
from .failures import Failure
from .models import Build, Worker


@shared_task(bind=True)
def run_build(self, build_id):
    build = Build.objects.with_subject().filter(pk=build_id).first()
    if build and not engine.stopping.is_set():
        engine.run(build, worker=self.request.hostname or "")


@shared_task
def tend_builds():
    """End the builds that lost their worker, send those again whose message may be lost."""
    for build in Build.objects.lost():
        if build.fail(Failure.WORKER_LOST, "worker lost"):
            engine.remove_folders(build)
    room = sum(Worker.objects.alive().values_list("slots", flat=True)) - Build.objects.running().count()
    for build in Build.objects.unheard().order_by("created")[: max(0, room)]:
        Build.objects.filter(pk=build.pk).update(sent_at=timezone.now())
        build.send()


@worker_ready.connect
def start_heart(sender, **kwargs):
    worker.sweep_folders()
    worker.Heart(sender.hostname).start()


@worker_shutting_down.connect
def stop_builds(**kwargs):
    engine.stopping.set()


@worker_shutdown.connect
def say_goodbye(sender, **kwargs):
    worker.report_gone(sender.hostname)
    close_old_connections()
