"""The broker: dramatiq on the gateway's own Redis.

A message is a wake-up: it says that a job waits, not which. So a message that comes twice, or not
at all, costs nothing: the queues and leases in the store decide what is run, and the supervisor
(services/background/supervisor.py) sends a wake-up where one is missing.

That is also why a consumer never fails. Whatever is wrong with Redis, its thread tries again: a
consumer that raises is replaced by dramatiq once, and after that its thread is lost for good.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any, cast
from uuid import uuid4

import dramatiq
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import current_millis
from dramatiq.errors import BrokerConnectionError

from app.errors import StorageUnavailable
from app.store.connection.errors import translated
from app.store.connection.reasons import reason
from app.store.connection.replication import ONE_SERVER, Command, Write
from app.store.connection.script import Arguments, Call, LuaText, Script
from app.telemetry import STORE_FAILURES, log, unexpected

QUEUE, ACTOR = "background", "work"
#: After how many seconds Redis is tried again that did not answer, or refused.
AGAIN_S = 1.0
#: At least so many wake-ups come at once, if there are so many (dramatiq's max_unpack_size).
_MOST_AT_ONCE = 1000


class WakeUpBroker(RedisBroker):
    """Sends wake-ups, and hands them to this process's threads as soon as they are announced.

    `announcement` has every worker's process call `wake`. Opens no connection when made. `clock`
    is like time.monotonic; a wake-up that is not done with in `longest_s` has lost its thread. A
    Redis that does not answer, or refuses, is tried again after `again_s`.

    It has no retries and no time limits, so none of dramatiq's middleware: a model call costs
    money, and the gateway has its own limits. It has no maintenance either, which would look
    through all keys of the Redis for what dead workers have left: all workers go by one name, and
    `clear` forgets what was theirs.
    """

    def __init__(
        self,
        client: Any,
        prefix: str,
        concurrency: int,
        announcement: Command,
        *,
        longest_s: float = float("inf"),
        again_s: float = AGAIN_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        # The namespace is in braces, or a Cluster would spread its keys.
        super().__init__(  # type: ignore[no-untyped-call]  # dramatiq gives it no types
            client=client, namespace=f"{prefix}{{dramatiq}}", middleware=[], maintenance_chance=0
        )
        programs = {
            name: Script(LuaText(name, cast("bytes", each.script).decode()))
            for name, each in self.scripts.items()
        }
        self.scripts = {name: partial(_run, client, each) for name, each in programs.items()}
        self._program = programs["dispatch"]
        self.broker_id = "gateway"
        self._concurrency = concurrency
        self._announcement = announcement
        self._longest_s = longest_s
        self._again_s = again_s
        self._clock = clock
        self._consumers: set[_WakeableConsumer] = set()
        self._stopped = threading.Event()

    def send(self, count: int) -> None:
        """Have workers take so many jobs. Raises StorageUnavailable."""
        with translated():
            ONE_SERVER.attempt(self.client, *self.waking(count))

    def waking(self, count: int) -> list[Write]:
        """Return the writes that have workers take so many jobs, in their order."""
        return [*(self._enqueuing() for _ in range(count)), self._announcement]

    def _enqueuing(self) -> Call:
        """Return what `enqueue` does as one call, to be sent with others.

        MEASURED: to queue a job took five round trips, of which this saves two: a quarter of its
        request's CPU.
        """
        own_id = str(uuid4())
        message: Any = dramatiq.Message(QUEUE, ACTOR, (), {}, {"redis_message_id": own_id})
        # As dramatiq's dispatch.lua takes them; the zeros are what its maintenance takes.
        settings = (self.broker_id, self.heartbeat_timeout, self.dead_message_ttl, 0, 0)
        arguments = ("enqueue", current_millis(), QUEUE, *settings, own_id, message.encode())
        return self._program((self.namespace,), arguments)

    def clear(self) -> None:
        """Forget all wake-ups. Raises StorageUnavailable."""
        with translated():
            self.flush(QUEUE)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Return a consumer that takes no more wake-ups than this process can follow at once."""
        inner = super().consume(queue_name, min(prefetch, self._concurrency), timeout=0)
        consumer = _WakeableConsumer(
            queue_name,
            inner,
            timeout / 1000,
            self._again_s,
            self._stopped,
            self._consumers.discard,
            self._clock,
        )
        self._consumers.add(consumer)
        return consumer

    def wake(self) -> None:
        """Have this process's consumers look for wake-ups, of which none is ever delayed."""
        for consumer in list(self._consumers):
            if consumer.queue_name == QUEUE:
                consumer.wake.set()

    def idle_s(self) -> float:
        """Return for how many seconds this process has taken no job, nor could have.

        That is infinity where no consumer has ever looked, or every thread has lost itself in a
        job. A consumer that is gone, or whose Redis does not answer, looks no more.
        """
        looking = [each for each in list(self._consumers) if each.queue_name == QUEUE]
        started = [at for each in looking for at in list(each.taken.values())]
        lost = sum(self._clock() - at > self._longest_s for at in started)
        if lost >= self._concurrency:
            return float("inf")
        return self._clock() - max((each.looked_at for each in looking), default=float("-inf"))

    def stop(self) -> None:
        """Take no more wake-ups: others shall have them."""
        self._stopped.set()


