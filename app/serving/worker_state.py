"""What gunicorn's master and one of its workers tell one another, and how a worker ends (A8).

A signal says only that there is something to do, and one that comes while a worker starts is
lost. What is to be done stands in a page of memory that both share.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable
from enum import IntEnum
from time import monotonic
from typing import Protocol

#: How long before its end everything that is still open is told that it ends, in seconds.
CLOSING_S = 2.0
#: How long after its end a worker may still put down what was said: Redis may be slow or away.
STORING_S = 6.0
#: How much longer the master waits for its workers than answers may take.
SPARE_S = STORING_S + 2.0


class Phase(IntEnum):
    """How far a worker is."""

    STARTING = 0
    SERVING = 1
    LEAVING = 2


class Order(IntEnum):
    """What a worker is to do; a later one overrules those before it.

    RETIRE: take nothing new, finish what there is, however long it takes. STOP: within the grace.
    QUIT: at once.
    """

    NONE = 0
    RETIRE = 1
    STOP = 2
    QUIT = 3


class WorkerState:
    """The phase of a worker, which it sets itself, and its order, which only becomes graver."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, 2)

    @property
    def phase(self) -> Phase:
        """How far the worker is."""
        return Phase(self._page[0])

    @phase.setter
    def phase(self, phase: Phase) -> None:
        self._page[0] = phase

    @property
    def order(self) -> Order:
        """What it is to do."""
        return Order(self._page[1])

    def give(self, order: Order) -> None:
        """Order something."""
        self._page[1] = max(self._page[1], order)

    @property
    def serves(self) -> bool:
        """Whether it takes requests, and goes on to."""
        return self.phase is Phase.SERVING and self.order is Order.NONE

    @property
    def leaves(self) -> bool:
        """Whether it ends, or is to end."""
        return self.phase is Phase.LEAVING or self.order is not Order.NONE


class Leaver(Protocol):
    """A worker that ends."""

    def close_answers(self) -> None:
        """Have every answer end now, saying so, and take no other."""
        ...

    def hang_up(self) -> None:
        """End the connections that are left: they do not take their answer, or ask for one."""
        ...


class Leaving:
    """How a worker ends, once it is to: `order` may come again, `step` does what is due.

    `grace_s` is what STOP leaves to answers, `longest_s` what RETIRE does. `clock` is like
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
        # and may not send it to another server once it has.
        self.lingers = False

    def order(self, order: Order) -> None:
        """Take an order; the end only comes nearer."""
        self._end = min(self._end, self._clock() + self._lasts_s[order])
        self.lingers = order is not Order.QUIT

    def step(self, worker: Leaver, connections: int) -> bool:
        """Do what is due now; return whether the worker may go."""
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
