"""A store that loses no answer while Redis takes no writes: paid answers go to the spool.

The policy, as a caller sees it:

- Redis is unreachable: reading and deleting raise StorageUnavailable. Redis refuses writes: reading
  works as usual, deleting does not.
- Saving an answer is retried for 5 s; then it is written to the spool, and counts as saved. That
  costs 5 s once: later answers go straight to the spool until Redis has taken a write again, which
  is tested outside of requests (delivery.py).
- If the spool cannot be written either, an answer that was paid for is lost
  (`gateway_spool_lost_total`). From then on requests whose answers must be saved are refused, until
  one of both takes writes again.
- An answer that waits in the spool can be fetched on this machine. Any other operation on it first
  delivers it, and raises StorageUnavailable if that fails. On other machines it is unknown until it
  is delivered, at most 5 s after Redis takes writes again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from app.domain.accounts.content_key import ContentKey
from app.domain.ids import home_of, tag_of
from app.domain.items import Item
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Context, Turn
from app.errors import OVERLOADED, NotFound, StorageUnavailable, Unconfirmed
from app.store.responses.base import Confirming, ResponseStore
from app.store.responses.paging import OneTurn, page
from app.store.spool.delivery import SpoolDelivery

Read = TypeVar("Read")

#: Seconds for which saving is retried before an answer is spooled, and pause between attempts. A
#: process that is ending has no more than 2 s left for it (app.serving).
RETRIED_S, PAUSE_S = 5.0, 0.25
HURRIED_S = 0.5
#: Retry-After for an answer that waits to be delivered, in seconds.
RETRY_AFTER_S = 2


class ConfirmingStore(Confirming, ResponseStore, Protocol):
    """A store of responses that saves in two steps."""


class SpoolingStore:
    """Implements ResponseStore with another one and a spool.

    `is_ending` tells whether the process is about to end. `sleep` waits for seconds, `now` returns
    seconds of a clock that never goes back.
    """

    def __init__(
        self,
        store: ConfirmingStore,
        delivery: SpoolDelivery,
        *,
        is_ending: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._breaker = delivery.breaker
        self._is_ending = is_ending
        self._sleep = sleep
        self._now = now

    def save(self, turn: Turn) -> bool:
        """Store a terminal response: in Redis, or else in the spool.

        Raises:
            StorageUnavailable: neither could be written.
        """
        if (fault := self._breaker.why) is not None:
            try:
                self._delivery.put(turn, fault, is_kept=False)
            except OSError:
                pass  # then only the store is left, and may be back
            else:
                return True
        return self._tried(turn)

    def _tried(self, turn: Turn) -> bool:
        was_open, began = self._breaker.is_open, self._now()
        while True:
            try:
                return self._saved(turn)
            except Unconfirmed as lag:
                return self._put(turn, lag)
            except StorageUnavailable as fault:
                if self._now() - began >= (HURRIED_S if self._is_ending() else RETRIED_S):
                    if fault.code != OVERLOADED:  # that is this process's own trouble
                        self._breaker.open(fault)
                    return self._put(turn, fault)
                if self._breaker.is_open and not was_open:  # another request has waited long enough
                    return self._put(turn, fault)
            self._sleep(PAUSE_S)

    def _saved(self, turn: Turn) -> bool:
        """Save a turn; if its parent is missing, first deliver what waits here of its conversation.

        Those turns may have been on a master, since lost, when this turn began.
        """
        try:
            return self._store.save(turn)
        except NotFound:
            if turn.parent is None:
                raise
            self._delivery.deliver_conversation(tag_of(turn.response.id) or "")
            return self._store.save(turn)

    def _put(self, turn: Turn, fault: StorageUnavailable) -> bool:
        try:
            self._delivery.put(turn, fault, is_kept=isinstance(fault, Unconfirmed))
        except OSError as error:
            self._delivery.lost(turn, error)
            raise fault from fault.__cause__  # Redis's error stays: the breaker has it, too
        return True

    def get(self, account: str, response_id: str, key: ContentKey | None = None) -> Turn:
        """Return a stored turn, or one that waits in the spool."""
        try:
            return self._delivered(
                account, response_id, key, lambda: self._store.get(account, response_id, key)
            )
        except Undelivered as waiting:
            return waiting.turn

    def stream_cuts(self, account: str, response_id: str, key: ContentKey | None = None) -> bytes:
        """Return where a response was cut into events; b"" if it was not streamed."""
        try:
            return self._delivered(
                account,
                response_id,
                key,
                lambda: self._store.stream_cuts(account, response_id, key),
            )
        except Undelivered as waiting:
            return waiting.turn.cuts

    def delete(self, account: str, response_id: str, key: ContentKey | None = None) -> None:
        """Hide a response; turns that continue it keep their full context."""
        self._delivered(
            account, response_id, key, lambda: self._store.delete(account, response_id, key)
        )
        self._delivery.drop(response_id)

    def context(self, account: str, response_id: str, key: ContentKey | None = None) -> Context:
        """Return the context for a turn that continues `response_id`."""
        return self._delivered(
            account, response_id, key, lambda: self._store.context(account, response_id, key)
        )

    def input_items(
        self,
        account: str,
        response_id: str,
        query: PageQuery,
        key: ContentKey | None = None,
    ) -> Page:
        """Return a page of what the model saw (E6): earlier turns, then this one's own input."""

        def read() -> Page:
            return self._store.input_items(account, response_id, query, key)

        try:
            return self._delivered(account, response_id, key, read)
        except Undelivered as waiting:
            if waiting.turn.parent is not None:
                raise
            return page(OneTurn(waiting.turn.input), query)

    def items(
        self, account: str, item_ids: Sequence[str], key: ContentKey | None = None
    ) -> dict[str, Item]:
        """Return those of these items that the account has stored, by id (S5)."""
        found = self._store.items(account, item_ids, key)
        homes = {home_of(each) for each in item_ids if each not in found}
        late = [home for home in homes if home and self._deliver_late(account, home, key)]
        return self._store.items(account, item_ids, key) if late else found

    def stored_bytes(self, account: str) -> int:
        """Return how many bytes an account has stored, without what waits in the spool."""
        return self._store.stored_bytes(account)

    def require_room(self) -> None:
        """Raise StorageUnavailable while neither the store nor the spool can be written."""
        why = self._breaker.why
        if why is not None and self._delivery.folders.fault() is not None:
            raise StorageUnavailable(
                "Responses can be stored neither in Redis nor on disk at the moment: try again "
                "soon, or ask with 'store': false.",
                retry_after_s=1,
            ) from why.__cause__

    def ping(self) -> None:
        """Check that the store answers; raise StorageUnavailable if not."""
        self._store.ping()

    def _delivered(
        self, account: str, response_id: str, key: ContentKey | None, read: Callable[[], Read]
    ) -> Read:
        """Return what `read` does; if it finds nothing, deliver a waiting answer and read again.

        Raises:
            Undelivered: the answer waits here, and the store cannot take it now.
        """
        try:
            return read()
        except NotFound:
            if not self._deliver_late(account, response_id, key):
                raise
        return read()

    def _deliver_late(self, account: str, response_id: str, key: ContentKey | None) -> bool:
        """Deliver an account's answer if it waits here; return whether it did wait."""
        turn = self._delivery.find(account, response_id, key)
        if turn is None:
            return False
        try:
            self._delivery.deliver(response_id)
        except StorageUnavailable as fault:
            if self._delivery.is_kept(response_id):  # it may have been deleted in the meantime
                raise
            raise Undelivered(turn) from fault
        return True


class Undelivered(StorageUnavailable):
    """The response waits on this machine until the store takes it: `turn`."""

    def __init__(self, turn: Turn) -> None:
        super().__init__(
            "The response is kept on disk until Redis accepts writes again; try again soon.",
            retry_after_s=RETRY_AFTER_S,
        )
        self.turn = turn
