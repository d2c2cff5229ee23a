"""Signing in and out, and what was refused."""

import logging

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import Error, transaction
from django.dispatch import receiver

from .models import Verb
from .record import record

log = logging.getLogger(__name__)


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


def note_refusal(request, answer):
    """Record an answer that refuses something. One that cannot be recorded is no reason to answer otherwise."""
    if answer.status_code == 403:
        verb = Verb.DENIED
    elif answer.status_code == 401 and "Authorization" in request.headers:
        verb = Verb.TOKEN_REFUSED
    else:
        return
    workspace = getattr(request, "denied_in", None)
    try:
        with transaction.atomic():
            record(verb, request.path, workspace, after={"method": request.method})
    except Error:
        log.exception("a refused request is not among the events: %s", request.path)
