"""Idempotency keys: the first request with a key owns it; the others get its result (C3)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from secrets import token_hex
from time import monotonic

from app.domain.accounts.accounts import Caller
from app.errors import IdempotencyKeyReused, StorageRefused, StorageUnavailable, Unconfirmed
from app.services.idempotency.kept_answers import KeptAnswer, RunningStream, noted, opened, sealed
from app.store.connection.reasons import code_of
from app.store.idempotency.base import IdempotencyStore
from app.store.room import GROWTH, LIGHT_BYTES, Room, unbounded
from app.telemetry import STORE_FAILURES, log, surviving

#: How many times within the duration of its lease the owner of a key renews it.
RENEWALS = 4
#: Seconds between two looks of a waiting request for the answer: at first, and at most.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.5
#: Seconds after which what the store did not take is tried again.
AGAIN_S = 1.0
#: For how many seconds a key whose lease has expired is left to its owner: after an outage of the
#: store that one renews it within two of AGAIN_S.
LAPSED_S = 2.5
#: For how many seconds a call goes on without anybody who listens (C3).
UNHEARD_S = 60.0
#: Seconds between two reports of a request that follows it.
LISTENED_S = 10.0

_REUSED = (
    "This Idempotency-Key came with another body, or another encryption key, before: use a new key "
    "for a new request."
)


class OwnedKey:
    """A key that a request of this process owns.

    `on_unheard` is called once nobody has listened for a minute since the caller left.
    `lost` is what is known of the answer that a lost process was making with the key, if any.
    `digest` is the claim's if a fail-over may lose that, else b"".
    """

    def __init__(
        self,
        keys: IdempotencyKeys,
        caller: Caller,
        key: str,
        key_hash: str,
        token: str,
        lost: KeptAnswer | None = None,
        digest: bytes = b"",
    ) -> None:
        self.lost = lost
        self.digest = digest
        self.account = caller.account
        self._content_key = caller.content_key
        self.key_hash = key_hash
        self.token = token
        self.on_unheard: Callable[[], None] = lambda: None
        self.left_at: float | None = None
        self.answer: bytes | None = None
        self.stored_at: float | None = None  # when too few replicas first had the answer
        self.copy_of = ""
        self.freed_at: float | None = None  # when it was freed, if the store does not know yet
        self._keys = keys
        self._key = key

    def note(self, response_id: str, headers: dict[str, str]) -> None:
        """Record which response the request makes, with which headers; it will be stored."""
        answer = KeptAnswer(200, response_id, headers=headers)
        self._keys.note(self, response_id, self._sealed(answer) if headers else b"")

    def leave(self) -> None:
        """Record that the caller has left; it is expected to come back."""
        self.left_at = monotonic()

    def finish(self, answer: KeptAnswer, copy_of: str = "") -> None:
        """Keep the result of the request: at once, or as soon as the store can be reached.

        `copy_of` is the id of the stored response that the answer copies: a purge of that response
        removes this copy as well.
        """
        self.copy_of = copy_of
        self.answer = self._sealed(answer)
        self._keys.settle(self, self.answer)

    def free(self) -> None:
        """Forget the key: no response was made, or it was given up."""
        self._keys.free(self)

    def abandon(self) -> None:
        """Forget the key if no answer was kept for its request."""
        if self.answer is None:
            self.free()

    def _sealed(self, answer: KeptAnswer) -> bytes:
        return sealed(answer, self.account, self._key, self._content_key)


class IdempotencyKeys:
    """Takes keys, renews those of this process, and waits for those of others.

    `hashed` returns the keyed hash of an account's key. The key of a lost process stays taken for
    `lease_s` seconds. `pause` is like time.sleep. Long answers are read once there is `room`.
    """

    def __init__(
        self,
        store: IdempotencyStore,
        hashed: Callable[[str, str], str],
        lease_s: float,
        pause: Callable[[float], object],
        room: Room = unbounded,
    ) -> None:
        self._store = store
        self._room = room
        self._hashed = hashed
        self._lease_s = lease_s
        self._renewed_s = lease_s / RENEWALS
        self._pause = pause
        self._owned: dict[str, OwnedKey] = {}
        self._lock = threading.Lock()
        self._renews_in: int | None = None  # id of the process in which a thread renews
        self._is_behind = False  # whether a renewal has failed

    def begin(
        self,
        caller: Caller,
        key: str,
        digest: bytes,
        gone: Callable[[], bool],
        *,
        follows: bool = False,
    ) -> OwnedKey | KeptAnswer | RunningStream | None:
        """Return the key if this request owns it now, or the result of the request that did.

        Waits while that one runs, here or in another process, unless this one `follows` a stream;
        returns None once `gone` returns true.

        Raises:
            IdempotencyKeyReused: it came with another body, or another encryption key (C6).
            StorageUnavailable: the store is unreachable.
        """
        account, content_key = caller.account, caller.content_key
        if content_key is not None:  # the digest alone must not confirm a guessed body
            digest = content_key.digest(digest)
        key_hash, token, pause_s = self._hashed(account, key), token_hex(8), FIRST_PAUSE_S
        has_lapsed = False
        while not gone():
            try:
                found = self._store.begin(account, key_hash, digest, token, takes_over=has_lapsed)
            except StorageUnavailable as fault:
                if code_of(fault) is None:  # the key may be ours, though no reply said so
                    self._free_later(OwnedKey(self, caller, key, key_hash, token))
                raise
            if found.state == "reused":
                raise IdempotencyKeyReused(_REUSED, param="Idempotency-Key")
            if found.state == "done":
                if len(found.answer) > LIGHT_BYTES:
                    self._room(GROWTH * len(found.answer))
                return opened(found.answer, account, key, content_key)
            if found.state == "begun":
                known = noted(found, account, key, content_key)
                claimed = b"" if found.safe else digest
                owned = OwnedKey(self, caller, key, key_hash, token, known, claimed)
                self._keep(owned)
                return owned
            if follows and (known := noted(found, account, key, content_key)) is not None:
                return RunningStream(known, self._listener(account, key_hash))
            has_lapsed = found.state == "lapsed"
            self._pause(LAPSED_S if has_lapsed else pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
        return None

    def _listener(self, account: str, key_hash: str) -> Callable[[], None]:
        """Return a function that reports that somebody listens, at most once in LISTENED_S."""
        next_at = monotonic() + LISTENED_S

        def listen() -> None:
            nonlocal next_at
            if monotonic() < next_at:
                return
            next_at = monotonic() + LISTENED_S
            try:
                self._store.wait(account, key_hash)
            except StorageUnavailable:
                STORE_FAILURES.labels("idempotency").inc()

        return listen

    def note(self, owned: OwnedKey, response_id: str, known: bytes) -> None:
        """Record which response a request makes; if the store is unreachable, nobody follows it."""
        try:
            self._store.note(owned.account, owned.key_hash, owned.token, response_id, known)
        except StorageUnavailable:
            STORE_FAILURES.labels("idempotency").inc()

    def settle(self, owned: OwnedKey, answer: bytes) -> None:
        """Keep an answer; the renewer tries again until it is kept, and on enough replicas."""
        at = (owned.account, owned.key_hash, owned.token)
        try:
            with suppress(StorageRefused):  # it is logged, and would be refused again
                self._store.finish(*at, answer, owned.copy_of, owned.digest)
            self._owned.pop(owned.token, None)
        except StorageUnavailable as fault:
            STORE_FAILURES.labels("idempotency").inc()
            if isinstance(fault, Unconfirmed):
                owned.stored_at = owned.stored_at or monotonic()

    def free(self, owned: OwnedKey) -> None:
        """Forget a key; if the store is unreachable, the renewer tries again."""
        try:
            with suppress(StorageRefused):
                self._store.free(owned.account, owned.key_hash, owned.token)
            self._owned.pop(owned.token, None)
        except StorageUnavailable:
            STORE_FAILURES.labels("idempotency").inc()
            self._free_later(owned)

    def _free_later(self, owned: OwnedKey) -> None:
        """Have the renewer free a key, unless its lease runs out before."""
        if owned.freed_at is None:
            owned.freed_at = monotonic()
            self._keep(owned)

    def catch_up(self) -> None:
        """Write to the store what it did not take before, until it fails again."""
        for owned in list(self._owned.values()):
            since = owned.stored_at if owned.freed_at is None else owned.freed_at
            if since is not None and monotonic() - since >= self._lease_s:
                self._owned.pop(owned.token, None)
            elif owned.freed_at is not None:
                self.free(owned)
            elif owned.answer is not None:
                self.settle(owned, owned.answer)
            else:
                continue
            if owned.token in self._owned:
                return

    def renew(self) -> None:
        """Renew the keys of running requests, and end those that nobody waits for."""
        self._is_behind = False
        for owned in list(self._owned.values()):
            if owned.answer is not None or owned.freed_at is not None:
                continue
            try:
                idle_s = self._store.renew(owned.account, owned.key_hash, owned.token)
            except StorageUnavailable:
                STORE_FAILURES.labels("idempotency").inc()
                self._is_behind = True
                continue
            if idle_s is None:
                self._owned.pop(owned.token, None)  # its lease had run out
            elif _is_unheard(owned, idle_s):
                log.info("idempotent_call_unheard")
                owned.on_unheard()

    def erase(self, account: str) -> None:
        """Forget all keys of an account. Raises StorageUnavailable."""
        self._store.erase(account)

    def _keep(self, owned: OwnedKey) -> None:
        with self._lock:
            self._owned[owned.token] = owned
            # Not Thread.is_alive: under gevent that gives all other threads a turn first.
            if self._renews_in != os.getpid():
                renewer = threading.Thread(
                    target=self._renew_on, name="idempotency keys", daemon=True
                )
                try:
                    renewer.start()
                except RuntimeError:
                    return  # the system has none to give: the next key may get one
                self._renews_in = os.getpid()

    def _renew_on(self) -> None:
        rounds = max(1, int(self._renewed_s / AGAIN_S))
        for number in count(1):
            self._pause(self._renewed_s / rounds)
            with self._lock:
                if not self._owned:
                    self._renews_in = None
                    return
            with surviving("idempotency"):
                self.catch_up()
                if number % rounds == 0 or self._is_behind:
                    self.renew()


def _is_unheard(owned: OwnedKey, idle_s: float) -> bool:
    left_at = owned.left_at
    return left_at is not None and min(monotonic() - left_at, idle_s) >= UNHEARD_S
