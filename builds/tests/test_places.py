"""Whose question is answered next, with real threads."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from builds.places import Crowded, Places, Superseded


class Room:
    """One place that is taken until somebody opens the door; those who come after stand in a line."""

    def __init__(self):
        self.places, self.begun, self.outcome = Places(1), [], {}
        self.door, self.threads = threading.Event(), []
        self.ask("first", "first", self.door.wait)
        self.until(lambda: self.begun == ["first"])

    def ask(self, asker, person, act=lambda: None, patience=20):
        """Ask in a thread of its own; return when it stands in the line."""
        waits = threading.Event()
        thread = threading.Thread(target=self._ask, args=(asker, person, act, patience, waits), daemon=True)
        self.threads.append(thread)
        thread.start()
        if asker != "first":
            assert waits.wait(10)

    def _ask(self, asker, person, act, patience, waits):
        try:
            with self.places.take(asker, person, patience, waits.set):
                self.begun.append(asker)
                act()
        except (Superseded, Crowded) as fault:
            self.outcome[asker] = fault

    def until(self, what):
        deadline = time.monotonic() + 10
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def open(self):
        self.door.set()
        for thread in self.threads:
            thread.join(10)
        return self.begun[1:]


@pytest.fixture
def room():
    room = Room()
    yield room
    room.door.set()


def test_who_waits_is_answered_in_the_order_of_asking(room):
    for n in range(5):
        room.ask(n, n)
    assert room.open() == [0, 1, 2, 3, 4]


def test_a_person_with_many_questions_gets_one_place_when_another_waits():
    places, order = Places(2), []
    hold = threading.Event()

    def ask(asker, person):
        with places.take(asker, person, 20):
            order.append(asker)
            hold.wait(20)

    with ThreadPoolExecutor(4) as pool:
        for count, (asker, person) in enumerate([("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")], 1):
            pool.submit(ask, asker, person)
            deadline = time.monotonic() + 10
            while len(order) + len(places._line) < count and time.monotonic() < deadline:
                time.sleep(0.01)
        assert order == ["a1", "a2"]
        assert min(places._line, key=places._key).asker == "b1"
        hold.set()
    assert sorted(order) == ["a1", "a2", "a3", "b1"]


def test_who_types_on_keeps_the_place_in_the_line(room):
    room.ask("typist", 1)
    room.ask("other", 2)
    room.ask("typist", 1)
    assert room.open() == ["typist", "other"]
    assert isinstance(room.outcome["typist"], Superseded)


def test_who_was_sent_away_keeps_the_place_in_the_line(room):
    room.ask("early", 1, patience=0.05)
    room.until(lambda: "early" in room.outcome)
    assert str(room.outcome["early"]) == "Many people resolve something just now; you are next."
    room.ask("late", 2)
    room.ask("early", 1)
    assert room.open() == ["early", "late"]


def test_who_is_sent_away_hears_how_many_are_before(room):
    room.ask("a", 1)
    room.ask("b", 2)
    room.ask("c", 3, patience=0.05)
    room.until(lambda: "c" in room.outcome)
    assert str(room.outcome["c"]) == "Many people resolve something just now; 2 are before you."


def test_nothing_is_kept_of_those_who_are_gone(room):
    for n in range(5):
        room.ask(n, n)
    room.open()
    assert (room.places._line, room.places._latest, room.places._held) == ([], {}, {})
    with room.places.take("next", "next", 0):
        pass


def test_what_fails_gives_its_place_back(room):
    room.open()
    with pytest.raises(ValueError, match="mine"), room.places.take("x", "x", 1):
        raise ValueError("mine")
    with room.places.take("y", "y", 0):
        pass
