"""Hands wake-ups to a worker's threads (broker.py): a consumer that never fails.

Whatever is wrong with Redis, its thread tries again: a consumer that raises is replaced by dramatiq
once, and after that its thread is lost for good.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import BrokerConnectionError

from app.errors import StorageUnavailable
from app.store.connection.errors import translated
from app.store.connection.reasons import explained
from app.telemetry import STORE_FAILURES, log, unexpected

QUEUE = "background"
#: A fetch returns at least this many wake-ups, if there are as many (dramatiq's max_unpack_size).
_MOST_AT_ONCE = 1000


class WakeableConsumer(Consumer):
    """Waits to be woken, where dramatiq's own would poll, less and less often.

    MEASURED: a poll takes a twentieth of a job's CPU. So it polls when it is woken or has waited
    for long, and while there may be more: if it got less than it had room for, there is no more.

    `looked_at` is when it last took a wake-up or could have; `taken` maps each wake-up whose job
    runs to when it was taken. `rounds` counts the calls for one. `found` is called once Redis
    answers again: it may have handed out wake-ups in a reply that was lost. Raises nothing.
    """

    def __init__(
        self,
        queue_name: str,
        inner: Consumer,
        timeout_s: float,
        again_s: float,
        stopped: threading.Event,
        closed: Callable[[WakeableConsumer], None],
        found: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.queue_name = queue_name
        self.wake = threading.Event()
        self.looked_at = float("-inf")
        self.rounds = 0
        self._is_redis_lost = False
        self.taken: dict[str, float] = {}
        self._inner: Any = inner  # dramatiq's own, whose attributes have no types
        self._is_empty = False  # whether the queue was empty at the last look
        self._awaits_room = False
        self._done: deque[str] = deque()  # wake-ups to acknowledge to Redis
        self._timeout_s = timeout_s
        self._again_s = again_s
        self._stopped = stopped
        self._closed = closed
        self._found = found
        self._clock = clock

    def __next__(self) -> MessageProxy | None:
        self.rounds += 1
        if self._stopped.is_set():
            self._leave_fetched()
        if self._is_empty and not self._inner.message_cache:
            self.wake.wait(self._timeout_s)
            self.wake.clear()
        if self._stopped.is_set():
            self._is_empty = True
            return None
        return self._look()

    def _leave_fetched(self) -> None:
        """Leave to others the wake-ups that were fetched but not returned.

        As long as there were some, no round would wait: under gevent no other greenlet would run.
        """
        fetched, self._inner.message_cache = self._inner.message_cache, []
        messages = []
        for each in fetched:
            with faults_counted():  # one that cannot be decoded holds back no other
                messages.append(MessageProxy(Message.decode(each)))
        if messages:
            self.requeue(messages)

    def _look(self) -> MessageProxy | None:
        looked, message = False, None
        with faults_counted(self._redis_lost):
            message = self._next()
            looked = True
        if looked:
            self.looked_at = self._clock()
            self._redis_found()
            if message is None:
                self._is_empty = True
        else:
            self._is_empty = False  # whoever woke it may have been right: it looks again
            self._stopped.wait(self._again_s)  # however often it is woken meanwhile
        if message is not None:
            self.taken[message.message_id] = self._clock()
        return message

    def _next(self) -> MessageProxy | None:
        """Return the next wake-up; note whether there may be more, and whether there is room."""
        inner = self._inner
        if inner.message_cache:
            return cast("MessageProxy | None", next(inner))
        self._acknowledge()
        room = self._room()
        message: MessageProxy | None = next(inner)
        self._is_empty = (message is not None) + len(inner.message_cache) < min(room, _MOST_AT_ONCE)
        # Set first, so that either side notices room that is made meanwhile.
        self._awaits_room = True
        self._awaits_room = self._room() <= 0
        return message

    def _room(self) -> int:
        room: int = self._inner.prefetch - self._inner.outstanding_message_count
        return room

    def _redis_lost(self, fault: StorageUnavailable) -> None:
        if not self._is_redis_lost and self.queue_name == QUEUE:
            log.warning("worker_lost_its_store", reason=explained(fault))
        self._is_redis_lost = True

    def _redis_found(self) -> None:
        if not self._is_redis_lost:
            return
        with faults_counted():
            if self.queue_name == QUEUE:
                self._found()
                log.info("worker_found_its_store")
            self._is_redis_lost = False

    def ack(self, message: MessageProxy) -> None:
        """Note that a wake-up is done with: there is room for the next.

        It is acknowledged to Redis before the next look, with others. MEASURED: by itself that took
        a twentieth of a job's CPU. What is not acknowledged is forgotten with the next `clear`.
        """
        self.taken.pop(message.message_id, None)
        self._inner.queued_message_ids.discard(message.message_id)
        self._done.append(message.options["redis_message_id"])
        if self._awaits_room:
            self.wake.set()

    def nack(self, message: MessageProxy) -> None:
        """Note that a wake-up failed, which is no reason to repeat it."""
        self.ack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Leave wake-ups to others."""
        with faults_counted():
            self._inner.requeue(messages)

    def close(self) -> None:
        """Acknowledge what is done, and be woken no more."""
        self._closed(self)
        with faults_counted():
            self._acknowledge()
            self._inner.close()

    def _acknowledge(self) -> None:
        own_ids = [self._done.popleft() for _ in range(len(self._done))]
        if own_ids:
            self._inner.broker.acknowledge(self.queue_name, own_ids)


@contextmanager
def faults_counted(
    on_fault: Callable[[StorageUnavailable], None] = lambda _fault: None,
) -> Iterator[None]:
    """Raise nothing: an unreachable Redis is counted and passed to `on_fault`, the rest is logged.

    The labels of metrics still say "tickets", as wake-ups were once called.
    """
    try:
        with translated():
            try:
                yield
            except BrokerConnectionError as closed:  # dramatiq's own, around one of redis-py's
                raise next(iter(closed.args), closed) from None
    except StorageUnavailable as fault:
        STORE_FAILURES.labels("tickets").inc()
        on_fault(fault)
    except Exception as bug:  # noqa: BLE001 - a consumer that raises is one that is lost
        unexpected(bug, "tickets", "tickets")
