"""Opens an answer from a list of targets: the best one, its fallbacks, round after round."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from time import monotonic
from types import MappingProxyType
from typing import NamedTuple

from app.domain.request import ModelRequest
from app.domain.response import NO_USAGE, Usage
from app.domain.stream.deltas import Batch
from app.domain.upstream_call import UpstreamCall
from app.errors import (
    AnswerTooLong,
    CallerGone,
    GatewayError,
    Overloaded,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.providers.profiles import vendor_name
from app.services.upstreams.breakers import Breakers
from app.services.upstreams.catalog import Target
from app.services.upstreams.keys.keyed_call import ProviderKeys
from app.services.upstreams.opening import Opening
from app.services.upstreams.provider_calls import ProviderCalls
from app.services.upstreams.retries import RetryPolicy
from app.services.upstreams.retry_rounds import (
    FIRST_PAUSE_S,
    MAX_PAUSE_S,
    PARK_S,
    Parked,
    RetryRounds,
)
from app.settings import ProviderSettings
from app.telemetry import MeasuredCall, fallback_counted, log

PATIENCE_S = 10.0

#: Failures that another target may not have: any other error ends the call.
_FAULTS = (UpstreamRateLimited, UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved)


class EndedCall(NamedTuple):
    """A call that is paid for: its target, what it has used, and the tier that served it.

    Its usage is zero if the upstream has not counted it.
    """

    target: Target
    usage: Usage
    tier: str


def total_usage(calls: Iterable[EndedCall]) -> Usage:
    """Return what calls have used together."""
    return reduce(Usage.plus, (each.usage for each in calls), NO_USAGE)


def served_tier(ignored: Container[str], tier: str) -> str:
    """Return the tier that served a call: the default one if the upstream was not sent any."""
    return "default" if "service_tier" in ignored else tier


@dataclass(slots=True)
class UpstreamAnswer:
    """An answer that has begun; `batches` must be exhausted or closed.

    The first batch has been read already; it is empty, for silence, if output may take long.
    `target` is the one that answers now: it may change if an answer takes several calls (G8).
    `provider` is the target's, by name; `ignored` names the parameters that it cannot honour.
    `attempts` counts those at all targets; `first_batch_s` is the time from the first of them to
    the first batch. `call` is what metrics know of the call. `before` are the calls that ended
    before this one in the same answer; if `has_failed`, none came after them.
    """

    target: Target
    provider: str
    ignored: tuple[str, ...]
    attempts: int
    first_batch_s: float
    batches: Iterator[Batch]
    call: MeasuredCall | None = None
    before: tuple[EndedCall, ...] = ()
    has_failed: bool = False


def given_up(gone: CallerGone) -> Iterator[Batch]:
    """Return the batches of a call that was given up before it had any: reading raises `gone`."""

    def read() -> Batch:
        raise gone

    return iter(read, None)


class _Failure(NamedTuple):
    """What a target raised, and the upstream's own id of the request."""

    error: GatewayError
    provider: str
    key: str | None
    upstream_request_id: str | None

    def count_fallback(self) -> None:
        """Count that the next target is called instead."""
        fallback_counted(self.provider, self.error.code or self.error.type)


