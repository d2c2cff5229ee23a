"""Signing in and out."""

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from .models import Verb
from .record import record


@receiver(user_logged_in)
def signed_in(user, **kwargs):
    record(Verb.SIGNED_IN, by=user)


@receiver(user_logged_out)
def signed_out(user, **kwargs):
    if user is not None:  # nobody was signed in
        record(Verb.SIGNED_OUT, by=user)


@receiver(user_login_failed)
def sign_in_failed(credentials, **kwargs):
    """The name as it was typed, which may be a password that slipped: it is personal and goes as such."""
    record(Verb.SIGN_IN_FAILED, about=str(credentials.get("username") or ""))
