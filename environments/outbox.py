"""Sends the mails and the calls of webhooks that wait as rows.

Who sends a row claims it first by a conditional update, so however many workers there are, one does. What then happens:

- A receiver says no, or is not reached: the row waits, longer each time, and is given up after the last of `PAUSES`.
- The worker ends in the middle: a call is made again under the same id, by which its receiver knows it. A mail has no
  such id that anybody would look at, so it is not sent again, and its row says that it may have arrived.
"""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from . import hook_call, hook_words, notice_mail, sealing
from .notice_models import Delivery, State

log = logging.getLogger(__name__)

TURN = 3  # seconds
AT_ONCE = 4
BATCH = 40  # of one receiver in one turn
LONGEST_TURN = 20  # seconds
PAUSES = [timedelta(seconds=seconds) for seconds in (30, 120, 600, 3600, 6 * 3600, 24 * 3600)]
# Longer than any try takes.
LOST = timedelta(minutes=3)
LOST_MAIL = "The worker ended while it sent this. It may have arrived, so it is not sent again."
KEPT = timedelta(days=90)


class Postman(threading.Thread):
    """Takes its turns in the background until the worker ends."""

    def __init__(self, stopping):
        super().__init__(name="postman", daemon=True)
        self.stopping = stopping

    def run(self):
        while not self.stopping.wait(TURN):
            try:
                send_due()
            except Exception:  # whatever it was, the next turn may go well
                log.exception("the postman")
            finally:
                connection.close()


def send_due():
    """Send what is due. Of one webhook one call at a time, so that a slow receiver holds up nobody else."""
    take_back_lost()
    hooks = set(Delivery.objects.due().order_by().values_list("hook", flat=True).distinct())
    if len(hooks) < 2:
        for hook in hooks:
            _send_to(hook)
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(_send_in_thread, hooks))


def _send_in_thread(hook):
    try:
        _send_to(hook)
    except Exception:  # the others are sent all the same
        log.exception("what is due to %s", hook or "people")
    finally:
        connection.close()


def _send_to(hook):
    """Send what is due to one webhook, or without one the mails, for a while and until it is not taken."""
    until = time.monotonic() + LONGEST_TURN
    for pk in Delivery.objects.due().filter(hook=hook).values_list("pk", flat=True)[:BATCH]:
        is_taken = send(pk)
        if (hook and not is_taken) or time.monotonic() > until:
            return


def send(pk):
    """Claim a row that waits, and send it. Return whether it was ours to send and arrived."""
    now = timezone.now()
    due = Delivery.objects.filter(pk=pk, state=State.WAITING, next_at__lte=now)
    if not due.update(state=State.SENDING, claimed=now, tries=F("tries") + 1):
        return False
    delivery = Delivery.objects.select_related("hook__workspace", "user").get(pk=pk)
    try:
        if delivery.hook:
            _call(delivery)
        else:
            notice_mail.send(delivery)
    except (hook_call.NotTaken, notice_mail.NotTaken) as fault:
        _try_later(delivery, str(fault))
    except notice_mail.Perhaps as fault:
        _end(delivery, State.UNKNOWN, str(fault))
    except notice_mail.Refused as fault:
        _end(delivery, State.GIVEN_UP, str(fault))
    except Exception:  # a fault of ours is no reason to try for ever
        log.exception("delivery %s", pk)
        _try_later(delivery, "It failed by a fault of the portal.")
    else:
        _end(delivery, State.SENT)
        return True
    return False


def _call(delivery):
    hook = delivery.hook
    if not hook.is_on:
        raise hook_call.NotTaken("The webhook is switched off.")
    try:
        secret = sealing.unseal(hook.sealed)
    except sealing.Unreadable:
        raise hook_call.NotTaken("No key of the portal opens its secret. Give it a new one.") from None
    body, moment = hook_words.body_of(delivery, settings.PUBLIC_URL), int(timezone.now().timestamp())
    hook_call.call(hook.address, hook_words.headers(str(delivery.pk), moment, body, secret), body)


def _try_later(delivery, error):
    if delivery.tries > len(PAUSES):
        _end(delivery, State.GIVEN_UP, error)
        return
    next_at = timezone.now() + PAUSES[delivery.tries - 1]
    _ours(delivery).update(state=State.WAITING, next_at=next_at, error=error[:500])


def _end(delivery, state, error=""):
    _ours(delivery).update(state=state, ended=timezone.now(), error=error[:500])


def _ours(delivery):
    """The row, unless it was taken back meanwhile and is somebody else's."""
    return Delivery.objects.filter(pk=delivery.pk, state=State.SENDING, claimed=delivery.claimed)


def take_back_lost():
    """What a worker claimed and never ended: a call waits again, a mail may have arrived."""
    now = timezone.now()
    lost = Delivery.objects.filter(state=State.SENDING, claimed__lt=now - LOST)
    lost.filter(hook__isnull=False).update(
        state=State.WAITING, next_at=now, error="The worker ended while it sent this."
    )
    lost.filter(user__isnull=False).update(state=State.UNKNOWN, ended=now, error=LOST_MAIL)


def tidy():
    """Remove what ended long ago."""
    Delivery.objects.filter(ended__lt=timezone.now() - KEPT).delete()
