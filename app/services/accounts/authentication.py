"""Authenticates callers: keys are looked up in the store and cached for a moment.

A cached key is valid while the store's version, which changes with every change of any key, was
read less than FRESH_S ago and is the one that the key was read with. So a revocation takes effect
everywhere within FRESH_S, with no message that could get lost: when the version cannot be read,
no cached key is valid.

When the store is unreachable, a key that was valid last is accepted for STALE_S more, marked
`stale`: its requests may be answered but not stored. All others get StorageUnavailable. Meanwhile
one request per PROBE_S tries the store; the others wait PROBED_S for it, the longest that a store
which is back needs, and not for its time-out.

The holder of a signed token (P5) is treated as the holder of a key that the token itself describes:
only the account is looked up, and created if there is none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event

from app.domain.accounts.accounts import (
    Account,
    AuditEntry,
    Caller,
    Principal,
    Secret,
    caller_of,
    unrecorded_key,
)
from app.domain.accounts.api_keys import digest, is_well_formed
from app.domain.accounts.tokens import TokenGrant, is_token
from app.errors import OVERLOADED, StorageUnavailable, Unauthenticated
from app.logs.redaction import OWN_KEYS
from app.services.accounts.tokens.verifier import TokenVerifier, bad_token
from app.settings import LimitSettings
from app.store.accounts.base import AccountStore, KeyLookup

REFRESH_S = 0.4
FRESH_S = 0.9
STALE_S = 60.0
PROBE_S, PROBED_S = 0.5, 0.2
MARK_USED_S = 60
MAX_CACHED = 50_000


@dataclass(frozen=True, slots=True)
class _Entry:
    """A cached key; `mark_used_at` is when its next use has to be stored."""

    version: str
    caller: Caller
    stale: Caller
    expires_at: float
    mark_used_at: float


@dataclass(frozen=True, slots=True)
class _SeenVersion:
    """The store had this version at some moment after `at` on the monotonic clock."""

    version: str
    at: float


class Authenticator:
    """Turns a secret into a Caller. One per process; safe under threads without a lock.

    `bootstrap_sha256` is the hash of the one secret that need not have the form of our keys.
    `tokens` verifies tokens, None if no issuer is trusted. `on_found` is called after every look-up
    of a valid key: the store could be reached a moment ago.
    """

    def __init__(
        self,
        store: AccountStore,
        defaults: LimitSettings,
        retention_days: int | None = None,
        *,
        tokens: TokenVerifier | None = None,
        on_found: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._on_found = on_found
        self.bootstrap_sha256: str | None = None
        self._store = store
        self._defaults = defaults
        self._retention_days = retention_days
        self._clock = clock
        self._monotonic = monotonic
        self._entries: dict[str, _Entry] = {}
        self._seen = _SeenVersion("", float("-inf"))
        self._is_reading = False
        self._read = Event()  # set except while a request reads
        self._failed_at: float | None = None

    def authenticate(self, secret: str | None) -> Caller:
        """Return the caller whose secret this is.

        Raises Unauthenticated (the same error for whatever is wrong with a secret) and
        StorageUnavailable.
        """
        if not secret:
            raise Unauthenticated(
                "An API key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'.",
                code="authentication_required",
            )
        sha256 = digest(secret)
        entry = self._entries.get(sha256)
        is_by_token = entry is not None and entry.caller.permissions is not None
        if entry is not None and not is_by_token and self._is_valid(entry):
            return entry.caller
        if is_well_formed(secret) or sha256 == self.bootstrap_sha256:
            return self._look_up(sha256, entry)
        if self._tokens is None or not is_token(secret):
            raise bad_key()
        grant = self._tokens.verify(secret, sha256)  # each time: a key may have been withdrawn
        if entry is not None and self._is_valid(entry):
            return entry.caller
        return self._look_up(sha256, entry, grant)

    def _is_valid(self, entry: _Entry) -> bool:
        seen = self._seen
        age_s = self._monotonic() - seen.at
        return (
            entry.version == seen.version
            and age_s < (FRESH_S if self._is_reading else REFRESH_S)
            and self._clock() < min(entry.mark_used_at, entry.expires_at)
        )

    def _look_up(
        self,
        sha256: str,
        entry: _Entry | None,
        grant: TokenGrant | None = None,
        *,
        makes_account: bool = True,
    ) -> Caller:
        if self._is_down():
            return self._without_store(entry)
        started_at = self._monotonic()
        self._read.clear()
        self._is_reading = True
        try:
            found = self._found(sha256, grant)
        except StorageUnavailable as fault:
            if fault.code == OVERLOADED:  # which says nothing about the store
                return self._without_store(entry, fault)
            self._failed_at = self._monotonic()
            return self._without_store(entry)
        else:
            self._failed_at = None
        finally:
            self._is_reading = False
            self._read.set()
        if started_at >= self._seen.at:
            self._see(_SeenVersion(found.version, started_at))
        if grant is not None and found.account is None and makes_account:
            self._make_account(grant.account)
            return self._look_up(sha256, entry, grant, makes_account=False)
        try:
            caller = self._admit(sha256, found, entry, is_by_token=grant is not None)
        except Unauthenticated:
            raise (bad_key() if grant is None else bad_token()) from None
        self._on_found()
        return caller

    def _found(self, sha256: str, grant: TokenGrant | None) -> KeyLookup:
        """Look up a key, or the account of a token, which describes its key itself."""
        if grant is None:
            return self._store.find(sha256)
        found = self._store.find_account(grant.account)
        secret = Secret(sha256=sha256, expires_at=int(grant.expires_at))
        principal = Principal(grant.account, grant.key_id)
        return replace(found, key=unrecorded_key(principal, grant.permissions, (secret,)))

    def _make_account(self, name: str) -> None:
        """Create the account of a token; if another process creates it first, that is as good."""
        now = int(self._clock())
        entry = AuditEntry(at=now, by="token", action="account.create", subject=name)
        self._store.put_account(Account(name=name, created_at=now), entry)

    def _is_down(self) -> bool:
        """Tell whether the store failed a moment ago, so that this request must not try it."""
        failed_at = self._failed_at
        if failed_at is None:
            return False
        if self._monotonic() - failed_at < PROBE_S:
            return True
        if not self._is_reading:
            return False
        self._read.wait(PROBED_S)
        return self._failed_at is not None

    def _without_store(
        self, entry: _Entry | None, fault: StorageUnavailable | None = None
    ) -> Caller:
        """Accept a key that was valid when the version was last read; later changes are unknown."""
        seen = self._seen
        known = entry is not None and entry.version == seen.version
        if entry is None or not known or self._monotonic() - seen.at >= STALE_S:
            raise fault or StorageUnavailable(
                "API keys cannot be checked: Redis is unreachable; try again soon.", retry_after_s=1
            )
        if self._clock() >= entry.expires_at:
            raise bad_key()
        return entry.stale

    def _see(self, seen: _SeenVersion) -> None:
        if seen.version != self._seen.version or len(self._entries) >= MAX_CACHED:
            self._entries = {}
        self._seen = seen

    def _admit(
        self, sha256: str, found: KeyLookup, before: _Entry | None, *, is_by_token: bool
    ) -> Caller:
        key, account, now = found.key, found.account, self._clock()
        if key is None or account is None or not (key.active and account.active):
            raise bad_key()
        expires_at = key.secret_expiry(sha256)
        if expires_at is not None and now >= expires_at:
            raise bad_key()
        mark_used_at = before.mark_used_at if before else 0.0
        if is_by_token:
            mark_used_at = float("inf")  # there is no record of it
        elif now >= mark_used_at:
            self._mark_used(sha256, int(now))
            mark_used_at = now + MARK_USED_S
        caller = caller_of(
            key, account, self._defaults, self._retention_days, is_by_token=is_by_token
        )
        self._entries[sha256] = _Entry(
            version=found.version,
            caller=caller,
            stale=replace(caller, stale=True),
            expires_at=float("inf") if expires_at is None else expires_at,
            mark_used_at=mark_used_at,
        )
        return caller

    def _mark_used(self, sha256: str, now: int) -> None:
        """Store the time of use; if the store fails just now, do without."""
        with suppress(StorageUnavailable):
            self._store.mark_used(sha256, now)


def bad_key() -> Unauthenticated:
    """Return the one error for every secret that is not valid, whatever the reason."""
    return Unauthenticated(
        "The API key is unknown, expired or deactivated: keys of this gateway begin with "
        f"'{OWN_KEYS}', and its operator makes them.",
        code="invalid_api_key",
    )
