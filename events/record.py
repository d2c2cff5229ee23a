"""The one way in which an event comes to be."""

from django.db import models, transaction

from . import shipping
from .actor import LONGEST_NAME, current
from .models import Event

LONGEST_TEXT = 2000  # of a value in `before` and `after`
AT_ONCE = 500  # rows in one query


def record(verb, thing="", workspace=None, before=None, after=None, by=None, about="", name="", actor=None):
    """Say that whoever acts in this moment did `verb` to `thing`. One INSERT, in the transaction of the act.

    `thing` is a row, or the text of something that has none. `before` and `after` are dicts of what JSON can say.
    `by` is the person where no request says who acts; `about` the name of one whom the act is about, and `name` what
    the thing is called, if it is not what str() says. `actor` is an Actor, where it is told later what somebody did.
    Whatever text it is, it is made to fit.
    """
    event = event_of(verb, thing, workspace, before, after, by, about, name, actor)
    event.save(force_insert=True)
    _ship([event])
    return event


def record_all(events):
    """The same for what one act does to many things, each an `event_of`. Return them as they are kept."""
    events = Event.objects.bulk_create(events, batch_size=AT_ONCE)
    _ship(events)
    return events


def event_of(verb, thing="", workspace=None, before=None, after=None, by=None, about="", name="", actor=None):
    """What `record` would say, not yet kept."""
    is_row = isinstance(thing, models.Model)
    actor = actor or current(by)
    event = Event(
        verb=verb,
        kind=str(thing._meta.verbose_name)[:30] if is_row else "",
        object_id=str(thing.pk)[:64] if is_row else "",
        object=_text("" if is_row and about else name or str(thing))[:255],
        workspace_id=workspace and workspace.pk,
        workspace=workspace.name if workspace else "",
        before=_clean(before),
        after=_clean(after),
        actor_kind=actor.kind,
        person=_text(actor.name)[:LONGEST_NAME],
        about=_text(about)[:LONGEST_NAME],
        token=_text(actor.token)[:130],
        address=actor.address,
    )
    event.hide()
    return event


def _ship(events):
    if shipping.is_on():
        told = [event.as_dict() for event in events]
        transaction.on_commit(lambda: [shipping.send(each) for each in told], robust=True)


def _text(text):
    """What both databases can keep: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "␀").encode("utf-8", "replace").decode()


def _clean(value):
    if isinstance(value, dict):
        return {_text(str(name)): _clean(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(each) for each in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _text(str(value))[:LONGEST_TEXT]
