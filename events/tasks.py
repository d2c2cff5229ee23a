from celery import shared_task

from . import privacy, refusals
from .models import Tally


@shared_task
def forget_persons():
    """Once a day; safe to run twice."""
    privacy.forget()
    Tally.objects.old().delete()


@shared_task
def tell_refusals():
    """Every minute; what is told is not told again."""
    refusals.tell()
