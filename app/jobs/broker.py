"""The broker: dramatiq on the gateway's own Redis.

A message is a ticket: it says that something waits, not what. So a message that comes twice, or
not at all, costs nothing: the queues and leases in the store decide what is run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Callbacks, Middleware

from app.jobs.actors import declare
from app.store.seam import translated

Broker = RedisBroker


def build_broker(client: Any, prefix: str, lease_s: float, *middleware: Middleware) -> Broker:
    """Return the broker. Opens no connection.

    No retries and no time limits of dramatiq's own: a model call costs money, and the gateway has
    its own limits. The namespace is in braces, or a Cluster would spread its keys.
    """
    return RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq gives it no types
        client=client,
        namespace=f"{prefix}{{dramatiq}}",
        heartbeat_timeout=int(lease_s * 1000),
        # Redelivery is looked after at every command, not at one in a thousand.
        maintenance_chance=1_000_000,
        middleware=[Callbacks(), *middleware],
    )


def serve(broker: Broker) -> None:
    """Make this the process's broker: only the worker's entry does."""
    dramatiq.set_broker(broker)


def sender(broker: Broker) -> Callable[[], None]:
    """Return what tells the workers that something waits.

    It raises StorageUnavailable where the store is away: the job then waits for the next ticket.
    """
    actor = declare(broker, _nobody)

    def send() -> None:
        with translated():
            actor.send()

    return send


def _nobody() -> None:
    raise RuntimeError("tickets are for the worker process")
