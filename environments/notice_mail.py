"""Sends one notice as a mail. What can be known of whether it arrived is told by which fault is raised."""

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from .texts import shorten


class NotTaken(Exception):
    """The server did not take it, and may later."""


class Refused(Exception):
    """The server will never take it."""


class Perhaps(Exception):
    """The server was reading it when the connection broke off: nobody knows whether it took it."""


def send(delivery):
    """Return when the server took it. Raise NotTaken, Refused or Perhaps."""
    if not settings.HAS_EMAIL:
        raise NotTaken("No mail server is set up.")
    if not delivery.user.is_active or not delivery.user.email:
        raise Refused("This person has no address any more, or may not sign in.")
    connection = get_connection(timeout=settings.EMAIL_TIMEOUT)
    try:
        connection.open()
    except OSError as fault:  # smtplib's faults are among these
        raise NotTaken(_told("The mail server was not reached", fault)) from None
    try:
        connection.send_messages([_message(delivery, connection)])
    except smtplib.SMTPRecipientsRefused as fault:
        code, answer = next(iter(fault.recipients.values()))
        raise _answered(code, answer) from None
    except smtplib.SMTPResponseException as fault:
        raise _answered(fault.smtp_code, fault.smtp_error) from None
    except OSError as fault:
        raise Perhaps(
            _told("The connection broke off while the server read it, so it may have arrived", fault)
        ) from None
    finally:
        connection.close()


def _message(delivery, connection):
    link = settings.PUBLIC_URL.rstrip("/") + delivery.link
    choose = settings.PUBLIC_URL.rstrip("/") + "/account/notices/"
    text = "\n\n".join(
        filter(None, (delivery.subject, delivery.text, link, f"--\nWhat you are told, and how: {choose}"))
    )
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "envportal"
    headers = {"Message-ID": f"<{delivery.pk}@{domain}>", "Auto-Submitted": "auto-generated"}
    return EmailMessage(
        " ".join(delivery.subject.split()),
        text + "\n",
        to=[delivery.user.email],
        headers=headers,
        connection=connection,
    )


def _answered(code, answer):
    words = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
    told = f"The mail server answered {code}: {shorten(words, 200)}"
    return Refused(told) if 500 <= code < 600 else NotTaken(told)


def _told(what, fault):
    return f"{what}: {getattr(fault, 'strerror', None) or type(fault).__name__}."
