"""The memory shared by gunicorn's master and one worker, and how a worker ends (A8).

A signal says only that there is something to do, and one that arrives while a worker starts is
lost. The order itself is in a page of memory that both share.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable
from enum import IntEnum
from time import monotonic
from typing import Protocol

#: Seconds before a worker's end at which open responses are ended with an error.
CLOSING_S = 2.0
#: Seconds after that end in which a worker may still store responses: Redis may be slow or down.
STORING_S = 6.0
#: Seconds that the master waits for its workers beyond the time that responses have.
SPARE_S = STORING_S + 2.0


class Phase(IntEnum):
    """The phase of a worker's life."""

    STARTING = 0
    SERVING = 1
    LEAVING = 2


class Order(IntEnum):
    """The master's order to a worker; a higher one overrides those before it.

    RETIRE: accept nothing new, finish open responses, however long they take. STOP: within the
    grace period. QUIT: at once.
    """

    NONE = 0
    RETIRE = 1
    STOP = 2
    QUIT = 3


class WorkerState:
    """A worker's phase, which it sets itself, and its order, which can only be raised."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, 2)

    @property
    def phase(self) -> Phase:
        """The worker's phase."""
        return Phase(self._page[0])

    @phase.setter
    def phase(self, phase: Phase) -> None:
        self._page[0] = phase

    @property
    def order(self) -> Order:
        """The order to the worker."""
        return Order(self._page[1])

    def give(self, order: Order) -> None:
        """Give an order; a lower one than the current is ignored."""
        self._page[1] = max(self._page[1], order)

    @property
    def serves(self) -> bool:
        """Whether it accepts requests and has no order to leave."""
        return self.phase is Phase.SERVING and self.order is Order.NONE

    @property
    def leaves(self) -> bool:
        """Whether it is ending, or has the order to."""
        return self.phase is Phase.LEAVING or self.order is not Order.NONE


class Leaver(Protocol):
    """A worker that is ending."""

    def close_answers(self) -> None:
        """End every response now, with an error, and admit no other."""
        ...

    def hang_up(self) -> None:
        """Shut down the remaining connections: their clients do not read, or send nothing."""
        ...


class Leaving:
    """A worker's shutdown: `order` may be called again, `step` does what is due.

    Responses have `grace_s` after STOP, and `longest_s` after RETIRE. `clock` is like
    time.monotonic.
    """

    def __init__(
        self, grace_s: float, longest_s: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._lasts_s = {
            Order.RETIRE: max(longest_s, CLOSING_S),
            Order.STOP: max(grace_s, CLOSING_S),
            Order.QUIT: CLOSING_S,
        }
        self._clock = clock
        self._end = math.inf
        self._closed = self._hung_up = False
        # Whether idle connections are kept for a moment: a proxy may be sending a request on one,
        # which it must not repeat on another server.
        self.lingers = False

    def order(self, order: Order) -> None:
        """Take an order; the deadline can only move closer."""
        self._end = min(self._end, self._clock() + self._lasts_s[order])
        self.lingers = order is not Order.QUIT

    def step(self, worker: Leaver, connections: int) -> bool:
        """Do what is due now; return whether the worker may exit."""
        if not connections:
            return True
        left_s = self._end - self._clock()
        if left_s <= CLOSING_S and not self._closed:
            self._closed = True
            worker.close_answers()
        if left_s <= 0 and not self._hung_up:
            self._hung_up = True
            worker.hang_up()
        return left_s <= -STORING_S
