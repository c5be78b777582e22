"""An issuer's keys, fetched when they are needed and kept for a while.

For `cache_s` they are kept, and in the second half of it fetched anew beside the requests. Later
one request fetches them, and those beside it wait for that. While they cannot be fetched the kept
ones serve, for KEPT_S at most, and nobody waits: each RETRY_S a fetch beside the requests tries
again. A key that is not among them is looked for once a UNKNOWN_S, whoever asks how often: anybody
can make such a token up. So whoever comes with one while that is done waits for a moment only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.errors import GatewayError, Unavailable
from app.services.accounts.tokens.public_keys import (
    NO_KEYS,
    BadKeySet,
    PublicKeys,
    read_keys,
)
from app.settings import IssuerSettings
from app.telemetry import JWKS_FETCHES, log

KEPT_S = 24 * 3600.0
RETRY_S = 10.0
UNKNOWN_S = 60.0
#: How long others wait for who looks for a key that is unknown, in seconds.
UNKNOWN_WAIT_S = 1.0
_NEVER = float("-inf")
_EVER = -1.0  # as locks have it


def start_thread(work: Callable[[], None]) -> None:
    """Do something beside the requests."""
    threading.Thread(target=work, daemon=True).start()


class KeySet:
    """The keys of one issuer; safe under threads. Fetches nothing before its first use.

    `fetch` returns the document, or raises a GatewayError; `clock` is like time.monotonic.
    """

    def __init__(
        self,
        issuer: IssuerSettings,
        fetch: Callable[[], bytes],
        clock: Callable[[], float],
        start: Callable[[Callable[[], None]], None] = start_thread,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._start = start
        self._flight = threading.Lock()
        self._keys = NO_KEYS
        self._fetched_at = self._tried_at = _NEVER
        self._is_starting = False

    def current(self) -> PublicKeys:
        """Return the keys as they are now.

        Raises:
            Unavailable: there are none that were fetched in the last KEPT_S.
        """
        age_s = self._age_s()
        if age_s >= self._issuer.cache_s:
            if self._has_failed() and age_s < KEPT_S:
                self._refresh_beside()
            else:
                self._refresh(unless_since_s=RETRY_S)
        elif age_s >= self._issuer.cache_s / 2:
            self._refresh_beside()
        if self._age_s() >= KEPT_S:
            raise _out_of_reach()
        return self._keys

    def with_key(self, kid: str | None, algorithm: str) -> PublicKeys:
        """Return the keys, fetched anew where there is none for a token of this header.

        Raises Unavailable as `current` does, and where another request fetches them for long.
        """
        keys = self.current()
        if keys.matching(kid, algorithm) or self._since_s() < UNKNOWN_S:
            return keys
        self._refresh(unless_since_s=UNKNOWN_S, wait_s=UNKNOWN_WAIT_S)
        return self.current()

    def _age_s(self) -> float:
        return self._clock() - self._fetched_at

    def _since_s(self) -> float:
        return self._clock() - self._tried_at

    def _has_failed(self) -> bool:
        return self._tried_at > self._fetched_at

    def _refresh_beside(self) -> None:
        if self._is_starting or self._since_s() < RETRY_S:
            return
        self._is_starting = True

        def work() -> None:
            try:
                self._refresh(unless_since_s=RETRY_S)
            finally:
                self._is_starting = False

        try:
            self._start(work)
        except RuntimeError:  # no thread is left: the next request tries again
            self._is_starting = False

    def _refresh(self, unless_since_s: float, wait_s: float = _EVER) -> None:
        """Fetch the keys, unless that was tried a moment ago, as by whom this waited for.

        Raises Unavailable where that one takes longer than `wait_s`.
        """
        if not self._flight.acquire(timeout=wait_s):
            raise _out_of_reach()
        try:
            if self._since_s() >= unless_since_s:
                self._fetch_now()
        finally:
            self._flight.release()

    def _fetch_now(self) -> None:
        began_at = self._clock()
        try:
            keys = read_keys(self._fetch(), self._issuer.algorithms)
        except GatewayError as fault:
            self._failed(fault.message)
        except BadKeySet as fault:
            self._failed(f"what it answers {fault}")
        else:
            self._take(keys, began_at)
        # Last: whoever sees it sees the keys, too.
        self._tried_at = self._fetched_at if self._fetched_at == began_at else self._clock()

    def _take(self, keys: PublicKeys, began_at: float) -> None:
        if keys.digest != self._keys.digest:
            log.info("jwks_changed", issuer=self._issuer.name, keys=len(keys.keys))
        self._keys, self._fetched_at = keys, began_at
        JWKS_FETCHES.labels(self._issuer.name, "fetched").inc()

    def _failed(self, reason: str) -> None:
        JWKS_FETCHES.labels(self._issuer.name, "failed").inc()
        log.warning("jwks_unavailable", issuer=self._issuer.name, reason=reason)


def _out_of_reach() -> Unavailable:
    return Unavailable(
        "Tokens cannot be checked now: their issuer's keys are out of reach. Try again soon.",
        retry_after_s=int(RETRY_S),
        code="issuer_unavailable",
    )
