"""From targets to an answer that has begun: breakers, slots, retries, then the next target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import NamedTuple

from app.domain.request import ModelRequest
from app.domain.stream.deltas import Batch, MessageOpened, PartEnded, ReasoningOpened, Used
from app.domain.upstream_call import UpstreamCall
from app.errors import (
    AnswerTooLong,
    CallerGone,
    GatewayError,
    UpstreamMisbehaved,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.providers.base import Provider
from app.services.upstreams.breakers import Breakers, Permit
from app.services.upstreams.catalog import Target
from app.services.upstreams.concurrency import ConcurrencyLimiter
from app.services.upstreams.retries import RetryPolicy
from app.services.upstreams.retry_rounds import (
    FIRST_PAUSE_S,
    MAX_PAUSE_S,
    PARK_S,
    Parked,
    RetryRounds,
)
from app.settings import ProviderSettings
from app.telemetry import log, own_mistake, upstream_ended, upstream_spoke

PATIENCE_S = 10.0

#: What says nothing yet.
_OPENINGS = (Used, PartEnded, MessageOpened, ReasoningOpened)
#: What another target may do better: anything else ends the call.
_FAULTS = (UpstreamRateLimited, UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved)


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer that has begun; `batches` must be exhausted or closed.

    `provider` is the target's, by name; `ignored` names the parameters that it cannot honour.
    `attempts` counts those at all targets; `first_batch_s` is the time from the first of them to
    the first batch.
    """

    target: Target
    provider: str
    ignored: tuple[str, ...]
    attempts: int
    first_batch_s: float
    batches: Iterator[Batch]


class _Failure(NamedTuple):
    """What a target raised, and what it called the request."""

    error: GatewayError
    provider: str
    upstream_request_id: str | None


@dataclass(slots=True)
class _Opening:
    """A call that is being opened, since `started`. `latest` is its own deadline.

    From `begun_at` on, failed attempts are repeated for `retry_s`, and the last target is waited
    for, if it is busy, for `queue_s`. `heeds_silence` says that silence is a beginning, too.
    """

    call: UpstreamCall
    started: float
    retry_s: float
    queue_s: float
    heeds_silence: bool = True
    begun_at: float = field(init=False)
    latest: float = field(init=False)

    def __post_init__(self) -> None:
        self.begun_at, self.latest = self.started, self.call.deadline


