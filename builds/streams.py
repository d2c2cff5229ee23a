"""Logs as server-sent events, for any number of watchers: one reader for each build that somebody watches.

A view decides who may watch and answers with the beginning of a stream; what follows is sent from here, outside of
Django's handling of the request, so that a watcher holds neither a thread nor a connection to the database.

What a watcher gets is bounded: it takes turns from a ring that all share, and one that is slow falls out of the ring
and reads on from where it was.
"""

import asyncio
import contextlib
import json
import logging
import re
import secrets
import signal
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from django import forms
from django.db import connection
from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string

from . import log, schedule
from .models import Build

logger = logging.getLogger(__name__)

LOOK = 0.2  # seconds between looks at a log
TICK = 1.0  # seconds after which the durations of steps are sent although nothing else is new
ALIVE = 10  # seconds of silence after which something is sent, so that no proxy thinks it over
LONGEST = 300  # seconds; then the browser connects again, and is asked again who it is
RING = 2_000_000  # characters of turns that are kept for all
WATCH = "envportal.watch"  # where in the scope a view leaves who watches what
ALIVE_EVENT = b"event: alive\ndata:\n\n"
NO_TOKEN = secrets.token_hex(16).encode()  # stands in what is made for all, where each has a token of their own
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True)
class Caller:
    """Somebody who wants the log as text; all of them get the same."""

    kind = "text"

    def key(self, turn):
        return self.kind


@dataclass(eq=False)
class Watch:
    """What somebody has seen of a build."""

    build: object  # its primary key
    viewer: object
    place: log.Place
    state: str
    token: str = ""
    turn: int | None = None  # the next one in the ring; None while it has to catch up


class Start(forms.Form):
    offset = forms.IntegerField(min_value=0, max_value=2**62, required=False)
    state = forms.CharField(max_length=60, required=False)


def answer(request, build, viewer):
    """Begin a stream. Without a server that goes on with it (`Streams`) it ends after what is there now."""
    last = re.fullmatch(r"(\d+)(?: (\S+))?", request.headers.get("Last-Event-ID", ""))
    start = Start({"offset": last[1], "state": last[2] or ""} if last else request.GET)
    if not start.is_valid():
        return HttpResponse("offset says how many bytes you have seen", "text/plain", 400)
    offset = start.cleaned_data["offset"] or 0
    if last and build.log_is_complete and offset >= log.extent(build).size:
        return HttpResponse(status=204)  # which tells a browser not to come again
    number = log.number_at(build, offset)
    token = get_token(request) if viewer.kind == "page" else ""
    watch = Watch(build.pk, viewer, log.Place(offset, number), start.cleaned_data["state"], token)
    scope = getattr(request, "scope", None)
    if scope is None or request.method != "GET":
        return HttpResponse(look(watch).event_for(watch), content_type="text/event-stream", headers=HEADERS)
    scope[WATCH] = watch
    return HttpResponse(b"retry: 1000\n" + ALIVE_EVENT, content_type="text/event-stream", headers=HEADERS)


@dataclass
class Turn:
    """What happened to a build between two Places of its log, ready to be sent."""

    start: log.Place
    end: log.Place
    state: str
    has_twin: bool
    is_end: bool
    is_other: bool  # whether the state is one that was not sent yet
    events: dict = field(default_factory=dict)

    @property
    def size(self):
        return sum(map(len, self.events.values()))

    @property
    def is_new(self):
        return self.is_other or self.is_end or self.end != self.start

    def has(self, viewer):
        return viewer.key(self) in self.events

    def event_for(self, watch):
        event = self.events[watch.viewer.key(self)]
        return event.replace(NO_TOKEN, watch.token.encode()) if self.is_other else event


