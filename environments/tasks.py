from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from .models import Invitation, Session
from .sessions import SessionStore

KEPT_DAYS = 30  # that an invitation is kept after its end


@shared_task
def tidy_people():
    """Once a day; safe to run twice."""
    now = timezone.now()
    SessionStore.clear_expired()
    if settings.EVENTS_PERSONAL_DAYS:
        Session.objects.forget_addresses(now - timedelta(days=settings.EVENTS_PERSONAL_DAYS))
    Invitation.objects.filter(expires__lt=now - timedelta(days=KEPT_DAYS)).delete()
