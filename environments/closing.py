"""What ends with a password or with an account, whoever changes it and by whatever way."""

from django.contrib.auth import get_user_model
from django.db.models.signals import post_save

from .models import Session


def connect():
    """After recording.py, which looks at what stood there before."""
    post_save.connect(close, sender=get_user_model(), dispatch_uid="sessions and tokens end")


def close(sender, instance, created, raw=False, **kwargs):
    """Another password ends all sessions; the end of an account ends them, and its tokens: none comes back with it."""
    before = instance.row_before
    if raw or created or not before:
        return
    is_closed = before["is_active"] and not instance.is_active
    if is_closed or before["password"] != instance.password:
        Session.objects.filter(user=instance).end(instance)
    if is_closed:
        instance.tokens.all().delete()
