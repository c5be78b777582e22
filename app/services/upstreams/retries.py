"""When a failed attempt is repeated at the same provider, and after what delay.

At most three attempts; the next is due after 0.5 s, then 1 s, each reduced by up to half at random,
or after the upstream's Retry-After if that is longer. None begins after the call's patience or its
deadline, so a Retry-After beyond these ends the call at once. A call that timed out after it was
sent is not sent again: the upstream may still be working on it. If another target is left, no
Retry-After is waited for (U25). If another key of the same provider may answer, the attempt is
repeated at once (N7).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import random
from time import monotonic
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, GatewayError, UpstreamTimeout, UpstreamUnavailable

MAX_ATTEMPTS = 3
FIRST_DELAY_S = 0.5

T = TypeVar("T")


def pause(call: UpstreamCall, seconds: float) -> None:
    """Wait for `seconds`, or until the call is cancelled."""
    woken = threading.Event()
    call.attach(woken.set)
    woken.wait(seconds)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Repeats failed attempts. `clock` is like time.monotonic, `jitter` like random.random.

    `pause` waits the given seconds, or until the call is cancelled.
    """

    clock: Callable[[], float] = monotonic
    jitter: Callable[[], float] = random
    pause: Callable[[UpstreamCall, float], None] = pause

    def run(
        self, attempt: Callable[[], T], call: UpstreamCall, until: float, *, waits: bool = True
    ) -> T:
        """Return what `attempt` returns; no new attempt begins after `until`, a time of the clock.

        `waits` is false if no Retry-After is to be waited for.

        Raises:
            GatewayError: what the last attempt raised.
            CallerGone: the call was cancelled while it waited.
        """
        try:
            return attempt()
        except GatewayError as error:
            if not _is_transient(error) or (_wait_s(error) and not waits):
                raise
            failures = [error]

        def next_attempt() -> T:
            if failures:
                raise failures.pop()
            return attempt()

        return self._retrying(call, until, waits)(next_attempt)

    def _retrying(self, call: UpstreamCall, until: float, waits: bool) -> Retrying:
        """Return what repeats a call that has failed once; made late, as that costs 20 µs."""

        def sleep(seconds: float) -> None:
            if seconds:
                self.pause(call, seconds)
            if call.cancelled:
                raise CallerGone("The caller hung up.")

        def is_last(state: RetryCallState) -> bool:
            next_at = self.clock() + state.upcoming_sleep
            if not waits and _retry_after_s(state):
                return True
            latest = call.deadline if _is_by_another_key(state) else min(until, call.deadline)
            return state.attempt_number >= MAX_ATTEMPTS or next_at > latest

        return Retrying(
            sleep=sleep,
            stop=is_last,
            wait=self._delay_s,
            retry=retry_if_exception(_is_transient),
            reraise=True,
        )

    def _delay_s(self, state: RetryCallState) -> float:
        if _is_by_another_key(state):
            return 0.0
        delay_s: float = FIRST_DELAY_S * 2 ** (state.attempt_number - 1)
        return max(delay_s * (1 - self.jitter() / 2), _retry_after_s(state))


def _retry_after_s(state: RetryCallState) -> int:
    """Return the Retry-After of the last failure, in seconds; 0 if there was none."""
    error = state.outcome.exception() if state.outcome else None
    return _wait_s(error) if isinstance(error, GatewayError) else 0


def _wait_s(error: GatewayError) -> int:
    return 0 if error.another_key else error.retry_after_s or 0


def _is_by_another_key(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, GatewayError) and error.another_key


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, GatewayError) and error.another_key:
        return True
    if isinstance(error, UpstreamTimeout):
        return not (error.sent or error.work_done)
    return isinstance(error, UpstreamUnavailable) and not error.work_done
