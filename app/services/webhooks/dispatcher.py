"""A worker's side of webhooks: takes due deliveries, sends them, and records the outcome.

Each delivery has a thread, and a lease in the store: what a killed worker was sending is sent again
by another. So a receiver gets each event at least once. At most `capacity` run here; the store
bounds how many go to one endpoint and belong to one account (store/webhooks/redis.py), so that slow
receivers hold up no others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from app.domain.webhooks.deliveries import (
    LONGEST_PAUSE_S,
    AttemptEntry,
    Delivery,
    Outcome,
    Receipt,
    retry_at,
)
from app.errors import StorageUnavailable
from app.services.webhooks.courier import Courier
from app.store.webhooks.base import WebhookStore
from app.telemetry import (
    STORE_FAILURES,
    WEBHOOK_SECONDS,
    WEBHOOKS,
    identify,
    log,
    unexpected,
)

CAPACITY = 32
#: Seconds between two looks for due deliveries, if neither news nor a pause says when.
LOOK_S = 5.0
#: Seconds after which an unreachable store is tried again, and for how many in all.
AGAIN_S, SETTLED_S = 0.5, 15.0


class Dispatcher:
    """Delivers many events at once. `now` returns Unix seconds, `chance` a number from 0 to 1.

    `is_active` tells whether an account is not disabled. Once `stopped` is set, nothing more is
    taken.
    """

    def __init__(
        self,
        store: WebhookStore,
        courier: Courier,
        is_active: Callable[[str], bool],
        stopped: threading.Event,
        *,
        now: Callable[[], float],
        chance: Callable[[], float],
        capacity: int = CAPACITY,
    ) -> None:
        self._store = store
        self._courier = courier
        self._is_active = is_active
        self._stopped = stopped
        self._now = now
        self._chance = chance
        self._capacity = capacity
        self._under_way = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()

    def wake(self) -> None:
        """Look for due deliveries."""
        self._wake.set()

    def run(self) -> None:
        """Deliver until stopped; while the store is unreachable, keep trying."""
        while not self._stopped.is_set():
            try:
                pause_s = self.begin()
            except StorageUnavailable:
                STORE_FAILURES.labels("webhooks").inc()
                pause_s = AGAIN_S
            except Exception as bug:  # noqa: BLE001 - nobody else would deliver anything
                unexpected(bug, "webhooks", "webhooks")
                pause_s = LOOK_S
            self._wake.wait(min(pause_s, LOOK_S))
            self._wake.clear()

    def finish(self, within_s: float) -> None:
        """Return when no delivery runs any more, or after `within_s`."""
        self._idle.wait(within_s)

    def begin(self) -> float:
        """Begin due deliveries, up to the capacity; return in how many seconds to look again.

        Raises:
            StorageUnavailable: the store is unreachable.
        """
        while (room := self._capacity - self._under_way) > 0:
            taken = self._store.take(room)
            if taken.dropped:
                WEBHOOKS.labels("failed").inc(taken.dropped)
                log.warning("webhooks_dropped", events=taken.dropped)
            for delivery in taken.deliveries:
                self._start(delivery)
            if not taken.deliveries:
                return taken.pause_s
        return LOOK_S  # the end of a delivery wakes this loop

    def _start(self, delivery: Delivery) -> None:
        with self._lock:
            self._under_way += 1
            self._idle.clear()
        thread = threading.Thread(
            target=self._deliver, args=(delivery,), name="webhook", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # no thread is left: it is sent once its lease is over
            self._ended()
            raise

    def _deliver(self, delivery: Delivery) -> None:
        identify(response_id=delivery.event.response_id)
        try:
            self.deliver(delivery)
        except StorageUnavailable:  # once its lease is over it is sent again
            STORE_FAILURES.labels("webhooks").inc()
        except Exception as bug:  # noqa: BLE001 - once its lease is over it is sent again
            unexpected(bug, delivery.endpoint.id, "webhooks")
        finally:
            self._ended()
            self._wake.set()

    def _ended(self) -> None:
        with self._lock:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    def deliver(self, delivery: Delivery) -> None:
        """Send an event and record the outcome.

        Raises:
            StorageUnavailable: the store was unreachable for too long.
        """
        endpoint, event = delivery.endpoint, delivery.event
        if self._is_active(endpoint.account):
            receipt = self._courier.take(endpoint, event)
        else:
            receipt = Receipt(fault="account_disabled")
        now = self._now()
        again = None if receipt.is_taken else retry_at(delivery, receipt, now, self._chance())
        entry = entry_of(delivery, receipt, now, again)
        quiet_s = min(LONGEST_PAUSE_S, receipt.retry_after_s or 0.0)
        if self._settled(delivery, entry, now + quiet_s):
            _attempt_ended(delivery, entry)

    def _settled(self, delivery: Delivery, entry: AttemptEntry, quiet_until: float) -> bool:
        """Record the outcome; keep trying while the store is down, or the event comes twice."""
        failed, until = entry.outcome != "delivered", monotonic() + SETTLED_S
        while True:
            try:
                return self._store.settle(delivery, entry, failed=failed, quiet_until=quiet_until)
            except StorageUnavailable:
                if monotonic() > until:
                    raise
                STORE_FAILURES.labels("webhooks").inc()
            threading.Event().wait(AGAIN_S)


def entry_of(delivery: Delivery, receipt: Receipt, now: float, again: float | None) -> AttemptEntry:
    """Return the delivery log's entry for an attempt."""
    event = delivery.event
    outcome: Outcome = "delivered" if receipt.is_taken else "failed" if again is None else "retried"
    return AttemptEntry(
        at=round(now, 3),
        event_id=event.id,
        type=event.type,
        response_id=event.response_id,
        attempt=delivery.attempt,
        outcome=outcome,
        status=receipt.status,
        error=receipt.fault,
        duration_ms=round(receipt.duration_s * 1000),
        next_at=None if again is None else round(again, 3),
    )


def _attempt_ended(delivery: Delivery, entry: AttemptEntry) -> None:
    WEBHOOKS.labels(entry.outcome).inc()
    WEBHOOK_SECONDS.observe(entry.duration_ms / 1000)
    say = log.info if entry.outcome == "delivered" else log.warning
    say(
        f"webhook_{entry.outcome}",
        endpoint_id=delivery.endpoint.id,
        event_id=entry.event_id,
        account=delivery.endpoint.account,
        attempt=entry.attempt,
        status=entry.status,
        error=entry.error,
        duration_ms=entry.duration_ms,
    )
