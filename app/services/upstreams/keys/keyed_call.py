"""One call of a provider that has several keys, or one key that is read again.

Each attempt uses a key of the pool. A key that is rate limited or refused rests, and the next
attempt is made at once, with another key; it is also made at once if the key's credential has been
replaced meanwhile. They count as attempts like all others (U1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from app.domain.request import ModelRequest
from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError, UpstreamRateLimited, UpstreamRefused, UpstreamUnavailable
from app.services.upstreams.breakers import Permit
from app.services.upstreams.keys.credential import AGAIN_S, WAIT_S, Credential
from app.services.upstreams.keys.pool import KeyPool

#: Seconds that a key rests (limited, refused) if its server does not say for how long.
LIMITED_S, REFUSED_S = 30.0, 300.0
UNAUTHORIZED, UNPAID = 401, 402


@dataclass(frozen=True, slots=True)
class ProviderKeys:
    """The keys of one provider: their pool, None for a single key, and those that are reread."""

    pool: KeyPool | None
    credentials: Mapping[str | None, Credential]


@dataclass(slots=True)
class RequestsByKey:
    """A request as written for the preferred key; `write` builds it for another."""

    request: ModelRequest
    write: Callable[[str], ModelRequest]

    @property
    def preferred(self) -> str | None:
        """The key that the request is written for, None if any will do."""
        return self.request.key

    def by(self, key: str) -> ModelRequest:
        """Return the request for this key."""
        if self.preferred not in (None, key):
            self.request = self.write(key)
        return self.request


class KeyedCall:
    """Chooses a key for each attempt of a call.

    A key of `provider` with a free slot is waited for until `queue_until`, a time of `clock`.
    `permit` is withdrawn if no key can be had at all, since the upstream was not called.
    """

    def __init__(
        self,
        provider: str,
        keys: ProviderKeys,
        call: UpstreamCall,
        requests: RequestsByKey,
        permit: Permit,
        queue_until: float,
        clock: Callable[[], float],
    ) -> None:
        self._provider = provider
        self._pool = keys.pool
        self._credentials = keys.credentials
        self._call = call
        self._requests = requests
        self._permit = permit
        self._queue_until = queue_until
        self._clock = clock
        self._tried: list[str] = []
        self._taken: str | None = None
        self._version = 0

    def take(self) -> ModelRequest:
        """Take a key for the next attempt; return the request for it.

        Raises:
            UpstreamRateLimited, UpstreamUnavailable: no key can be had, or the one that was taken
                cannot be read.
            CallerGone: the call was cancelled.
        """
        request = self._requests.request
        if self._pool is not None:
            request = self._requests.by(self._acquired(self._pool))
        credential = self._credential
        if credential is not None:
            if not credential.is_known:
                credential.renew(credential.version, self._patience_s())
            if not credential.is_known:
                raise self._unreadable()
            self._version = credential.version
        return request

    def _unreadable(self) -> UpstreamUnavailable:
        """Return the error for a key that was never read: the upstream is not called without it.

        In a pool the key rests until it is read again, and another may be taken at once.
        """
        error = UpstreamUnavailable(
            f"A credential of the provider '{self._provider}' cannot be read at the moment. Try "
            "again later.",
            retry_after_s=int(AGAIN_S),
        )
        if self._pool is not None and self._taken is not None:
            self._pool.rest(self._taken, AGAIN_S, "refused")
            error.another_key = self._pool.has_awake()
        self.release()
        if not error.another_key:
            self._permit.withdraw()
        return error

    def _acquired(self, pool: KeyPool) -> str:
        wait_s = self._queue_until - self._clock()
        try:
            key = pool.acquire(self._call, wait_s, self._requests.preferred, self._tried)
        except GatewayError:
            if not self._tried:
                self._permit.withdraw()
            raise
        self._call.key = self._taken = key
        self._tried.append(key)
        return key

    @property
    def _credential(self) -> Credential | None:
        return self._credentials.get(self._taken) if self._credentials else None

    def _patience_s(self) -> float:
        return max(0.0, min(WAIT_S, self._call.deadline - self._clock()))

    def fail(self, error: BaseException) -> None:
        """Record that an attempt failed before its caller had output, and give its key back.

        If the next may be made at once, the error says so; never if the model was paid (U5).
        """
        is_renewed = isinstance(error, UpstreamRefused) and self._renewed(error)
        if not is_renewed:
            self._rest(error)
        self.release()
        if isinstance(error, UpstreamRateLimited | UpstreamRefused):
            may_repeat = not error.work_done
            error.another_key = may_repeat and (is_renewed or self._has_another(error))

    def end(self, error: BaseException) -> None:
        """Record that the call has ended with an error.

        A failure after output rests the key, too. A rate limit is over when the first key may be
        called again.

        Raises:
            UpstreamUnavailable: the keys that were tried are refused, but others are left.
        """
        self._rest(error)
        self.release()
        pool = self._pool
        if pool is not None and isinstance(error, UpstreamRateLimited):
            error.retry_after_s = pool.wait_s()
        elif pool is not None and _is_refused(error) and not error.work_done and pool.has_awake():
            why = f"{error.message}; other keys are left"
            raise UpstreamUnavailable(why, retry_after_s=1) from error

    def release(self) -> None:
        """Give the key back, if one is taken."""
        if self._pool is not None and self._taken is not None:
            self._pool.release(self._taken)
            self._taken = None

    def _renewed(self, error: UpstreamRefused) -> bool:
        """Tell whether the refused key has been replaced by now.

        Waits for it, but not in a pool, where the next attempt may take another key.
        """
        credential = self._credential
        if credential is None or error.refusal != UNAUTHORIZED:
            return False
        return credential.renew(self._version, 0.0 if self._pool else self._patience_s())

    def _rest(self, error: BaseException) -> None:
        if self._pool is None or self._taken is None:
            return
        if isinstance(error, UpstreamRateLimited):
            self._pool.rest(self._taken, error.retry_after_s or LIMITED_S, "rate_limited")
        elif _is_refused(error):
            self._pool.rest(self._taken, REFUSED_S, "refused")

    def _has_another(self, error: BaseException) -> bool:
        is_of_key = isinstance(error, UpstreamRateLimited) or _is_refused(error)
        return is_of_key and self._pool is not None and self._pool.has_awake()


def _is_refused(error: BaseException) -> TypeGuard[UpstreamRefused]:
    return isinstance(error, UpstreamRefused) and error.refusal in (UNAUTHORIZED, UNPAID)
