from celery import shared_task

from . import privacy, refusals


@shared_task
def forget_persons():
    """Once a day; safe to run twice."""
    privacy.forget()


@shared_task
def tell_refusals():
    """Every minute; what is told is not told again."""
    refusals.tell()