def _run(client: Any, script: Script, args: Arguments = (), keys: Sequence[str] = ()) -> Any:
    """Run one of dramatiq's programs; redis-py would want SCRIPT, which not every user may call."""
    return script(keys, args).run(client)


class _WakeableConsumer(Consumer):
    """Waits to be woken where dramatiq's own would ask again and again, and ever more seldom.

    MEASURED: to ask takes a twentieth of a job's CPU. So it asks when it is woken or has waited for
    long, and while there may be more: where it got less than it had room for, there is none.

    `looked_at` is when it last took a wake-up or could have; `taken` has when each was taken whose
    job runs. `rounds` counts the calls for one. Raises nothing.
    """

    def __init__(
        self,
        queue_name: str,
        inner: Consumer,
        timeout_s: float,
        again_s: float,
        stopped: threading.Event,
        closed: Callable[[_WakeableConsumer], None],
        clock: Callable[[], float],
    ) -> None:
        self.queue_name = queue_name
        self.wake = threading.Event()
        self.looked_at = float("-inf")
        self.rounds = 0
        self._is_redis_lost = False
        self.taken: dict[str, float] = {}
        self._inner: Any = inner  # dramatiq's own, whose attributes have no types
        self._is_empty = False  # the queue, when it was looked at last
        self._awaits_room = False
        self._timeout_s = timeout_s
        self._again_s = again_s
        self._stopped = stopped
        self._closed = closed
        self._clock = clock

    def __next__(self) -> MessageProxy | None:
        self.rounds += 1
        if self._is_empty and not self._inner.message_cache:
            self.wake.wait(self._timeout_s)
            self.wake.clear()
        message = None if self._stopped.is_set() else self._look()
        if message is None:
            self._is_empty = True
        return message

    def _look(self) -> MessageProxy | None:
        looked, message = False, None
        with _faults_counted(self._redis_lost):
            message = self._next()
            looked = True
        if looked:
            self.looked_at = self._clock()
            self._redis_found()
        else:
            self._stopped.wait(self._again_s)  # however often it is woken meanwhile
        if message is not None:
            self.taken[message.message_id] = self._clock()
        return message

    def _next(self) -> MessageProxy | None:
        """Return the next wake-up; note whether there may be more, and whether there is room."""
        inner = self._inner
        if inner.message_cache:
            return cast("MessageProxy | None", next(inner))
        room = self._room()
        message: MessageProxy | None = next(inner)
        self._is_empty = (message is not None) + len(inner.message_cache) < min(room, _MOST_AT_ONCE)
        # First, since room that is made meanwhile is to be noticed by either side.
        self._awaits_room = True
        self._awaits_room = self._room() <= 0
        return message

    def _room(self) -> int:
        room: int = self._inner.prefetch - self._inner.outstanding_message_count
        return room

    def _redis_lost(self, fault: StorageUnavailable) -> None:
        if not self._is_redis_lost and self.queue_name == QUEUE:
            log.warning("worker_lost_its_store", reason=reason(fault))
        self._is_redis_lost = True

    def _redis_found(self) -> None:
        if self._is_redis_lost and self.queue_name == QUEUE:
            log.info("worker_found_its_store")
        self._is_redis_lost = False

    def ack(self, message: MessageProxy) -> None:
        """Note that a wake-up is done with: there is room for the next."""
        self._leave(self._inner.ack, message)

    def nack(self, message: MessageProxy) -> None:
        """Note that a wake-up failed, which is no reason to try it again."""
        self._leave(self._inner.nack, message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Leave wake-ups to others."""
        with _faults_counted():
            self._inner.requeue(messages)

    def close(self) -> None:
        """Be woken no more."""
        self._closed(self)
        with _faults_counted():
            self._inner.close()

    def _leave(self, leave: Callable[[MessageProxy], None], message: MessageProxy) -> None:
        # What does not reach Redis is forgotten with the next `clear`.
        self.taken.pop(message.message_id, None)
        with _faults_counted():
            leave(message)
        if self._awaits_room:
            self.wake.set()


@contextmanager
def _faults_counted(
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


def serve(broker: WakeUpBroker) -> None:
    """Make this the process's broker: only the worker's entry does."""
    dramatiq.set_broker(broker)
