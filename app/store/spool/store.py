"""A store that loses no answer while Redis takes none: those already bought go to the spool.

The policy, as a caller sees it.

- Redis is unreachable: nothing is read and nothing deleted, that is StorageUnavailable. Redis
  refuses writes: what it has is read as ever, and nothing can be deleted.
- An answer that is to be saved is tried again for 5 s, then written to the spool, and counts as
  saved. That costs 5 s once: the next ones go straight to the spool until Redis has taken a write
  again, which is found out beside the requests (delivery.py).
- Where the spool takes nothing either, an answer that was bought is lost
  (`gateway_spool_lost_total`). From then on none is bought that is to be saved, until one of both
  takes writes again.
- An answer that waits in the spool can be fetched on this machine. Whatever else is asked of it
  has it delivered first, and is StorageUnavailable where that fails. On other machines it is
  unknown until it is delivered, at most 5 s after Redis takes writes again.
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

#: How long, and how often, an answer is tried to be saved before it is spooled; in seconds. A
#: process that ends has no more than 2 s left for it (app.serving).
RETRIED_S, PAUSE_S = 5.0, 0.25
HURRIED_S = 0.5
#: When a caller may ask again for what waits to be delivered.
RETRY_AFTER_S = 2


class ConfirmingStore(Confirming, ResponseStore, Protocol):
    """A store of responses whose saving has two steps."""


class SpoolingStore:
    """Implements ResponseStore on another one and a spool.

    `is_ending` tells whether the process is about to end. `sleep` waits for seconds, `now` returns
    those of a clock that never goes back.
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
        """Keep a terminal response: in Redis, or else in the spool.

        Raises:
            StorageUnavailable: it could be written to neither.
        """
        if (fault := self._breaker.why) is not None:
            try:
                self._delivery.put(turn, fault, is_kept=False)
            except OSError:
                pass  # then the store is all that is left, and may be back
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
                    if fault.code != OVERLOADED:  # that was our own trouble
                        self._breaker.open(fault)
                    return self._put(turn, fault)
                if self._breaker.is_open and not was_open:  # another has waited long enough
                    return self._put(turn, fault)
            self._sleep(PAUSE_S)

    def _saved(self, turn: Turn) -> bool:
        """Save a turn, and before it those of its conversation that wait here.

        They may have been in a master that was lost, when the turn began.
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
            raise fault from fault.__cause__  # the breaker has it, too: Redis's word is to stay
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
        """Return where a response was cut into events; nothing where it was made whole."""
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
        """Hide a response; turns that continue it keep their whole context."""
        self._delivered(
            account, response_id, key, lambda: self._store.delete(account, response_id, key)
        )
        self._delivery.drop(response_id)

    def context(self, account: str, response_id: str, key: ContentKey | None = None) -> Context:
        """Return what a turn that continues `response_id` starts from."""
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
        """Return those of the items that the account has stored, by id (S5)."""
        found = self._store.items(account, item_ids, key)
        homes = {home_of(each) for each in item_ids if each not in found}
        late = [home for home in homes if home and self._deliver_late(account, home, key)]
        return self._store.items(account, item_ids, key) if late else found

    def stored_bytes(self, account: str) -> int:
        """Return how many bytes an account has stored; what waits in the spool is not counted."""
        return self._store.stored_bytes(account)

    def require_room(self) -> None:
        """Raise StorageUnavailable while the store takes no write and the spool no answer."""
        why = self._breaker.why
        if why is not None and self._delivery.folders.fault() is not None:
            raise StorageUnavailable(
                "Responses can be stored neither in Redis nor on disk at the moment: try again "
                "soon, or ask with 'store': false.",
                retry_after_s=1,
            ) from why.__cause__

    def ping(self) -> None:
        """Return when the store answers."""
        self._store.ping()

    def _delivered(
        self, account: str, response_id: str, key: ContentKey | None, read: Callable[[], Read]
    ) -> Read:
        """Return what `read` does; if it finds nothing, once more when the answer is delivered.

        Raises:
            Undelivered: the answer waits here, and the store does not take it now.
        """
        try:
            return read()
        except NotFound:
            if not self._deliver_late(account, response_id, key):
                raise
        return read()

    def _deliver_late(self, account: str, response_id: str, key: ContentKey | None) -> bool:
        """Deliver an account's answer if it waits here; return whether it did."""
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
    """The response waits on this machine until the store takes it. `turn` is what waits."""

    def __init__(self, turn: Turn) -> None:
        super().__init__(
            "The response is kept on disk until Redis accepts writes again; try again soon.",
            retry_after_s=RETRY_AFTER_S,
        )
        self.turn = turn
