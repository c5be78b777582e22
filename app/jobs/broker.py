"""The broker: dramatiq on the gateway's own Redis.

A message is a wake-up: it says that a job waits, not which one. So a message that is delivered
twice, or never, does no harm: the queues and leases in the store decide what is run, and the
supervisor (services/background/supervisor.py) sends a wake-up if one is missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, cast
from uuid import uuid4

import dramatiq
from dramatiq.broker import Consumer
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import current_millis

from app.jobs.consumer import QUEUE, WakeableConsumer
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER, Command, Write
from app.store.connection.script import Arguments, Call, LuaText, Script, run_all

ACTOR = "work"
#: Seconds after which a Redis that did not answer, or refused, is tried again.
AGAIN_S = 0.5


class WakeUpBroker(RedisBroker):
    """Sends wake-ups, and hands them to this process's threads as soon as they are announced.

    `announcement` has every worker process call `wake`. Opens no connection when created. `clock`
    is like time.monotonic; a wake-up that takes longer than `longest_s` has lost its thread. A
    consumer that is not woken looks after `look_s` at the latest. A Redis that does not answer, or
    refuses, is tried again after `again_s`; once it answers, `on_found` is called, which may raise.

    It has no retries and no time limits, so none of dramatiq's middleware: a model call costs
    money, and the gateway has its own limits. It has no maintenance either, which would scan all
    keys of the Redis for what dead workers have left: all workers share one name, and `clear`
    forgets what was theirs.
    """

    def __init__(
        self,
        client: Any,
        prefix: str,
        concurrency: int,
        announcement: Command,
        *,
        longest_s: float = float("inf"),
        look_s: float = float("inf"),
        again_s: float = AGAIN_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        # The namespace is in braces, so that a Cluster keeps all its keys on one node.
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
        self._look_s = look_s
        self._again_s = again_s
        self._clock = clock
        self._consumers: set[WakeableConsumer] = set()
        self._stopped = threading.Event()
        self.on_found: Callable[[], None] = lambda: None

    def send(self, count: int) -> None:
        """Have workers take this many jobs. Raises StorageUnavailable."""
        with translated():
            ONE_SERVER.attempt(self.client, *self.waking(count))

    def waking(self, count: int) -> list[Write]:
        """Return the writes that have workers take this many jobs, in their order."""
        return [*(self._enqueuing() for _ in range(count)), self._announcement]

    def acknowledge(self, queue_name: str, own_ids: Sequence[str]) -> None:
        """Acknowledge wake-ups, in one round trip. Raises what redis-py raises."""
        run_all(self.client, [self._call("ack", queue_name, own_id) for own_id in own_ids])

    def _enqueuing(self) -> Call:
        """Return the call that `enqueue` makes, to be sent with other writes.

        MEASURED: queueing a job took five round trips, of which this saves two: a quarter of its
        request's CPU.
        """
        own_id = str(uuid4())
        message: Any = dramatiq.Message(QUEUE, ACTOR, (), {}, {"redis_message_id": own_id})
        return self._call("enqueue", QUEUE, own_id, message.encode())

    def _call(self, command: str, queue_name: str, *arguments: str | bytes) -> Call:
        """Return a call of dramatiq's dispatch.lua; the zeros are the arguments of maintenance."""
        settings = (self.broker_id, self.heartbeat_timeout, self.dead_message_ttl, 0, 0)
        given = (command, current_millis(), queue_name, *settings, *arguments)
        return self._program((self.namespace,), given)

    def clear(self) -> None:
        """Forget all wake-ups. Raises StorageUnavailable."""
        with translated():
            self.flush(QUEUE)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Return a consumer that takes no more wake-ups than this process can handle at once."""
        inner = super().consume(queue_name, min(prefetch, self._concurrency), timeout=0)
        consumer = WakeableConsumer(
            queue_name,
            inner,
            min(timeout / 1000, self._look_s),
            self._again_s,
            self._stopped,
            self._consumers.discard,
            lambda: self.on_found(),
            self._clock,
        )
        self._consumers.add(consumer)
        return consumer

    def wake(self) -> None:
        """Have this process's consumers look for wake-ups, none of which is ever delayed."""
        for consumer in list(self._consumers):
            if consumer.queue_name == QUEUE:
                consumer.wake.set()

    def idle_s(self) -> float:
        """Return the seconds since this process last took a job or could have.

        Infinity if no consumer has ever looked, or if every thread is stuck in a job. A consumer
        that is closed, or whose Redis does not answer, looks no more.
        """
        looking = [each for each in list(self._consumers) if each.queue_name == QUEUE]
        started = [at for each in looking for at in list(each.taken.values())]
        lost = sum(self._clock() - at > self._longest_s for at in started)
        if lost >= self._concurrency:
            return float("inf")
        return self._clock() - max((each.looked_at for each in looking), default=float("-inf"))

    def stop(self) -> None:
        """Take no more wake-ups, and leave them to others."""
        self._stopped.set()


def _run(client: Any, script: Script, args: Arguments = (), keys: Sequence[str] = ()) -> Any:
    """Run one of dramatiq's programs; redis-py would use SCRIPT, which not every user may call.

    A wake-up that was queued twice, since a reply was lost, comes without its text the second time:
    it is left out, since dramatiq would log it as a bug of its own.
    """
    result = script(keys, args).run(client)
    return [each for each in result if each is not None] if isinstance(result, list) else result


def serve(broker: WakeUpBroker) -> None:
    """Make this the process's broker; only the worker's entry point does."""
    dramatiq.set_broker(broker)
