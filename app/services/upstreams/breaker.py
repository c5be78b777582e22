"""One circuit breaker: it counts how calls end, and admits none while it is open.

MEASURED: written here because every request passes through it twice. The library used before took
44 calls per request, and could handle neither a call that ends in another context than it began in,
nor one whose end says nothing about the upstream's health; this takes four.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half_open"]

WINDOW_S = 10
MINIMUM_CALLS = 20
PROBE_AFTER_S = 5.0


class CircuitOpen(Exception):
    """No call is admitted; the next may be in `retry_after_s` seconds."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("the breaker is open")
        self.retry_after_s = retry_after_s


class _Second:
    """How many calls ended in one second of the clock, and how many of these failed."""

    __slots__ = ("at", "ended", "failed")

    def __init__(self, at: int) -> None:
        self.at = at
        self.ended = 0
        self.failed = 0


class Breaker:
    """Closed it counts, open it refuses, half open it admits one call as a probe.

    `clock` is like time.monotonic; `on_change` gets each new state, in order. Safe for threads.
    """

    def __init__(self, clock: Callable[[], float], on_change: Callable[[State], None]) -> None:
        self.state: State = "closed"
        self._clock = clock
        self._on_change = on_change
        # Reentrant: the garbage collector may end a dropped call while its thread has the lock.
        self._lock = threading.RLock()
        self._generation = 0
        self._opened_at = 0.0
        self._is_probing = False
        self._failed_at = -WINDOW_S
        self._seconds: deque[_Second] = deque(maxlen=WINDOW_S)

    def admit(self) -> int:
        """Admit a call; return the generation for `end`, valid until the next change of state.

        Raises:
            CircuitOpen: it is open, or its one probe is still running.
        """
        generation = self._generation  # read before the state: older calls do not count
        return generation if self.state == "closed" else self._admit_probe()

    def end(self, generation: int, *, failed: bool | None) -> None:
        """Count the end of a call; `failed` is None if it says nothing about the upstream."""
        with self._lock:
            if generation != self._generation:
                return
            if self.state == "half_open":
                self._is_probing = False
                if failed is not None:
                    self._change_to("open" if failed else "closed")
            elif failed is not None:
                self._count(failed=failed)

    def _admit_probe(self) -> int:
        with self._lock:
            open_s = self._clock() - self._opened_at
            if self.state == "open" and open_s >= PROBE_AFTER_S:
                self._change_to("half_open")
            if self.state == "half_open" and not self._is_probing:
                self._is_probing = True
            elif self.state != "closed":
                raise CircuitOpen(PROBE_AFTER_S - open_s)
            return self._generation

    def _count(self, *, failed: bool) -> None:
        now, seconds = int(self._clock()), self._seconds
        if not seconds or seconds[-1].at != now:
            seconds.append(_Second(now))
        seconds[-1].ended += 1
        if failed:
            seconds[-1].failed += 1
            self._failed_at = now
        # While nothing fails there is nothing to add up.
        if now - self._failed_at < WINDOW_S and self._is_failing(now):
            self._change_to("open")

    def _is_failing(self, now: int) -> bool:
        lately = [second for second in self._seconds if now - second.at < WINDOW_S]
        ended = sum(second.ended for second in lately)
        return ended >= MINIMUM_CALLS and 2 * sum(second.failed for second in lately) >= ended

    def _change_to(self, state: State) -> None:
        self._generation += 1
        self.state = state
        if state == "open":
            self._opened_at = self._clock()
        elif state == "closed":
            self._seconds.clear()
            self._failed_at = -WINDOW_S
        self._is_probing = False
        self._on_change(state)
