"""The broker: dramatiq on the gateway's own Redis.

A message is a ticket: it says that something waits, not what. So a message that comes twice, or
not at all, costs nothing: the queues and leases in the store decide what is run, and who looks
after them (services/keeping.py) sends a ticket where one is missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import dramatiq
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker

from app.store.seam import translated

QUEUE, ACTOR = "background", "work"


class TicketBroker(RedisBroker):
    """Sends tickets, and hands them to this process's threads as soon as it hears of them.

    `announce` has every worker's process call `wake`. Opens no connection when it is made.

    It has no retries and no time limits, so none of dramatiq's middleware: a model call costs
    money, and the gateway has its own limits. It has no maintenance either, which would look
    through all keys of the Redis for what dead workers have left: all workers go by one name, and
    `clear` forgets what was theirs.
    """

    def __init__(
        self, client: Any, prefix: str, concurrency: int, announce: Callable[[], None]
    ) -> None:
        # The namespace is in braces, or a Cluster would spread its keys.
        super().__init__(  # type: ignore[no-untyped-call]  # dramatiq gives it no types
            client=client, namespace=f"{prefix}{{dramatiq}}", middleware=[], maintenance_chance=0
        )
        self.broker_id = "gateway"
        self._concurrency = concurrency
        self._announce = announce
        self._consumers: list[_Woken] = []
        self._stopped = threading.Event()

    def send(self, count: int) -> None:
        """Have workers take so many jobs. Raises StorageUnavailable."""
        with translated():
            for _ in range(count):
                self.enqueue(dramatiq.Message(QUEUE, ACTOR, (), {}, {}))
        self._announce()

    def clear(self) -> None:
        """Forget all tickets. Raises StorageUnavailable."""
        with translated():
            self.flush(QUEUE)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Return a consumer that takes no more tickets than this process can see to at once."""
        ticketed = super().consume(queue_name, min(prefetch, self._concurrency), timeout=0)
        consumer = _Woken(ticketed, timeout / 1000, self._stopped, self._consumers.remove)
        self._consumers.append(consumer)
        return consumer

    def wake(self) -> None:
        """Have this process's consumers look for tickets."""
        for consumer in list(self._consumers):
            consumer.wake.set()

    def stop(self) -> None:
        """Take no more tickets: others shall have them."""
        self._stopped.set()


class _Woken(Consumer):
    """Waits to be woken where dramatiq's own would ask again and again, and ever more seldom."""

    def __init__(
        self,
        ticketed: Consumer,
        timeout_s: float,
        stopped: threading.Event,
        closed: Callable[[_Woken], None],
    ) -> None:
        self.wake = threading.Event()
        self._ticketed = ticketed
        self._timeout_s = timeout_s
        self._stopped = stopped
        self._closed = closed

    def __next__(self) -> MessageProxy | None:
        message = None if self._stopped.is_set() else next(self._ticketed)
        if message is None:
            self.wake.wait(self._timeout_s)
            self.wake.clear()
        return message

    def ack(self, message: MessageProxy) -> None:
        """Note that a ticket was seen to: there is room for the next."""
        self._ticketed.ack(message)
        self.wake.set()

    def nack(self, message: MessageProxy) -> None:
        """Note that a ticket was not seen to, which is no reason to try it again."""
        self._ticketed.nack(message)
        self.wake.set()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Leave tickets to others."""
        self._ticketed.requeue(messages)

    def close(self) -> None:
        """Be woken no more."""
        self._ticketed.close()
        self._closed(self)


def serve(broker: TicketBroker) -> None:
    """Make this the process's broker: only the worker's entry does."""
    dramatiq.set_broker(broker)
