"""Circuit breakers: a provider that keeps failing is given a rest, then one call tries it out.

One breaker a provider and a process. It opens when 20 calls or more of the last ten one-second
buckets ended and at least half of them failed; after 5 s it lets exactly one call through, and
that call's first word closes it again. What counts are whole calls, with all their attempts:
never one that ended in a 4xx, a 429 or with its caller gone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping
from contextvars import Context

from interlock import CircuitBreaker, CircuitOpenError, Config, CoreEventListener, State, WindowType

from app.errors import (
    CallerGone,
    GatewayError,
    UpstreamMisbehaved,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)

PROBE_AFTER_S = 5.0

_CONFIG = Config(
    window_type=WindowType.TIME_BASED,
    window_size=10,
    minimum_number_of_calls=20,
    failure_rate_threshold=0.5,
    slow_call_duration_threshold=math.inf,  # a long answer is no failure
    wait_duration_in_open=PROBE_AFTER_S,
    permitted_calls_in_half_open=1,
    max_concurrent_probes=1,
)
_FAULTS = (UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved)
_FAILED = RuntimeError("the call failed")  # the breaker keeps what it is given: never the call's
_UNHEARD = GeneratorExit()


class Admission:
    """A call that its breaker let through; `settle` says how it went, once.

    `probed` holds the names of the breakers that are half open.
    """

    def __init__(self, breaker: CircuitBreaker, probed: Container[str]) -> None:
        self._probed = probed
        # The library ties a block to the context it was entered in; a context of our own lets a
        # stream begin and end wherever its server likes.
        self._context = Context()
        self._breaker: CircuitBreaker | None = breaker
        self._context.run(breaker.__enter__)

    def spoke(self) -> None:
        """Say that the upstream has begun to answer: all that a probe is to find out."""
        if self._breaker is not None and self._breaker.name in self._probed:
            self.settle(None)

    def withdraw(self) -> None:
        """Say that the call never reached the upstream."""
        self.settle(_UNHEARD)

    def settle(self, error: BaseException | None) -> None:
        """Say that the call is over, with the error that ended it; only the first time counts."""
        breaker, self._breaker = self._breaker, None
        if breaker is not None:
            verdict = _verdict(error, probing=breaker.name in self._probed)
            kind = None if verdict is None else type(verdict)
            self._context.run(breaker.__exit__, kind, verdict, None)


def _verdict(error: BaseException | None, *, probing: bool) -> BaseException | None:
    """Return what the library shall see; a GeneratorExit is no verdict to it."""
    if isinstance(error, _FAULTS) and not isinstance(error, UpstreamRefused):
        return _FAILED
    refused = isinstance(error, GatewayError) and not isinstance(error, CallerGone)
    if error is None or (refused and probing):  # who refuses a request is alive
        return None
    return _UNHEARD


class Breakers:
    """The breakers of one process, by provider name.

    `clock` returns seconds like time.monotonic; `changed` hears of each new state as
    (provider, state), where a state is "closed", "open" or "half_open".
    """

    def __init__(
        self,
        providers: Iterable[str],
        clock: Callable[[], float],
        changed: Callable[[str, str], None] = lambda _provider, _state: None,
    ) -> None:
        self._listener = listener = _Listener(changed)
        self._breakers: Mapping[str, CircuitBreaker] = {
            name: CircuitBreaker(name=name, config=_CONFIG, clock=_Clock(clock), listener=listener)
            for name in providers
        }

    def admit(self, provider: str) -> Admission:
        """Let a call of the provider through.

        Raises:
            UpstreamUnavailable: the breaker is open, or its one probe is still under way.
        """
        try:
            return Admission(self._breakers[provider], self._listener.probed)
        except CircuitOpenError as refused:
            raise UpstreamUnavailable(
                f"The provider '{provider}' has failed too often in the last seconds and is "
                "not asked for the moment. Try again shortly.",
                retry_after_s=max(1, math.ceil(refused.retry_after or 0)),
            ) from None

    def states(self) -> dict[str, str]:
        """Return the state of each provider's breaker: "closed", "open" or "half_open"."""
        return {name: breaker.state.value for name, breaker in self._breakers.items()}


class _Clock:
    def __init__(self, clock: Callable[[], float]) -> None:
        self.monotonic = clock


class _Listener(CoreEventListener):
    def __init__(self, changed: Callable[[str, str], None]) -> None:
        self._changed = changed
        # MEASURED: asking a breaker for its state takes seven calls, twice a request.
        self.probed: set[str] = set()

    def on_state_change(
        self,
        *,
        name: str,
        old: State,  # noqa: ARG002 - the library passes it by name
        new: State,
    ) -> None:
        (self.probed.add if new is State.HALF_OPEN else self.probed.discard)(name)
        self._changed(name, new.value)
