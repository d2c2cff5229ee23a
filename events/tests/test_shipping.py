"""Events as JSON lines for a log shipper."""

import json
import os
import threading
import time

import pytest

from events import chain, shipping
from events.models import Event, Verb
from events.record import record


@pytest.fixture
def shipped(settings, tmp_path, monkeypatch):
    """Return what stands in the file, once all is written."""
    file = tmp_path / "events.jsonl"
    settings.EVENTS_LOG = str(file)
    shipper = shipping.Shipper()
    monkeypatch.setattr(shipping, "shipper", shipper)

    def shipped():
        assert shipper.flush(5)
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    return shipped


def test_an_event_is_shipped_after_its_transaction(db, shipped, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        event = record(Verb.MADE, "thing", after={"n": 1})
        assert shipped() == []
    (line,) = shipped()
    assert (line["id"], line["verb"], line["after"]) == (event.pk, "made", {"n": 1})


def test_each_seal_says_the_last_hash(db, shipped, django_capture_on_commit_callbacks):
    record(Verb.MADE, "thing")
    with django_capture_on_commit_callbacks(execute=True):
        chain.seal()
    last = chain.head()
    assert shipped()[-1] == {"sealed": last.position, "digest": last.digest}


def test_a_file_that_was_rotated_away_is_made_anew(db, shipped, settings, django_capture_on_commit_callbacks):
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            record(Verb.MADE, "thing")
        assert len(shipped()) == 1
        os.rename(settings.EVENTS_LOG, f"{settings.EVENTS_LOG}.1")


def test_a_shipper_that_takes_nothing_keeps_nobody_waiting(tmp_path, caplog):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # which nobody reads, so that to open it never ends
    shipper = shipping.Shipper(most=2)
    began = time.monotonic()
    for n in range(10):
        shipper.put(str(pipe), f"{n}\n")
    assert time.monotonic() - began < 1
    assert "does not take them as fast" in caplog.text
    assert not shipper.flush(0.1)
    threading.Thread(target=pipe.read_text, daemon=True).start()  # let the thread end its work


def test_a_file_that_cannot_be_written_is_said_and_harms_nothing(tmp_path, caplog):
    shipper = shipping.Shipper()
    shipper.put(str(tmp_path), "{}\n")
    assert shipper.flush(5)
    assert "an event is not in" in caplog.text


def test_nothing_is_shipped_where_nobody_asks(db, settings, django_capture_on_commit_callbacks):
    settings.EVENTS_LOG = ""
    with django_capture_on_commit_callbacks() as callbacks:
        record(Verb.MADE, "thing")
    assert callbacks == []
    assert Event.objects.filter(object="thing").exists()