def look(watch, viewers=None, until=None, is_due=True):
    """Return the Turn from what `watch` has seen to what is there, at most to the Place `until`.

    When nothing is new it has events only if something `is_due`.
    """
    build = Build.objects.with_subject().select_related("reused_from__version__environment__workspace")
    build = build.get(pk=watch.build)
    viewers = [watch.viewer] if viewers is None else viewers
    extent = log.extent(build)
    prefetch_related_objects([build], "steps")  # after it, so that no line is counted to the step before its own
    end = until if until and until.offset < extent.next.offset else extent.next
    if end.offset <= watch.place.offset:
        end = watch.place
    elif end.offset - watch.place.offset > log.PIECE and any(viewer.kind == "text" for viewer in viewers):
        end = _end_of_piece(build, watch.place, end)
    schedule.lately.tell(build)
    state = build.state
    turn = Turn(
        start=watch.place,
        end=end,
        state=state,
        has_twin=bool(build.reused_from_id or (build.wait and build.wait.twin)),
        is_end=build.log_is_complete and end.offset >= extent.next.offset,
        is_other=state != watch.state,
    )
    if turn.is_new or is_due:
        for viewer in viewers:
            if not turn.has(viewer):
                turn.events[viewer.key(turn)] = MAKERS[viewer.kind](turn, build, viewer)
    return turn


def _end_of_piece(build, start, end):
    """A Place about a piece further on than `start`, where a line begins."""
    number = log.number_at(build, start.offset + log.PIECE)
    offset = log.offset_of(build, number)
    if offset <= start.offset:  # in the middle of a long line
        number += 1
        offset = log.offset_of(build, number)
    return log.Place(offset, number) if offset is not None and offset < end.offset else end


def make_page(turn, build, viewer):
    """The same part of the page that polling gets."""
    from .log_views import news  # which imports this module

    context = news(build, turn.start, turn.end, "" if turn.is_other else turn.state, viewer)
    context |= {"csrf_token": NO_TOKEN.decode(), "state": turn.state, "is_other": turn.is_other}
    html = render_to_string("builds/build.html#live", context)
    return _event(f"{turn.end.offset} {turn.state}", "lines", {"from": turn.start.offset, "html": html})


def make_text(turn, build, viewer):
    """Bytes of the log as text, and the state when it is another."""
    events = []
    if turn.is_other:
        events.append(_event("", "build", {"status": build.shown_status, "stage": build.stage, "reason": build.reason}))
    if turn.end.offset > turn.start.offset:
        text = log.read(build, turn.start.offset, turn.end.offset - turn.start.offset).decode("utf-8", "replace")
        events.append(_event(turn.end.offset, "log", {"offset": turn.start.offset, "text": text}))
    if turn.is_end:
        events.append(_event("", "end", {"status": build.shown_status}))
    return b"".join(events)


MAKERS = {"page": make_page, "text": make_text}


def _event(identity, name, data):
    lines = [f"id: {identity}"] if identity != "" else []
    return "\n".join([*lines, f"event: {name}", f"data: {json.dumps(data)}", "", ""]).encode()


class Streams:
    """An ASGI application around another one: goes on with the streams that its views began."""

    def __init__(self, application):
        self.application = application
        self.readers = {}
        # All reading is done by these, however many watch.
        self.threads = ThreadPoolExecutor(2, thread_name_prefix="log-reader")
        self.ending = None  # an event that is set when the process is told to end

    async def __call__(self, scope, receive, send):
        async def hold_open(message):
            if WATCH in scope and message["type"] == "http.response.start":
                message["headers"] = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
            elif WATCH in scope:
                message["more_body"] = True
            await send(message)

        await self.application(scope, receive, hold_open)
        if watch := scope.pop(WATCH, None):
            await self._go_on(watch, receive, send)

    async def _go_on(self, watch, receive, send):
        """Send until the log ends, whoever watches goes away, or it has taken so long that access is looked at anew."""
        self.ending = self.ending or _when_told_to_end()
        gone = asyncio.create_task(_until_gone(receive))
        tasks = {gone, asyncio.create_task(self._send(watch, send)), asyncio.create_task(self.ending.wait())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=LONGEST)
            is_there = not gone.done()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if is_there:
            await send({"type": "http.response.body", "body": b""})

    async def _send(self, watch, send):
        async with contextlib.aclosing(self._reader_of(watch).events(watch)) as events:
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})

    def _reader_of(self, watch):
        reader = self.readers.get(watch.build)
        if not reader:
            reader = self.readers[watch.build] = Reader(watch.build, self)
        return reader

    async def in_thread(self, *args, **kwargs):
        def call():
            try:
                return look(*args, **kwargs)
            finally:
                connection.close()

        return await asyncio.get_running_loop().run_in_executor(self.threads, call)


