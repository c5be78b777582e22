"""A store that loses no answer while Redis is away: those already bought go to the spool.

The policy, as a caller sees it. While Redis is away nothing is read and nothing deleted: that is
StorageUnavailable. An answer that is to be saved is tried again for 5 s, then written to the spool,
and counts as saved. Before anything is read again, by whatever process of this machine, the spool
is delivered; so an answer that a caller has received is found as soon as Redis is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Literal, Protocol

from app.domain.items import Item
from app.errors import NotFound, StorageUnavailable
from app.store.base import Context, Page, ResponseStore, Turn, Unconfirmed
from app.store.spool import Spool
from app.telemetry import log

#: How long, and how often, an answer is tried to be saved before it is spooled; in seconds.
RETRIED_S, PAUSE_S = 5.0, 0.25
#: How long the replicas may take to have what was delivered, and how soon they are asked again.
CONFIRMED_S, ASKED_AGAIN_S = 0.1, 10.0
#: How long a reader waits while another delivers.
PATIENCE_S = 5.0


class Confirming(ResponseStore, Protocol):
    """A store whose saving has two steps."""

    def keep(self, turn: Turn) -> bool:
        """Save a response without waiting for replicas."""
        ...

    def confirm(self, response_id: str, wait_s: float) -> None:
        """Return when enough replicas have what was kept, or else raise Unconfirmed."""
        ...


class SpoolingStore:
    """Implements ResponseStore on another one and a spool.

    `sleep` waits for seconds, `now` returns those of a clock that never goes back.
    """

    def __init__(
        self,
        store: Confirming,
        spool: Spool,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._spool = spool
        self._sleep = sleep
        self._now = now
        self._delivering = Lock()
        self._kept: set[str] = set()
        self._unreadable: set[str] = set()
        self._asked_again_at = 0.0

    def save(self, turn: Turn) -> bool:
        """Keep a terminal response: in Redis, or else in the spool.

        Raises:
            StorageUnavailable: it could be written to neither.
        """
        until = self._now() + RETRIED_S
        while True:
            try:
                return self._store.save(turn)
            except StorageUnavailable as fault:
                if isinstance(fault, Unconfirmed) or self._now() >= until:
                    self._put(turn, fault)
                    return True
            self._sleep(PAUSE_S)

    def _put(self, turn: Turn, fault: StorageUnavailable) -> None:
        try:
            self._spool.put(turn)
        except OSError as error:
            log.error("response_lost", response_id=turn.response.id, reason=str(error))
            raise fault from error
        log.warning("response_spooled", response_id=turn.response.id)

    def get(self, account: str, response_id: str) -> Turn:
        """Return a stored turn."""
        return self._ready().get(account, response_id)

    def delete(self, account: str, response_id: str) -> None:
        """Hide a response; turns that continue it keep their whole context."""
        self._ready().delete(account, response_id)

    def context(self, account: str, response_id: str) -> Context:
        """Return what a turn that continues `response_id` starts from."""
        return self._ready().context(account, response_id)

    def input_items(
        self,
        account: str,
        response_id: str,
        *,
        order: Literal["asc", "desc"],
        limit: int,
        after: str | None,
        before: str | None,
    ) -> Page:
        """Return a page of what the model saw (E6): earlier turns, then this one's own input."""
        return self._ready().input_items(
            account, response_id, order=order, limit=limit, after=after, before=before
        )

    def items(self, account: str, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return those of the items that the account has stored, by id (S5)."""
        return self._ready().items(account, item_ids)

    def stored_bytes(self, account: str) -> int:
        """Return how many bytes an account has stored."""
        return self._ready().stored_bytes(account)

    def ping(self) -> None:
        """Return when the store answers and has everything that was spooled."""
        self._ready().ping()

    def _ready(self) -> ResponseStore:
        """Return the store once the spool is delivered."""
        waiting = self._spool.waiting()
        if waiting:
            if not self._delivering.acquire(timeout=PATIENCE_S):
                raise StorageUnavailable("Answers are still being delivered.", retry_after_s=1)
            try:
                self._deliver(waiting)
            finally:
                self._delivering.release()
        return self._store

    def _deliver(self, waiting: Sequence[str]) -> None:
        for response_id in waiting:
            if response_id not in self._kept | self._unreadable:
                self._keep(response_id)
        self._kept.intersection_update(waiting)
        if self._now() >= self._asked_again_at:
            self._confirm()

    def _keep(self, response_id: str) -> None:
        try:
            turn = self._spool.take(response_id)
        except (ValueError, OSError) as error:
            log.error("spooled_response_unreadable", response_id=response_id, reason=str(error))
            self._unreadable.add(response_id)
            return
        if turn is None:
            return
        try:
            self._store.keep(turn)
        except NotFound:
            # Its account was erased meanwhile, and so it is here.
            self._spool.drop(response_id)
            return
        self._kept.add(response_id)
        log.info("response_delivered", response_id=response_id)

    def _confirm(self) -> None:
        """Drop what the replicas have; ask no further once they lag."""
        for response_id in sorted(self._kept):
            try:
                self._store.confirm(response_id, CONFIRMED_S)
            except Unconfirmed:
                self._asked_again_at = self._now() + ASKED_AGAIN_S
                return
            self._spool.drop(response_id)
            self._kept.discard(response_id)
