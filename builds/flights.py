"""Questions to the outside that many may ask at once and one thread carries. Those who ask wait for a while only."""

import threading
from concurrent.futures import Future, TimeoutError


class Late(Exception):
    """There is no answer yet. Perhaps there is one when it is asked for again."""


class Flights:
    """At most so many questions under way at once."""

    def __init__(self, most):
        self._most = most
        self._lock = threading.Lock()
        self._under_way = {}

    def share(self, key, act, seconds):
        """Return what `act` returns, called once for all who ask for `key` at the same time. Raise Late after `seconds`.

        It goes on when nobody waits any more, and should then leave its answer where the next one looks first.
        """
        with self._lock:
            future = self._under_way.get(key)
            if not future:
                if len(self._under_way) >= self._most:
                    raise Late
                future = self._under_way[key] = Future()
                # A daemon, so that a slow answer does not keep a process that ends.
                threading.Thread(target=self._carry, args=(key, act, future), daemon=True).start()
        try:
            return future.result(seconds)
        except TimeoutError:
            raise Late from None

    def _carry(self, key, act, future):
        try:
            answer, fault = act(), None
        except BaseException as raised:
            answer, fault = None, raised
        with self._lock:
            del self._under_way[key]
        future.set_exception(fault) if fault else future.set_result(answer)
