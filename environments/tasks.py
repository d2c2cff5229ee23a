import threading
from datetime import timedelta

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.utils import timezone

from . import outbox
from .models import Invitation, Session
from .sessions import SessionStore

KEPT_DAYS = 30  # that an invitation is kept after its end
stopping = threading.Event()


@shared_task
def tidy_people():
    """Once a day; safe to run twice."""
    now = timezone.now()
    SessionStore.clear_expired()
    if settings.EVENTS_PERSONAL_DAYS:
        Session.objects.forget_addresses(now - timedelta(days=settings.EVENTS_PERSONAL_DAYS))
    Invitation.objects.filter(expires__lt=now - timedelta(days=KEPT_DAYS)).delete()
    outbox.tidy()


@worker_ready.connect
def start_postman(**kwargs):
    """Mails and webhooks are sent beside the builds, which may keep every place of a worker for long."""
    outbox.Postman(stopping).start()


@worker_shutting_down.connect
def stop_postman(**kwargs):
    stopping.set()
