"""One provider's answer: through its breaker, under its concurrency limit, with retries.

However a call ends (answered, failed, cancelled, or with its iterator closed or dropped), it frees
its slot, settles its breaker and is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from time import time_ns

from app.domain.request import ModelRequest
from app.domain.response import Usage
from app.domain.stream.deltas import (
    Batch,
    close_batches,
    has_output,
)
from app.domain.upstream_call import UpstreamCall
from app.errors import (
    CallerGone,
    GatewayError,
    InvalidRequest,
    UpstreamMisbehaved,
    UpstreamUnavailable,
)
from app.providers.base import Provider
from app.services.upstreams.breakers import Breakers, Permit
from app.services.upstreams.concurrency import ConcurrencyLimiter
from app.services.upstreams.keys.keyed_call import KeyedCall, ProviderKeys, RequestsByKey
from app.services.upstreams.opening import Opening
from app.services.upstreams.retries import RetryPolicy
from app.services.upstreams.spans.calls import CallSpans, call_ended, first_output
from app.settings import ProviderSettings
from app.telemetry import (
    MeasuredCall,
    call_counted,
    first_byte_counted,
    first_output_counted,
    own_mistake,
    retry_counted,
    upstream_ended,
)

#: Why a request is sent again on a new connection, which no caller notices.
STALE = "connection_lost"


class ProviderCalls:
    """Calls providers. `clock` is like time.monotonic.

    `keys` are those of the providers that have several keys, or one that is read again.
    """

    def __init__(
        self,
        providers: Iterable[ProviderSettings],
        breakers: Breakers,
        retries: RetryPolicy,
        clock: Callable[[], float],
        keys: Mapping[str, ProviderKeys],
    ) -> None:
        providers = tuple(providers)
        self._keys = keys
        self._limiters = {
            each.name: ConcurrencyLimiter(each.name, each.max_concurrency) for each in providers
        }
        self._breakers = breakers
        self._retries = retries
        self._clock = clock
        self._spans = CallSpans(providers)

    def slot_shares(self) -> dict[str, Callable[[], float]]:
        """Return functions that tell what share of the slots is taken, by "provider[/key]".

        Only providers and keys that have a bound are included.
        """
        bounded = ((name, each) for name, each in self._limiters.items() if each.size is not None)
        shares = {name: limiter.share for name, limiter in bounded}
        for name, keys in self._keys.items():
            of_keys = keys.pool.shares() if keys.pool else {}
            shares |= {f"{name}/{key}": share for key, share in of_keys.items()}
        return shares

    def answer(
        self, provider: Provider, request: ModelRequest, opening: Opening, *, is_last: bool
    ) -> Iterator[Batch]:
        """Yield the provider's first batch twice, then the others; `is_last`: no target is left.

        The first yield is for the router: a generator that was started runs its `finally` however
        it is left; one that was not would never free its slot. Raises GatewayError.
        """
        name, call, measured = provider.name, opening.call, opening.measured
        # 1. Pass the breaker and take a slot; only the last target is waited for.
        queue_until = opening.begun_at + (opening.queue_s if is_last else 0)
        permit = self._enter(name, call, queue_until)
        keyed, attempt = None, partial(self._attempt, provider, request, opening)
        if (keys := self._keys.get(name)) is not None:
            keyed = self._keyed(keys, name, request, opening, queue_until, permit)
            attempt = partial(self._keyed_attempt, provider, opening, keyed)
        try:
            # 2. Attempts, until the upstream has begun to answer one.
            retry_until = opening.begun_at + opening.retry_s
            first, rest = self._retries.run(attempt, call, retry_until, waits=is_last)
            outcome, batches = "abandoned", rest
            try:
                # 3. The answer: from here on a failure ends it, since the model was paid.
                if first:
                    permit.mark_begun()
                if request.stream and measured.first_output_at is None:
                    batches = self._watched(rest, measured, call)
                yield first
                yield first
                yield from batches
                outcome = "answered"
            except GatewayError as error:
                error.work_done = True
                outcome = _outcome(error)
                raise
            finally:
                upstream_ended(name, outcome, call.key)
                seconds = self._clock() - measured.sent_at
                call_counted(measured, seconds, "" if outcome == "answered" else outcome)
                close_batches(rest)
                if (recording := opening.recording) is not None and recording.upstream is not None:
                    call_ended(recording.upstream, outcome)
        # 4. Tell the breaker how the whole call went, attempts included; free the slot.
        except BaseException as error:
            _failed(permit, keyed, error)
            raise
        else:
            permit.settle(None)
        finally:
            self._leave(name, keyed)

    def _enter(self, provider: str, call: UpstreamCall, until: float) -> Permit:
        """Take a slot of the provider, if its breaker lets the call through."""
        call.key = None
        permit, limiter = self._breakers.admit(provider), self._limiters[provider]
        if limiter.size is not None:
            try:
                limiter.acquire(call, min(until, call.deadline) - self._clock())
            except BaseException:
                permit.withdraw()
                raise
        return permit

    def _leave(self, provider: str, keyed: KeyedCall | None) -> None:
        if (limiter := self._limiters[provider]).size is not None:
            limiter.release()
        if keyed is not None:
            keyed.release()

    def _keyed(
        self,
        keys: ProviderKeys,
        provider: str,
        request: ModelRequest,
        opening: Opening,
        queue_until: float,
        permit: Permit,
    ) -> KeyedCall:
        """Return the chooser of a call's keys, for a provider whose key may change."""
        by_key = RequestsByKey(request, opening.request_for)
        call = opening.call
        return KeyedCall(provider, keys, call, by_key, permit, queue_until, self._clock)

    def _watched(
        self, batches: Iterator[Batch], measured: MeasuredCall, call: UpstreamCall
    ) -> Iterator[Batch]:
        """Return the batches of a stream that began with silence, counting its first output.

        That output may be relayed, and is then missing from the batches.
        """

        def on_batch(batch: Batch) -> bool:
            begins = has_output(batch)
            if begins:
                first_output_counted(measured, self._clock())
            return begins

        call.on_batch = on_batch
        return _until_output(batches, on_batch)

    def _keyed_attempt(
        self, provider: Provider, opening: Opening, keyed: KeyedCall
    ) -> tuple[Batch, Iterator[Batch]]:
        """Make one attempt with an available key; return what `_attempt` does."""
        request = keyed.take()
        try:
            return self._attempt(provider, request, opening)
        except BaseException as error:
            keyed.fail(error)
            raise

    def _attempt(
        self, provider: Provider, request: ModelRequest, opening: Opening
    ) -> tuple[Batch, Iterator[Batch]]:
        """Make one attempt, traced; return its first batch, and the iterator of the others."""
        call = opening.call
        if call.cancelled:
            raise CallerGone("The caller hung up.")
        if cause := opening.failed.get((provider.name, request.model)):
            retry_counted(provider.name, cause)
        call.count_attempt()
        if opening.recording is None:
            return self._first_batch(provider, request, opening)
        span = self._spans.begin(opening.recording, provider.name, request, call)
        try:
            first, batches = self._first_batch(provider, request, opening)
        except GatewayError as error:
            call_ended(span, _outcome(error))
            raise
        if first:
            first_output(span, round((time_ns() - span.start_ns) / 1e9, 6))
        return first, batches

    def _first_batch(
        self, provider: Provider, request: ModelRequest, opening: Opening
    ) -> tuple[Batch, Iterator[Batch]]:
        """Call a provider; return what begins its answer, and the iterator of the other batches."""
        call, measured = opening.call, opening.measured
        attempts, key = call.attempts, (provider.name, request.model)
        sent_at = measured.sent_at = self._clock()
        first: Batch = ()
        may_have_cost, call.may_cost = call.may_cost, True
        try:
            batches = provider.answer(request, call)
            for batch in batches:
                first = [*first, *batch] if first else batch
                # Silence begins a streamed answer, if its caller is due a sign of life by now.
                silent = request.stream and opening.silence_begins
                silent = silent and (not batch or self._clock() - sent_at >= call.silence_s)
                begins = has_output(first)
                if silent or begins:
                    now = self._clock()
                    first_byte_counted(provider.name, now - sent_at)
                    if begins and request.stream:
                        first_output_counted(measured, now)
                    if call.attempts > attempts:
                        retry_counted(provider.name, STALE, call.attempts - attempts)
                    return first, batches
        except GatewayError as error:
            opening.failed[key] = cause = _outcome(error)
            if isinstance(error.lost, Usage):
                call.lost.append((key, error.lost))
            call.may_cost = may_have_cost or isinstance(error, CallerGone) or bool(call.lost)
            upstream_ended(provider.name, cause, call.key)
            call_counted(measured, self._clock() - sent_at, cause)
            raise
        except Exception as bug:
            mistake = own_mistake(
                bug, "", "provider", provider=provider.name, attempts=call.attempts
            )
            upstream_ended(provider.name, _outcome(mistake), call.key)
            raise mistake from bug
        if first:
            upstream_ended(provider.name, UpstreamUnavailable.code, call.key)
            raise UpstreamUnavailable(f"The provider '{provider.name}' broke off its answer.")
        raise UpstreamMisbehaved(f"The provider '{provider.name}' sent no answer.")


def _failed(permit: Permit, keyed: KeyedCall | None, error: BaseException) -> None:
    permit.settle(error)
    if keyed is not None:
        keyed.end(error)


def _until_output(batches: Iterator[Batch], on_batch: Callable[[Batch], bool]) -> Iterator[Batch]:
    """Yield the batches; `on_batch` gets them until it returns true."""
    for batch in batches:
        begins = on_batch(batch)
        yield batch
        if begins:
            break
    yield from batches


def _outcome(error: GatewayError) -> str:
    """Return an error's name in metrics, which is never a code that an upstream made up."""
    match error:
        case CallerGone():
            return "abandoned"
        case InvalidRequest():
            return type(error).code or error.type
        case _:
            return error.code or error.type
