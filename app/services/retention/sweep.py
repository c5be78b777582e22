"""The sweep: one worker at a time purges what is due, a bounded number per tick (C5).

The store itself already hides what is due from every reader. So whatever delays the sweep (Redis
unreachable, a worker killed, no worker at all) leaves content in Redis for longer, but shows nobody
anything. Every step may be repeated, by two workers too: where one stopped, the next goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from app.errors import StorageUnavailable
from app.services.retention.copies import Copies
from app.store.responses.archive_base import Purged
from app.store.retention.base import RetentionStore
from app.telemetry import (
    RETENTION_OVERDUE,
    RETENTION_OVERDUE_SECONDS,
    RETENTION_PURGED,
    log,
    surviving,
    unexpected,
)

#: How many are purged before the lease is extended, and how many times that is done in one tick.
AT_ONCE, MOST_BATCHES = 100, 5
#: Seconds until the next tick: if more is due, and if nothing is.
BUSY_S, IDLE_S = 0.5, 5.0
#: The request log and webhook deliveries are scanned for this many responses at a time, at least
#: this many seconds apart, since a scan reads all of them.
UNLOGGED_AT_ONCE, UNLOGGING_S = 10_000, 600.0


class RetentionSweep:
    """Sweeps for one worker, whose `token` is its own. `clock` is like time.monotonic."""

    def __init__(
        self,
        store: RetentionStore,
        copies: Copies,
        token: str,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._copies = copies
        self._token = token
        self._clock = clock
        self._logs_from = clock()

    def tick(self) -> bool:
        """Purge what is due, up to a bound; return whether more is due.

        Raises:
            StorageUnavailable: the store is unreachable; the rest is purged later.
        """
        for _ in range(MOST_BATCHES):
            due = self._store.due(self._token, AT_ONCE)
            RETENTION_OVERDUE.set(due.count if due else 0)
            RETENTION_OVERDUE_SECONDS.set(due.late_s if due else 0)
            if due is None:
                return False
            if not due.ids:
                self._erase_from_log()
                return False
            self._purge(due.ids)
        self._erase_from_log()
        return True

    def _purge(self, ids: tuple[str, ...]) -> None:
        destroyed = list[Purged]()
        try:
            for any_id in ids:
                if (gone := self._destroyed(any_id)) is not None:
                    destroyed.append(gone)
            self._copies.forget(destroyed)
            self._store.settle(destroyed)
        finally:
            kinds = Counter[str](each.kind for each in destroyed if each.is_news)
            for kind, count in kinds.items():
                RETENTION_PURGED.labels(kind).inc(count)
            if kinds:
                log.info("retention_purged", count=kinds.total(), **kinds)

    def _destroyed(self, any_id: str) -> Purged | None:
        """Destroy an item; one that cannot be destroyed now holds up no others."""
        gone = None
        try:
            gone = self._store.purge(any_id, only_due=True)
        except StorageUnavailable:
            raise
        except Exception as bug:  # noqa: BLE001 - it would be the first again, for ever
            unexpected(bug, any_id, "retention")
        if gone is None:
            self._store.postpone(any_id)
        return gone

    def _erase_from_log(self) -> None:
        """Remove purged responses from the logs that name them, once in a while."""
        if self._clock() < self._logs_from:
            return
        self._logs_from = self._clock() + UNLOGGING_S
        if names := self._store.unlogged(UNLOGGED_AT_ONCE):
            self._copies.forget_names(names)
        if len(names) >= UNLOGGED_AT_ONCE:  # more are left, and the logs must not fall behind
            self._logs_from = self._clock()

    def keep_sweeping(self, pause: Callable[[float], object]) -> None:
        """Sweep for ever; while the store is unreachable, keep trying."""
        while True:
            more = False
            with surviving("retention"):
                more = self.tick()
            pause(BUSY_S if more else IDLE_S)
