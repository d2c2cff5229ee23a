"""Says to people and to other systems what happened: rows, in the transaction of the act, which are sent later.

    tell(Kind.CURATED, people, "sklearn-1.5 ends on 1 May", about=version, link=version.get_absolute_url(),
         once_key=f"curated {version.pk} deprecated", workspace=workspace, text="Use sklearn-1.6 instead.")

Who is told twice under one `once_key` is told once. `tell_all` takes all that one act has to tell together.
"""

from dataclasses import dataclass, field

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from events.models import Verb
from events.record import record

from .notice_models import AT_ONCE, TEST, Channel, Choice, Delivery, Hook, Notice
from .people_models import Workspace
from .texts import shorten

LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class Telling:
    """What some people and a workspace are told.

    `recipients` are users, who have to see what it is about: whoever calls knows who does. `about` is the row that it
    is about, `link` the path of its page, `text` what a mail says below the subject, `data` what a webhook says beside
    that.
    """

    recipients: list
    subject: str
    about: models.Model
    link: str
    once_key: str
    workspace: Workspace | None = None
    text: str = ""
    data: dict = field(default_factory=dict)

    def said(self, kind, now):
        """What every row says that comes of it."""
        return {
            "kind": kind, "subject": shorten(self.subject, 250), "text": _kept(self.text), "link": self.link[:500],
            "once_key": self.once_key[:120], "created": now,
        }  # fmt: skip

    @property
    def of(self):
        return self.workspace and self.workspace.pk

    @property
    def facts(self):
        about = self.about
        return {"about": {"kind": str(about._meta.verbose_name), "id": str(about.pk), "name": str(about)}} | self.data


def tell(kind, recipients, subject, about, link, once_key, **more):
    """Tell `recipients`, each as they chose, and the webhooks of `workspace` that want this kind.

    To be called in the transaction of the act; a second time under the same `once_key` changes nothing.
    """
    tell_all(kind, [Telling(list(recipients), subject, about, link, once_key, **more)])


def tell_all(kind, tellings):
    """The same of all that one act has to tell, by the same few queries for each `AT_ONCE` people or workspaces."""
    people = {user.pk: user for telling in tellings for user in telling.recipients if user.is_active}
    wanted = Choice.objects.wanted(list(people), kind)
    hooks = Hook.objects.wanting({telling.of for telling in tellings} - {None}, kind)
    notices, mails, calls, now = [], [], [], timezone.now()
    for telling in tellings:
        said, facts = telling.said(kind, now), telling.facts
        whom = [people[pk] for pk in dict.fromkeys(user.pk for user in telling.recipients) if pk in people]
        notices += [
            Notice(user=user, workspace=telling.workspace, **said) for user in whom if user.pk in wanted[Channel.PORTAL]
        ]
        mails += [Delivery(user=user, **said) for user in whom if user.pk in wanted[Channel.MAIL] and user.email]
        calls += [Delivery(hook=hook, data=facts, **said) for hook in hooks.get(telling.of, ())]
    if not settings.HAS_EMAIL:
        mails = []
    # In one order, whoever tells at the same time, so that two never wait for each other.
    notices.sort(key=lambda row: (row.user_id, row.once_key))
    deliveries = sorted([*mails, *calls], key=lambda row: (row.hook_id or 0, row.user_id or 0, row.once_key))
    with transaction.atomic():
        Notice.objects.bulk_create(notices, ignore_conflicts=True, batch_size=AT_ONCE)
        Delivery.objects.bulk_create(deliveries, ignore_conflicts=True, batch_size=AT_ONCE)


def send_test(hook, by):
    """Call a webhook for nothing but to see whether it answers. Return the Delivery."""
    now = timezone.now()
    said = {"kind": TEST, "subject": f"A test of the webhook, by {by}", "link": hook.get_absolute_url(), "created": now}
    with transaction.atomic():
        record(Verb.REQUESTED, hook, hook.workspace, by=by, name=f"test of {hook}")
        return Delivery.objects.create(hook=hook, once_key=f"test {now.isoformat()}", **said)


def _kept(text):
    return text.replace("\0", "␀").encode("utf-8", "replace").decode()[:LONGEST_TEXT]