async def _until_gone(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


def _when_told_to_end():
    """Return an event. A server that is told to end waits for all answers, and a stream would keep it waiting."""
    ending, loop = asyncio.Event(), asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        of_server = signal.getsignal(signum)

        def end(number, frame, of_server=of_server):
            loop.call_soon_threadsafe(ending.set)
            of_server(number, frame)

        if callable(of_server) and threading.current_thread() is threading.main_thread():
            signal.signal(signum, end)
    return ending


class Reader:
    """Reads the log of one build while somebody watches, and keeps the last turns for all who do."""

    def __init__(self, build, streams):
        self.build, self.streams = build, streams
        self.seen = None  # what was read, as a Watch; None until it is known
        self.turns, self.first, self.held = deque(), 0, 0  # the ring, the number of its first turn, its characters
        self.is_ended = self.is_over = False
        self.watches, self.task = set(), None
        self.turned = asyncio.Event()

    async def events(self, watch):
        """What to send to a watcher, as it comes."""
        self.watches.add(watch)
        self.task = self.task or asyncio.create_task(self._run())
        try:
            while True:
                turned = self.turned  # taken first, so that a turn that comes meanwhile is not slept through
                if turn := await self._turn_for(watch):
                    watch.place, watch.state = turn.end, turn.state
                    yield turn.event_for(watch)
                    if turn.is_end:
                        return
                elif self.is_over:
                    return
                else:
                    try:
                        await asyncio.wait_for(turned.wait(), ALIVE)
                    except TimeoutError:
                        yield ALIVE_EVENT
        finally:
            self.watches.discard(watch)

    async def _turn_for(self, watch):
        """The next turn of the ring; one of its own for a watcher that is not as far; None when it has all there is."""
        if not self.seen:
            return None
        if watch.turn is None:
            watch.turn = self._place_in_ring(watch)
        if watch.turn is not None:
            at = watch.turn - self.first
            if at == len(self.turns):
                return None
            if at >= 0 and self.turns[at].has(watch.viewer):
                watch.turn += 1
                return self.turns[at]
            watch.turn = None  # it was slow, or the turn was made before it came
        if watch.place.offset > self.seen.place.offset and not self.is_ended:
            return None
        turn = await self.streams.in_thread(watch, until=self.seen.place, is_due=False)
        return turn if turn.is_new else None

    def _place_in_ring(self, watch):
        """The number of the turn that begins where this watcher is; None when there is none."""
        if not self.is_ended and (watch.place, watch.state) == (self.seen.place, self.seen.state):
            return self.first + len(self.turns)
        for at, turn in enumerate(self.turns):
            if turn.start == watch.place and (turn.is_other or turn.state == watch.state):
                return self.first + at
        return None

    async def _run(self):
        try:
            now = await self.streams.in_thread(Watch(self.build, None, log.Place(), ""), [])
            self._has_seen(now)
            sent = time.monotonic()
            while not self.is_ended and self.watches:
                await asyncio.sleep(LOOK)
                viewers = {watch.viewer for watch in self.watches}
                turn = await self.streams.in_thread(self.seen, viewers, is_due=time.monotonic() - sent >= TICK)
                if turn.events or turn.is_new:
                    self._keep(turn)
                    self._has_seen(turn)
                    sent = time.monotonic()
        except Exception:  # those who watch come again, or ask by themselves
            logger.exception("the log of build %s cannot be read", self.build)
        finally:
            self.is_over = True
            self.streams.readers.pop(self.build, None)
            self.turned.set()

    def _keep(self, turn):
        self.turns.append(turn)
        self.held += turn.size
        while self.held > RING and len(self.turns) > 1:
            self.held -= self.turns.popleft().size
            self.first += 1

    def _has_seen(self, turn):
        self.seen, self.is_ended = Watch(self.build, None, turn.end, turn.state), turn.is_end
        self.turned.set()
        self.turned = asyncio.Event()
