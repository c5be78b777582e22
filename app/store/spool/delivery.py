"""Delivers spooled answers to the store they are for, once it takes writes again.

Every process that serves does so by a timer, each second, whether or not requests come. Of the
processes that share a folder one delivers at a time; if two did, nothing would be stored twice.
Before each delivery the store is asked for its id: a Redis that was emptied or replaced meanwhile
is not given what another one promised.

An answer that names no store (folders.py) is delivered if its account is known and, if it continues
a turn, that turn is there; else it is left alone.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from app.domain.accounts.content_key import ContentKey
from app.domain.ids import tag_of
from app.domain.turns.turn import Turn
from app.errors import GatewayError, StorageUnavailable
from app.store.connection.reasons import reason
from app.store.responses.base import Confirming
from app.store.responses.packed.packed_turn import PackedTurn
from app.store.spool.attempts import DeliveryAttempts
from app.store.spool.folders import SpoolFolders
from app.store.spool.timer import SpoolTimer
from app.store.spool.write_breaker import WriteBreaker
from app.telemetry import SPOOL_LOST, log

#: Seconds that an operator's command waits for another delivering process; pause between looks.
PATIENCE_S, PAUSE_S = 5.0, 0.05


class Identity(Protocol):
    """The id of a store, and whether it takes writes. Both methods raise StorageUnavailable."""

    def read(self) -> str:
        """Return the store's id."""
        ...

    def probe(self) -> None:
        """Check that the store takes a write; raise StorageUnavailable if not."""
        ...


class SpoolDelivery:
    """Delivery of one store's spool. One instance per process.

    `knows` tells whether the store has an account. `sleep` waits for seconds, `now` returns seconds
    of a clock that never goes back.
    """

    def __init__(
        self,
        store: Confirming,
        identity: Identity,
        folders: SpoolFolders,
        knows: Callable[[str], bool],
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.breaker = WriteBreaker()
        self.folders = folders
        self._identity = identity
        self._attempts = DeliveryAttempts(store, folders, knows, now)
        self._sleep = sleep
        self._now = now
        self._timer = SpoolTimer(self.tick)

    def start(self) -> None:
        """Start the timer, for as long as the process lives; a second call does nothing."""
        self._timer.start()

    def stop(self) -> None:
        """Stop the timer; returns when it has ended."""
        self._timer.stop()

    def tick(self) -> None:
        """Do what is due: read the store's id, try a write if one failed, deliver."""
        try:
            self.identify()
            self.folders.claim()
            if self.breaker.is_open or self.waiting():
                self._identity.probe()
                self.breaker.close()
                self._deliver_alone()
        except (GatewayError, OSError) as fault:
            if self.breaker.is_open and isinstance(fault, StorageUnavailable):
                self.breaker.open(fault)
            log.debug("spool_not_delivered", error=type(fault).__name__)

    def identify(self) -> None:
        """Read which store this is now. Raises StorageUnavailable."""
        self.folders.store_id = self._identity.read()

    def put(self, turn: Turn, fault: StorageUnavailable, *, is_kept: bool) -> None:
        """Spool an answer that the store refused, or whose replicas lag.

        Raises OSError: it cannot be written.
        """
        if self.folders.store_id is None:
            with suppress(StorageUnavailable):
                self.identify()
        self.folders.own().put(turn, is_kept=is_kept)
        log.warning("response_spooled", response_id=turn.response.id, reason=reason(fault))
        self.start()

    def lost(self, turn: Turn, error: OSError) -> None:
        """Count and log an answer that neither the store nor the spool took."""
        SPOOL_LOST.inc()
        self.folders.doubt()
        why = error.strerror or type(error).__name__
        log.error("response_lost", response_id=turn.response.id, reason=why)

    def find(self, account: str, response_id: str, key: ContentKey | None = None) -> Turn | None:
        """Return an account's answer that waits here; an encrypted one only with its key."""
        if tag_of(response_id) is None:
            return None
        with suppress(ValueError, OSError):
            for spool in self.folders.readable():
                turn = spool.take(response_id)
                if turn is None or turn.account != account or turn.is_expired(time.time()):
                    continue
                if not isinstance(turn, PackedTurn):
                    return turn
                if key is not None:
                    return spool.opened(turn, key)
        return None

    def is_kept(self, response_id: str) -> bool:
        """Tell whether the store has an answer that waits here, and only replicas lack it."""
        return any(spool.is_kept(response_id) for spool in self.folders.readable())

    def put_at(self, response_id: str) -> float:
        """Return when an answer that waits here was put, in Unix seconds; 0 if there is none."""
        with suppress(OSError):
            return max((each.put_at(response_id) for each in self.folders.readable()), default=0.0)
        return 0.0

    def deliver(self, response_id: str) -> None:
        """Deliver one answer now. Raises StorageUnavailable."""
        self.identify()
        for spool in self.folders.readable():
            self._attempts.deliver(spool, response_id)

    def deliver_conversation(self, tag: str) -> None:
        """Deliver the waiting answers of one conversation. Raises StorageUnavailable."""
        try:
            waiting = self.waiting()
        except OSError:
            return  # the spool may not be read: nothing is known
        for response_id in waiting:
            if tag_of(response_id) == tag:
                self.deliver(response_id)

    def deliver_all(self) -> None:
        """Deliver everything now: when this returns, the store has it.

        Raises:
            StorageUnavailable: the store refuses it, another process is still delivering, or the
                spool may not be read.
        """
        self.identify()
        until = self._now() + PATIENCE_S
        self._attempts.forget_pauses()
        with _reading():
            while self.waiting():
                if self._deliver_alone(strict=True):
                    return
                if self._now() >= until:
                    raise StorageUnavailable(
                        "Spooled responses are still being delivered.", retry_after_s=1
                    )
                self._sleep(PAUSE_S)

    def waiting(self) -> list[str]:
        """Return the ids of the answers that wait on this machine for this store."""
        return [response_id for spool in self.folders.readable() for response_id in spool.waiting()]

    def drop(self, response_id: str) -> None:
        """Delete an answer of this store's, if it waits here and may be deleted."""
        with suppress(OSError):
            for spool in self.folders.readable():
                spool.drop(response_id)

    def erase(self, account: str) -> list[str]:
        """Delete every answer of an account of this store's; return their ids.

        Raises StorageUnavailable: the store's id is unknown, or the spool may not be read.
        """
        self.identify()
        with _reading():
            return [gone for spool in self.folders.readable() for gone in spool.erase(account)]

    def figures(self) -> dict[str, float]:
        """Return the number of waiting answers, by the name of its metric (telemetry's FIGURES).

        Returns {} if the spool may not be read.
        """
        with suppress(OSError):
            return {"gateway_spooled": float(len(self.waiting()))}
        return {}

    def _deliver_alone(self, *, strict: bool = False) -> bool:
        """Deliver what is due unless another process does; return whether this one did."""
        with self._alone() as is_alone:
            if is_alone:
                self._attempts.deliver_due(strict=strict)
        return is_alone

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Lock the folder if no other process has; the lock ends with its process."""
        try:
            handle = os.open(self.folders.directory, os.O_RDONLY)
        except FileNotFoundError:
            yield True
            return
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(handle)


@contextmanager
def _reading() -> Iterator[None]:
    """Raise StorageUnavailable if an operator's user may not read the spool."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise StorageUnavailable(f"The spool cannot be read by this user: {why}.") from error
