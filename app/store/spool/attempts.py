"""Delivers spooled answers one by one, and decides when the next attempt is due.

What happens to an answer:

    the store and its replicas have it      delivered: it is dropped here
    the store has it, its replicas lag      marked as kept, and confirmed a little later
    the store is unreachable, or is full    tried again after AGAIN_S
    the turn before it is not in the store  tried again after AGAIN_S: it may wait here, too, or on
                                            another machine; after ORPHANED_S lost, if the answer
                                            is known to be this store's
    it is not known to be this store's,     left alone, and looked at again after LEFT_ALONE_S
    or cannot be read
    it has expired (C5)                     dropped: it would be purged at once
"""

from __future__ import annotations

import time
from collections.abc import Callable

from app.errors import GatewayError, NotFound, StorageUnavailable, Unconfirmed
from app.store.responses.base import Confirming
from app.store.spool.files import Spool
from app.store.spool.folders import SpoolFolders
from app.telemetry import SPOOL_DELIVERED, SPOOL_LOST, log

#: Pause before an answer that the store refused is tried again, in seconds; and number of such
#: failures after which the rest is left for the next time.
AGAIN_S, MAX_FAILURES = 2.0, 3
#: Pause for an answer that is not known to be this store's, or cannot be read, in seconds.
LEFT_ALONE_S = 60.0
#: Seconds for which an answer waits for the turn before it, before that is considered gone.
ORPHANED_S = 600.0
#: Seconds that replicas may take to confirm a delivery, and pause before they are asked again.
CONFIRMED_S, CONFIRMED_AGAIN_S = 0.1, 10.0


class Orphaned(StorageUnavailable):
    """The turn that an answer continues is not in the store yet, but may still arrive."""


class DeliveryAttempts:
    """Attempts to deliver what waits in the folders of one store.

    `knows` tells whether the store has an account. `now` returns seconds of a clock that never goes
    back, `time_of_day` Unix seconds.
    """

    def __init__(
        self,
        store: Confirming,
        folders: SpoolFolders,
        knows: Callable[[str], bool],
        now: Callable[[], float] = time.monotonic,
        time_of_day: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._folders = folders
        self._knows = knows
        self._now = now
        self._time = time_of_day
        self._again_at: dict[str, float] = {}
        self._lagging_until = 0.0
        self._reported: set[str] = set()

    def forget_pauses(self) -> None:
        """Make every answer due now."""
        self._again_at.clear()

    def deliver_due(self, *, strict: bool) -> None:
        """Deliver what is due.

        Raises:
            StorageUnavailable: the store refused several answers, or, if `strict`, one.
            OSError: the spool may not be read.
        """
        failures, now, orphaned = 0, self._now(), None
        for spool in self._folders.readable():
            for response_id in spool.waiting():
                if self._again_at.get(response_id, now) > now:
                    continue
                try:
                    self.deliver(spool, response_id)
                except Orphaned as error:
                    self._again_at[response_id], orphaned = now + AGAIN_S, error
                except StorageUnavailable:
                    failures += 1
                    self._again_at[response_id] = now + AGAIN_S
                    if strict or failures == MAX_FAILURES:
                        raise
        self._again_at = {each: at for each, at in self._again_at.items() if at > now}
        if strict and orphaned is not None:
            raise orphaned

    def deliver(self, spool: Spool, response_id: str) -> None:
        """Save an answer in the store, and drop it here once it is safe there.

        Raises StorageUnavailable.
        """
        is_unnamed = self._folders.is_unnamed(spool)
        try:
            turn = spool.take(response_id)
            if turn is None:
                return
            if is_unnamed and not self._knows(turn.account):
                self._leave_alone(response_id, "its account is not known here")
                return
            if turn.is_expired(self._time()):
                spool.drop(response_id)
                log.info("spooled_response_expired", response_id=response_id)
                return
            self._store.keep(turn)
        except NotFound:
            self._parentless(spool, response_id, is_unnamed=is_unnamed)
        except StorageUnavailable:
            raise
        except (GatewayError, ValueError, OSError) as error:
            self._leave_alone(response_id, type(error).__name__)
        else:
            self._confirm(spool, response_id)

    def _confirm(self, spool: Spool, response_id: str) -> None:
        """Drop an answer that replicas have; once they lag, do not wait for them for a while."""
        now = self._now()
        if now >= self._lagging_until:
            try:
                self._store.confirm(response_id, CONFIRMED_S)
            except Unconfirmed:
                self._lagging_until = now + CONFIRMED_AGAIN_S
            else:
                if spool.drop(response_id):
                    SPOOL_DELIVERED.inc()
                    log.info("response_delivered", response_id=response_id)
                return
        spool.mark_kept(response_id)
        self._again_at[response_id] = self._lagging_until

    def _parentless(self, spool: Spool, response_id: str, *, is_unnamed: bool) -> None:
        """Handle an answer whose parent turn is not in the store.

        A lost master may have had that turn, and another spool has it: it will come. If it does
        not, the conversation was erased, or lost with a Redis: the answer can be stored nowhere.

        Raises Orphaned if it must wait.
        """
        if is_unnamed:
            self._leave_alone(response_id, "its conversation is not here")
        elif self._time() - spool.put_at(response_id) < ORPHANED_S:
            raise Orphaned(
                "A response waits on this machine for the one that it continues; try again soon.",
                retry_after_s=1,
            )
        elif spool.drop(response_id):
            SPOOL_LOST.inc()
            log.error("response_lost", response_id=response_id, reason="its conversation is gone")

    def _leave_alone(self, response_id: str, why: str) -> None:
        """Log, once, an answer that cannot be read or is not known to be this store's."""
        self._again_at[response_id] = self._now() + LEFT_ALONE_S
        if response_id not in self._reported:
            self._reported.add(response_id)
            log.error("spooled_response_left_alone", response_id=response_id, reason=why)
