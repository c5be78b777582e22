"""The worker process: one actor that does the work, and the threads that keep it going."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import dramatiq
from dramatiq.middleware import Middleware

from app.jobs.broker import ACTOR, QUEUE, TicketBroker
from app.services.following import Followings
from app.services.keeping import Keeper

BEATS_PER_LEASE = 3
#: /readyz knows a worker that is silent for 15 s for dead.
MAX_BEAT_S = 5.0


def declare(broker: TicketBroker, work: Callable[[], None]) -> None:
    """Have this process's threads do `work` for each ticket."""
    dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE, broker=broker)(work)


class Life(Middleware):
    """Starts a worker's threads with its process, after the fork, and drains it at the end."""

    def __init__(
        self, broker: TicketBroker, keeper: Keeper, followings: Followings, lease_s: float
    ) -> None:
        self._tickets = broker
        self._keeper = keeper
        self._followings = followings
        self._beat_s = min(lease_s / BEATS_PER_LEASE, MAX_BEAT_S)

    def after_worker_boot(self, _broker: Any, _worker: Any) -> None:
        """Start hearing, beating and flushing."""
        self._followings.listen()
        _start(lambda: self._keeper.keep_alive(self._beat_s))
        _start(self._keeper.keep_flushing)

    def before_worker_shutdown(self, _broker: Any, _worker: Any) -> None:
        """Give running jobs their grace, then put them back; dramatiq waits for them beside it."""
        self._tickets.stop()
        _start(self._keeper.drain)


def _start(keep_going: Callable[[], None]) -> None:
    threading.Thread(target=keep_going, daemon=True).start()
