"""Circuit breakers: a provider that keeps failing is not called for a while, then probed.

One breaker per provider and process. It opens when at least 20 calls ended in the last ten
one-second buckets and at least half of them failed; after 5 s it admits exactly one call, the
probe, whose first output closes it again. It counts whole calls, with all their attempts, but never
one that ended in a 4xx, a 429 or with its caller gone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from app.errors import (
    AnswerNotUnderstood,
    AnswerTooLong,
    CallerGone,
    GatewayError,
    Overloaded,
    UpstreamMisaddressed,
    UpstreamMisbehaved,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.services.upstreams.breaker import Breaker, CircuitOpen

_FAULTS = (UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved)
#: Faults of a single answer, which say nothing about the next call.
_OF_ONE_ANSWER = (UpstreamRefused, UpstreamMisaddressed, AnswerTooLong, AnswerNotUnderstood)


class Permit:
    """Lets one call through its breaker; `settle` reports once how the call went."""

    __slots__ = ("_breaker", "_generation")

    def __init__(self, breaker: Breaker) -> None:
        self._generation = breaker.admit()
        self._breaker: Breaker | None = breaker

    def mark_begun(self) -> None:
        """Report that the upstream has begun to answer, which is all that a probe tests."""
        if self._breaker is not None and self._breaker.state == "half_open":
            self.settle(None)

    def withdraw(self) -> None:
        """Report that the call never reached the upstream."""
        self.settle(GeneratorExit())

    def settle(self, error: BaseException | None) -> None:
        """Report that the call is over, and the error that ended it; only the first time counts."""
        breaker, self._breaker = self._breaker, None
        if breaker is not None:
            failed = False if error is None else _has_failed(error, breaker.state == "half_open")
            breaker.end(self._generation, failed=failed)


def _has_failed(error: BaseException, probing: bool) -> bool | None:
    """Tell whether the upstream has failed; None if the error says nothing about that."""
    if isinstance(error, _FAULTS) and not isinstance(error, _OF_ONE_ANSWER):
        return True
    refused = isinstance(error, GatewayError) and not isinstance(error, CallerGone | Overloaded)
    return False if refused and probing else None  # an upstream that refuses a request is alive


class Breakers:
    """The breakers of one process, by provider name.

    `clock` returns seconds like time.monotonic; `on_change` gets each new state as
    (provider, state), where a state is "closed", "open" or "half_open".
    """

    def __init__(
        self,
        providers: Iterable[str],
        clock: Callable[[], float],
        on_change: Callable[[str, str], None] = lambda _provider, _state: None,
    ) -> None:
        self._breakers: Mapping[str, Breaker] = {
            name: Breaker(clock, partial(on_change, name)) for name in providers
        }

    def admit(self, provider: str) -> Permit:
        """Admit a call to the provider.

        Raises:
            UpstreamUnavailable: the breaker is open, or its one probe is still running.
        """
        try:
            return Permit(self._breakers[provider])
        except CircuitOpen as refusal:
            raise UpstreamUnavailable(
                f"The provider '{provider}' has failed too often in the last seconds and is "
                "not called for the moment. Try again shortly.",
                retry_after_s=max(1, math.ceil(refusal.retry_after_s)),
            ) from None

    def states(self) -> dict[str, str]:
        """Return the state of each provider's breaker: "closed", "open" or "half_open"."""
        return {name: breaker.state for name, breaker in self._breakers.items()}
