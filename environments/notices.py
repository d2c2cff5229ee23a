"""Says to people and to other systems what happened: rows, in the transaction of the act, which are sent later.

    tell(Kind.CURATED, people, "sklearn-1.5 ends on 1 May", about=version, link=version.get_absolute_url(),
         once_key=f"curated {version.pk} deprecated", workspace=workspace, text="Use sklearn-1.6 instead.")

Who is told twice under one `once_key` is told once.
"""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from events.models import Verb
from events.record import record

from .notice_models import TEST, Channel, Choice, Delivery, Hook, Notice
from .texts import shorten

LONGEST_TEXT = 10_000
AT_ONCE = 500


def tell(kind, recipients, subject, about, link, once_key, *, workspace=None, text="", data=None):
    """Tell `recipients`, each as they chose, and the webhooks of `workspace` that want this kind.

    `recipients` are users, who have to see what it is about: whoever calls knows who does. `about` is the row that it
    is about, `link` the path of its page, `text` what a mail says below the subject, `data` what a webhook says beside
    that. To be called in the transaction of the act; a second time under the same `once_key` changes nothing.
    """
    people = [user for user in {user.pk: user for user in recipients}.values() if user.is_active]
    wanted = Choice.objects.wanted(people, kind)
    said = {
        "kind": kind, "subject": shorten(subject, 250), "text": _kept(text), "link": link[:500],
        "once_key": once_key[:120], "created": timezone.now(),
    }  # fmt: skip
    with transaction.atomic():
        notices = [Notice(user=user, workspace=workspace, **said) for user in wanted[Channel.PORTAL]]
        Notice.objects.bulk_create(notices, ignore_conflicts=True, batch_size=AT_ONCE)
        mails = [Delivery(user=user, **said) for user in wanted[Channel.MAIL] if settings.HAS_EMAIL and user.email]
        hooks = Hook.objects.wanting(workspace, kind) if workspace else []
        named = {"about": {"kind": str(about._meta.verbose_name), "id": str(about.pk), "name": str(about)}}
        calls = [Delivery(hook=hook, data=named | (data or {}), **said) for hook in hooks]
        Delivery.objects.bulk_create([*mails, *calls], ignore_conflicts=True, batch_size=AT_ONCE)


def send_test(hook, by):
    """Call a webhook for nothing but to see whether it answers. Return the Delivery."""
    now = timezone.now()
    said = {"kind": TEST, "subject": f"A test of the webhook, by {by}", "link": hook.get_absolute_url(), "created": now}
    with transaction.atomic():
        record(Verb.REQUESTED, hook, hook.workspace, by=by, name=f"test of {hook}")
        return Delivery.objects.create(hook=hook, once_key=f"test {now.isoformat()}", **said)


def _kept(text):
    return text.replace("\0", "␀").encode("utf-8", "replace").decode()[:LONGEST_TEXT]
