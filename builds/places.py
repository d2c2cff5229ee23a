"""Places for questions that people ask while they type: so many at once, one person after the other.

The person who has the fewest places is next, then the question that waits longest. Who asks something newer takes the
older question's place in the line, and so does, for a while, who was sent away because it took too long.
"""

import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field

REMEMBERED = 60  # seconds that somebody who was sent away may take to ask again


class Superseded(Exception):
    """The same asker has asked something newer."""


class Crowded(Exception):
    """No place became free in time; the argument says how many were before this one in the line."""

    def __str__(self):
        before = self.args[0]
        place = f"{before:,} {'is' if before == 1 else 'are'} before you" if before else "you are next"
        return f"Many people resolve something just now; {place}."


@dataclass(eq=False)
class Question:
    asker: object
    person: object
    since: float
    ended: threading.Event = field(default_factory=threading.Event)
    called: threading.Event = field(default_factory=threading.Event)  # it has its place, or is ended
    has_place: bool = False

    def end(self):
        self.ended.set()
        self.called.set()


class Places:
    """So many of them, for all threads of this process."""

    def __init__(self, count):
        self._free, self._lock = count, threading.Lock()
        self._line, self._latest = [], {}  # questions that wait; of each asker the newest one
        self._held, self._sent_away = Counter(), {}

    @contextmanager
    def take(self, asker, person, patience, on_wait=lambda: None):
        """End what the asker asked before, wait for a place, give the Event that ends this question in its turn.

        Raise Superseded or Crowded where there is none. `on_wait` is called before it waits.
        """
        question = self._enter(asker, person)
        try:
            if not question.called.is_set():
                on_wait()
                question.called.wait(patience)
            self._insist(question)
            yield question.ended
        finally:
            self._leave(question)

    def _enter(self, asker, person):
        with self._lock:
            now = time.monotonic()
            self._sent_away = {who: when for who, when in self._sent_away.items() if now - when[1] < REMEMBERED}
            question = Question(asker, person, self._sent_away.pop(asker, (now,))[0])
            if older := self._latest.get(asker):
                if older in self._line:
                    self._line.remove(older)
                    question.since = older.since
                older.end()
            self._latest[asker] = question
            self._line.append(question)
            self._call()
        return question

    def _insist(self, question):
        with self._lock:
            if question.ended.is_set():
                raise Superseded
            if not question.has_place:
                self._sent_away[question.asker] = question.since, time.monotonic()
                raise Crowded(sum(self._key(other) < self._key(question) for other in self._line))

    def _leave(self, question):
        with self._lock:
            if question in self._line:
                self._line.remove(question)
            if question.has_place:
                self._free += 1
                self._held[question.person] -= 1
                self._held += Counter()  # forgets those who have none
            if self._latest.get(question.asker) is question:
                del self._latest[question.asker]
            self._call()

    def _key(self, question):
        return self._held[question.person], question.since

    def _call(self):
        """Give the free places to those whose turn it is."""
        while self._free and self._line:
            question = min(self._line, key=self._key)
            self._line.remove(question)
            self._free -= 1
            self._held[question.person] += 1
            question.has_place = True
            question.called.set()
