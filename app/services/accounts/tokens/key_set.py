"""An issuer's keys, fetched when they are needed and cached.

They are cached for `cache_s`, and refreshed in the background in the second half of it. Later,
whoever needs them waits for a fetch. While they cannot be fetched the cached ones serve, for KEPT_S
at most, and nobody waits: every RETRY_S, a fetch in the background tries again. An unknown key is
looked for once in UNKNOWN_S, however often it is requested: anybody can make such a token up.

A fetch has a thread of its own, and there is one at a time: all who need it wait for that one, for
FIRST_WAIT_S or UNKNOWN_WAIT_S from its beginning. So an issuer that answers slowly, or not at all,
keeps a request waiting for that long once in RETRY_S, and no thread for longer; what it answers
later is there for the next request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from app.errors import GatewayError, Unavailable
from app.services.accounts.tokens.public_keys import (
    NO_KEYS,
    BadKeySet,
    PublicKeys,
    read_keys,
)
from app.settings import IssuerSettings
from app.telemetry import JWKS_FETCHES, log, unexpected

KEPT_S = 24 * 3600.0
RETRY_S = 10.0
UNKNOWN_S = 60.0
#: Seconds that a fetch is waited for: if there are no keys, and if one is unknown.
FIRST_WAIT_S, UNKNOWN_WAIT_S = 2.0, 1.0
#: Seconds after which those who waited in vain may come again: a fetch goes on for 5 s at most.
AGAIN_S = 2
_NEVER = float("-inf")


def start_thread(work: Callable[[], None]) -> None:
    """Run something in a background thread."""
    threading.Thread(target=work, daemon=True).start()


@dataclass(frozen=True, slots=True)
class _Fetch:
    """A running fetch: when it began, by the clock, and whether it has ended."""

    began_at: float
    ended: threading.Event = field(default_factory=threading.Event)


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
        self._lock = threading.Lock()
        self._under_way: _Fetch | None = None
        self._keys = NO_KEYS
        self._fetched_at = self._tried_at = _NEVER

    def current(self) -> PublicKeys:
        """Return the keys as they are now.

        Raises:
            Unavailable: there are none that were fetched in the last KEPT_S.
        """
        age_s, has_ended = self._age_s(), True
        has_failed = self._has_failed()
        pause_s = RETRY_S if has_failed else 0.0  # cache_s may be shorter
        if age_s >= self._issuer.cache_s:
            if has_failed and age_s < KEPT_S:
                self._begin(unless_since_s=pause_s)
            else:
                has_ended = self._wait(FIRST_WAIT_S, unless_since_s=pause_s)
        elif age_s >= self._issuer.cache_s / 2:
            self._begin(unless_since_s=pause_s)
        if self._age_s() >= KEPT_S:
            raise _out_of_reach(int(RETRY_S) if has_ended else AGAIN_S)
        return self._keys

    def with_key(self, kid: str | None, algorithm: str) -> PublicKeys:
        """Return the keys, fetched again if none is for a token with this header.

        Raises Unavailable as `current` does, and if they do not arrive in time.
        """
        keys = self.current()
        if keys.matching(kid, algorithm) or self._since_s() < UNKNOWN_S:
            return keys
        if not self._wait(UNKNOWN_WAIT_S, unless_since_s=UNKNOWN_S):
            raise _out_of_reach(AGAIN_S)
        return self.current()

    def _age_s(self) -> float:
        return self._clock() - self._fetched_at

    def _since_s(self) -> float:
        return self._clock() - self._tried_at

    def _has_failed(self) -> bool:
        return self._tried_at > self._fetched_at

    def _wait(self, wait_s: float, unless_since_s: float) -> bool:
        """Have the keys fetched; return whether that ended within `wait_s` of its beginning."""
        fetch = self._begin(unless_since_s)
        if fetch is None:
            return True
        left_s = fetch.began_at + wait_s - self._clock()
        return fetch.ended.wait(max(0.0, left_s))

    def _begin(self, unless_since_s: float) -> _Fetch | None:
        """Have the keys fetched in the background, unless that was tried a moment ago.

        Returns the fetch that runs, whoever began it.
        """
        with self._lock:
            if self._under_way is not None:
                return self._under_way
            if self._since_s() < unless_since_s:
                return None
            fetch = self._under_way = _Fetch(self._clock())
        try:
            self._start(lambda: self._run(fetch))
        except RuntimeError:  # no thread is left: the next request tries again
            self._end(fetch)
        return fetch

    def _run(self, fetch: _Fetch) -> None:
        try:
            self._fetch_now(fetch.began_at)
        except Exception as bug:  # noqa: BLE001 - whoever waits is refused, and tries again
            unexpected(bug, "", "jwks")
        finally:
            self._end(fetch)

    def _end(self, fetch: _Fetch) -> None:
        with self._lock:
            self._under_way = None
        fetch.ended.set()

    def _fetch_now(self, began_at: float) -> None:
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


def _out_of_reach(again_s: int) -> Unavailable:
    return Unavailable(
        "Tokens cannot be checked now: their issuer's keys are out of reach. Try again soon.",
        retry_after_s=again_s,
        code="issuer_unavailable",
    )
