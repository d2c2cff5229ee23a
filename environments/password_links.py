"""Links by which somebody sets a password: made by an administrator, or sent to whoever asks with their address.

Django signs them with what the account is at that moment, so that a link is worth nothing once it was used, and also
after signing in, another password or another address. Nothing of it is kept.
"""

import contextvars
import logging
import threading
from smtplib import SMTPException

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.db import connection
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from events.models import Verb
from events.record import record

from .faults import UserFault

log = logging.getLogger(__name__)
HOURS = settings.PASSWORD_RESET_TIMEOUT // 3600
THING = "a link to set a password"


def make(user):
    """Return the path of a link for this person. Raise UserFault for one who may not sign in."""
    if not user.is_active:
        raise UserFault(f"{user} may not sign in. Let them in again first.")
    record(Verb.MADE, THING, about=user.get_username())
    return _path(user)


def send(user, path):
    """Send a link to the person's address. Return whether the mail server took it."""
    if not (settings.HAS_EMAIL and user.email):
        return False
    text = (
        f"Whoever opens this link sets the password of {user.get_username()}:\n\n"
        f"{settings.PUBLIC_URL.rstrip('/')}{path}\n\n"
        f"It works once, for {HOURS} hours. If you did not ask for it, there is nothing to do.\n"
    )
    try:
        return EmailMessage("Set your password", text, to=[user.email]).send() == 1
    except (OSError, SMTPException):
        return False


def send_to(address):
    """Send a link to everybody whose address this is and who has a password, while whoever asked goes on.

    The answer must not take longer where there is somebody: it would say so.
    """
    context = contextvars.copy_context()  # who asks, for the event
    thread = threading.Thread(target=context.run, args=(_send_to, address), name="password mail", daemon=True)
    thread.start()
    return thread


def _send_to(address):
    try:
        found = list(PasswordResetForm().get_users(address))
        record(Verb.REQUESTED, THING, about=address, after={"accounts": len(found)})
        for user in found:
            if not send(user, _path(user)):
                log.error("a link to set a password was not sent: the mail server did not take it")
    except Exception:
        log.exception("a link to set a password was not sent")
    finally:
        connection.close()


def _path(user):
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("set-password", args=[uid, default_token_generator.make_token(user)])