class Router:
    """Opens upstream calls. `clock` is like time.monotonic; for `keys` see ProviderCalls."""

    def __init__(
        self,
        providers: Iterable[ProviderSettings],
        breakers: Breakers,
        retries: RetryPolicy,
        clock: Callable[[], float] = monotonic,
        keys: Mapping[str, ProviderKeys] = MappingProxyType({}),
    ) -> None:
        providers = tuple(providers)
        self._calls = ProviderCalls(providers, breakers, retries, clock, keys)
        self._deadlines_s = {each.name: each.deadline_s for each in providers}
        self._vendors = {each.name: vendor_name(each) for each in providers}
        self._retries = retries
        self._clock = clock

    def slot_shares(self) -> dict[str, Callable[[], float]]:
        """Return what ProviderCalls.slot_shares does."""
        return self._calls.slot_shares()

    def open(
        self,
        targets: Sequence[Target],
        request_for: Callable[[Target], ModelRequest],
        call: UpstreamCall,
        patience_s: float = PATIENCE_S,
    ) -> UpstreamAnswer:
        """Return the answer of the first target that begins one.

        A streamed answer begins with its first batch, even an empty one that only reports silence;
        after that nothing is tried again (A1). A whole answer begins when it is complete. For
        `patience_s` failed attempts are repeated, and a busy last target is waited for; any other
        busy target is passed over. `call.deadline` is brought forward to what the target's provider
        allows for a whole call.

        Raises:
            InvalidRequest, NotFound, ContextLengthExceeded: a target rejected the request; the
                next ones are not called.
            UpstreamRateLimited, UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved: all
                targets failed; the first that may be temporary is raised, or else the first of all.
            CallerGone: the call was cancelled.
        """
        opening = Opening(call, self._clock(), patience_s, patience_s)
        failures: list[_Failure] = []
        for target in targets:
            if failures:
                failures[-1].count_fallback()
            opened = self._opened(target, request_for, opening, is_last=target is targets[-1])
            if isinstance(opened, UpstreamAnswer):
                return opened
            failures.append(opened)
        raise _blamed(failures, call)

    def open_in_time(
        self,
        targets: Sequence[Target],
        request_for: Callable[[Target], ModelRequest],
        call: UpstreamCall,
        until: float,
        pause_s: float = FIRST_PAUSE_S,
    ) -> UpstreamAnswer:
        """Do what `open` does for a call that has time until `until`, and no caller who waits.

        Its targets are called in rounds (RetryRounds), with `pause_s` after the first; none begins
        after `until`. An answer begins with the first batch that has output. Raises as `open` does,
        and Parked if the next round is far off, and another call can make it.
        """
        opening = Opening(call, self._clock(), 0.0, PATIENCE_S, silence_begins=False)
        rounds = RetryRounds(targets, self._clock, self._retries.jitter, pause_s)
        failures: dict[int, _Failure] = {}  # the latest of each target, by the target's index
        while True:
            # 1. A round: each target that may be called now, once, best first.
            ready = rounds.ready()
            opening.begun_at = self._clock()
            last: _Failure | None = None
            for target in ready:
                if last is not None:
                    last.count_fallback()
                opened = self._opened(target, request_for, opening, is_last=target is ready[-1])
                if isinstance(opened, UpstreamAnswer):
                    return opened
                failures[targets.index(target)] = last = opened
                rounds.record_failure(target, opened.error)
            # 2. When the next one is due, if there is time for it.
            left_s = min(until, opening.latest) - self._clock()
            next_s = rounds.next_s(left_s)
            if next_s is None:
                raise _blamed([failures[place] for place in sorted(failures)], call)
            # 3. A long pause is spent in the store, not in a thread: the next call begins anew.
            comes_back_in_time = next_s + MAX_PAUSE_S <= left_s
            if next_s >= PARK_S and comes_back_in_time and rounds.may_begin_anew(next_s):
                raise Parked(next_s, rounds.pause_s)
            # 4. A short one is waited for here.
            call.begin_waiting()
            self._retries.pause(call, next_s)
            if call.cancelled:
                raise CallerGone("The job was stopped.")

    def _opened(
        self,
        target: Target,
        request_for: Callable[[Target], ModelRequest],
        opening: Opening,
        *,
        is_last: bool,
    ) -> UpstreamAnswer | _Failure:
        """Return a target's answer once it has begun, or how the target failed."""
        provider, call = target.provider, opening.call
        call.provider = provider.name
        opening.measured = MeasuredCall(provider.name, target.label, self._vendors[provider.name])
        call.deadline = min(opening.latest, self._clock() + self._deadlines_s[provider.name])
        request = request_for(target)
        opening.request_for = lambda key: request_for(replace(target, key=key))
        batches = self._calls.answer(provider, request, opening, is_last=is_last)
        try:
            next(batches)
        except AnswerTooLong as error:
            _log_failure(target, call, error)
            raise  # another target would produce, and cost, as much
        except Overloaded as error:  # no file descriptors here: not the provider's fault
            if opening.silence_begins:
                raise  # a caller is waiting, who may try again
            return _Failure(error, provider.name, call.key, call.request_id)
        except _FAULTS as error:
            _log_failure(target, call, error)
            return _Failure(error, provider.name, call.key, call.request_id)
        first_batch_s = self._clock() - opening.started
        ignored, attempts = provider.ignored(request), call.attempts
        if call.key is not None:
            target = replace(target, key=call.key)
        return UpstreamAnswer(
            target, provider.name, ignored, attempts, first_batch_s, batches, opening.measured
        )


def _log_failure(target: Target, call: UpstreamCall, error: GatewayError) -> None:
    key = {} if call.key is None else {"upstream_key": call.key}
    log.warning(
        "upstream_failed",
        provider=target.provider.name,
        **key,
        model=target.id,
        response_id=call.response_id,
        attempts=call.attempts,
        error_code=error.code or error.type,
        upstream_request_id=call.request_id,
    )


def _blamed(failures: Sequence[_Failure], call: UpstreamCall) -> GatewayError:
    """Return the error to raise for all these failures; have the call name its provider.

    It is the first failure that a later try may not meet again, or else the first. If it says when
    to try again, that is when the first of the targets that say so may answer.
    """
    blamed = next(
        (each for each in failures if not isinstance(each.error, UpstreamMisbehaved)), failures[0]
    )
    blamed.error.work_done = any(each.error.work_done for each in failures)
    if blamed.error.retry_after_s is not None:
        blamed.error.retry_after_s = min(
            each.error.retry_after_s for each in failures if each.error.retry_after_s is not None
        )
    call.provider, call.key = blamed.provider, blamed.key
    call.request_id = blamed.upstream_request_id
    return blamed.error
