"""The worker process: one actor that does the work, and the threads that keep it alive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware

from app.services.following import Followings
from app.services.telling import FLUSH_S
from app.services.working import Worker

QUEUE = "background"
BEATS_PER_LEASE = 3


def declare(broker: RedisBroker, work: Callable[[], None]) -> dramatiq.Actor[[], None]:
    """Return the actor that does `work` for each ticket."""
    return dramatiq.actor(actor_name="work", queue_name=QUEUE, broker=broker)(work)


class Life(Middleware):
    """Starts a worker's heartbeat, flusher and listener with its process, and drains it at the end.

    Heartbeats come at least every 5 s, so that /readyz knows a living worker from a dead one.
    """

    def __init__(self, worker: Worker, followings: Followings, lease_s: float) -> None:
        self._worker = worker
        self._followings = followings
        self._beat_s = min(lease_s / BEATS_PER_LEASE, 5.0)

    def after_worker_boot(self, _broker: Any, _worker: Any) -> None:
        """Start the threads: after the fork, never before."""
        self._followings.listen()
        for keep_going, every_s in (
            (self._worker.keep_alive, self._beat_s),
            (self._worker.keep_flushing, FLUSH_S / 2),
        ):
            threading.Thread(target=keep_going, args=(every_s,), daemon=True).start()

    def before_worker_shutdown(self, _broker: Any, _worker: Any) -> None:
        """Give running jobs their grace, then put them back into the queue."""
        threading.Thread(target=self._worker.drain, daemon=True).start()
