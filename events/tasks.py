from celery import shared_task

from . import privacy


@shared_task
def forget_persons():
    """Once a day; safe to run twice."""
    privacy.forget()