class Router:
    """Opens upstream calls. `clock` is like time.monotonic."""

    def __init__(
        self,
        providers: Iterable[ProviderSettings],
        breakers: Breakers,
        retries: RetryPolicy,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        providers = tuple(providers)
        self._slots = {
            each.name: ConcurrencyLimiter(each.name, each.max_concurrency) for each in providers
        }
        self._deadlines_s = {each.name: each.deadline_s for each in providers}
        self._breakers = breakers
        self._retries = retries
        self._clock = clock

    def open(
        self,
        targets: Sequence[Target],
        request_for: Callable[[Target], ModelRequest],
        call: UpstreamCall,
        patience_s: float = PATIENCE_S,
    ) -> Opened:
        """Return the answer of the first target that gives one, once it has begun to.

        A streamed answer begins with its first batch, even one that only tells of silence; after
        that nothing is tried again (A1). A whole answer begins when it is there. For `patience_s`
        failed attempts are repeated, and the last target is waited for if it is busy: a busy one
        before it is passed over. `call.deadline` is brought forward to what the target's provider
        allows for a whole call.

        Raises:
            InvalidRequest, NotFound, ContextLengthExceeded: a target found fault with the
                request; the next ones are not asked.
            UpstreamRateLimited, UpstreamUnavailable, UpstreamTimeout, UpstreamMisbehaved: all
                targets failed; the first failure that may pass is told, or else the first.
            CallerGone: the call was cancelled.
        """
        opening = _Opening(call, self._clock(), patience_s, patience_s)
        failures: list[_Failure] = []
        for target in targets:
            opened = self._opened(target, request_for, opening, is_last=target is targets[-1])
            if isinstance(opened, Opened):
                return opened
            failures.append(opened)
        raise _told(failures, call)

    def open_in_time(
        self,
        targets: Sequence[Target],
        request_for: Callable[[Target], ModelRequest],
        call: UpstreamCall,
        until: float,
        pause_s: float = FIRST_PAUSE_S,
    ) -> Opened:
        """Do what `open` does for a call that has time until `until`, and whose caller waits apart.

        Its targets are asked round after round (RetryRounds); an answer begins with the first batch
        that says something. No round begins after `until`. `pause_s` is the pause after the first.
        Raises as `open` does, and Parked where the next round is far and can be another call's.
        """
        opening = _Opening(call, self._clock(), 0.0, PATIENCE_S, heeds_silence=False)
        rounds = RetryRounds(targets, self._clock, self._retries.jitter, pause_s)
        failures: dict[int, _Failure] = {}
        while True:
            ready = rounds.ready()
            opening.begun_at = self._clock()
            for target in ready:
                opened = self._opened(target, request_for, opening, is_last=target is ready[-1])
                if isinstance(opened, Opened):
                    return opened
                failures[targets.index(target)] = opened
                rounds.note(target, opened.error)
            left_s = min(until, opening.latest) - self._clock()
            next_s = rounds.next_s(left_s)
            if next_s is None:
                raise _told([failures[number] for number in sorted(failures)], call)
            comes_back_in_time = next_s + MAX_PAUSE_S <= left_s
            if next_s >= PARK_S and comes_back_in_time and rounds.may_forget(next_s):
                raise Parked(next_s, rounds.pause_s)
            self._retries.pause(call, next_s)
            if call.cancelled:
                raise CallerGone("The job was stopped.")

    def _opened(
        self,
        target: Target,
        request_for: Callable[[Target], ModelRequest],
        opening: _Opening,
        *,
        is_last: bool,
    ) -> Opened | _Failure:
        """Return a target's answer once it has begun to, or how the target failed."""
        provider, call = target.provider, opening.call
        call.provider = provider.name
        call.deadline = min(opening.latest, self._clock() + self._deadlines_s[provider.name])
        request = request_for(target)
        batches = self._answer(provider, request, opening, is_last=is_last)
        try:
            next(batches)
        except AnswerTooLong as error:
            _log_failure(target, call, error)
            raise  # another target would be paid for as much
        except _FAULTS as error:
            _log_failure(target, call, error)
            return _Failure(error, provider.name, call.request_id)
        first_batch_s = self._clock() - opening.started
        ignored, attempts = provider.ignored(request), call.attempts
        return Opened(target, provider.name, ignored, attempts, first_batch_s, batches)

    def _answer(
        self, provider: Provider, request: ModelRequest, opening: _Opening, *, is_last: bool
    ) -> Iterator[Batch]:
        """Yield the provider's first batch twice, then the others.

        The first time is for `open` to see: a generator that has begun runs its endings however
        it is left, one that has not would hold its slot for ever.
        """
        name, call = provider.name, opening.call
        queue_until = opening.begun_at + (opening.queue_s if is_last else 0)
        permit = self._admitted(name, call, queue_until)
        try:
            attempt = partial(self._begun, provider, request, opening)
            retry_until = opening.begun_at + opening.retry_s
            first, rest = self._retries.run(attempt, call, retry_until, waits=is_last)
            outcome = "abandoned"
            try:
                if first:
                    permit.spoke()
                yield first
                yield first
                yield from rest
                outcome = "answered"
            except GatewayError as error:
                error.work_done = True
                outcome = _word(error)
                raise
            finally:
                upstream_ended(name, outcome)
                _close(rest)
        except BaseException as error:
            permit.settle(error)
            raise
        else:
            permit.settle(None)
        finally:
            self._slots[name].give_back()

    def _admitted(self, provider: str, call: UpstreamCall, until: float) -> Permit:
        """Take a slot of the provider, if its breaker lets the call through."""
        permit = self._breakers.admit(provider)
        try:
            self._slots[provider].take(call, min(until, call.deadline) - self._clock())
        except BaseException:
            permit.withdraw()
            raise
        return permit

    def _begun(
        self, provider: Provider, request: ModelRequest, opening: _Opening
    ) -> tuple[Batch, Iterator[Batch]]:
        """Make one attempt; return its first batch, and what will bring the others."""
        call = opening.call
        if call.cancelled:
            raise CallerGone("The caller hung up.")
        call.attempts += 1
        asked_at = self._clock()
        first: Batch = ()
        try:
            batches = provider.answer(request, call)
            for batch in batches:
                first = [*first, *batch] if first else batch
                waits = request.stream and opening.heeds_silence
                waits = waits and (not batch or self._clock() - asked_at >= call.silence_s)
                if waits or _says_something(first):
                    upstream_spoke(provider.name, self._clock() - asked_at)
                    return first, batches
        except GatewayError as error:
            upstream_ended(provider.name, _word(error))
            raise
        except Exception as bug:
            mistake = own_mistake(
                bug, "", "provider", provider=provider.name, attempts=call.attempts
            )
            upstream_ended(provider.name, _word(mistake))
            raise mistake from bug
        if first:
            upstream_ended(provider.name, UpstreamUnavailable.code)
            raise UpstreamUnavailable(f"The provider '{provider.name}' broke off its answer.")
        raise UpstreamMisbehaved(f"The provider '{provider.name}' sent no answer.")


def _says_something(deltas: Batch) -> bool:
    """Tell whether an answer has begun: an item that is opened may be followed by an error (A2)."""
    return not all(isinstance(delta, _OPENINGS) for delta in deltas)


def _word(error: GatewayError) -> str:
    return "abandoned" if isinstance(error, CallerGone) else error.code or error.type


def _close(batches: Iterator[Batch]) -> None:
    close = getattr(batches, "close", None)
    if close is not None:
        close()


def _log_failure(target: Target, call: UpstreamCall, error: GatewayError) -> None:
    log.warning(
        "upstream_failed",
        provider=target.provider.name,
        model=target.id,
        response_id=call.response_id,
        attempts=call.attempts,
        error_code=error.code or error.type,
        upstream_request_id=call.request_id,
    )


def _told(failures: Sequence[_Failure], call: UpstreamCall) -> GatewayError:
    """Return the error to tell of these, and have the call say whose it is."""
    told = _most_hopeful(failures)
    call.provider, call.request_id = told.provider, told.upstream_request_id
    return told.error


def _most_hopeful(failures: Sequence[_Failure]) -> _Failure:
    """Return the first failure that a later try may not meet again, or else the first."""
    told = next(
        (each for each in failures if not isinstance(each.error, UpstreamMisbehaved)), failures[0]
    )
    told.error.work_done = any(each.error.work_done for each in failures)
    return told
