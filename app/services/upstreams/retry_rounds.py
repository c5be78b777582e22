"""How a call that has time deals with failures: rounds over the targets that are left (U1, U25).

A round calls each target once, best first, so that a fallback is tried before anything is waited
for. The pause between rounds is 0.5 s at first and doubles up to 30 s, each reduced by up to half
at random, but lasts until at least one target's Retry-After is over; a target whose Retry-After is
not is skipped. If there is no time for a pause, it is half of the time left, so that an upstream
that recovers late is still called. A lack of file descriptors here is waited for in the same way.
Two are not called again: a target whose failure is permanent, or whose model has produced output;
and a provider that timed out after it was sent the call, since it may still be working on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.errors import (
    GatewayError,
    Overloaded,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.services.upstreams.catalog import Target

FIRST_PAUSE_S = 0.5
#: Seconds from which on a pause is spent in the store, so that its thread is free for others.
PARK_S = 5.0
MAX_PAUSE_S = 30.0
#: Seconds that must be left for a round to begin.
MIN_ROUND_S = 1.0


class Parked(Exception):
    """The next round is due `after_s`; the pause after it is `pause_s`."""

    def __init__(self, after_s: float, pause_s: float) -> None:
        super().__init__()
        self.after_s = after_s
        self.pause_s = pause_s


@dataclass(slots=True)
class _Candidate:
    """A target that may still answer, once it is `ready_at`."""

    target: Target
    ready_at: float


class RetryRounds:
    """The targets of one call. `clock` is like time.monotonic, `jitter` like random.random.

    `pause_s` is the length of the next pause, before it is reduced at random.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        clock: Callable[[], float],
        jitter: Callable[[], float],
        pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._candidates = [_Candidate(target, clock()) for target in targets]
        self.pause_s = pause_s
        self._target_count = len(targets)

    def ready(self) -> list[Target]:
        """Return the targets to call in this round."""
        now = self._clock()
        return [each.target for each in self._candidates if each.ready_at <= now]

    def record_failure(self, target: Target, error: GatewayError) -> None:
        """Record that a target has failed, and how."""
        if not is_transient(error):
            self._candidates = [each for each in self._candidates if each.target is not target]
        for each in self._candidates:
            if each.target is target and error.retry_after_s:
                each.ready_at = self._clock() + error.retry_after_s
        if isinstance(error, UpstreamTimeout) and error.sent:
            busy = target.provider.name
            self._candidates = [
                each for each in self._candidates if each.target.provider.name != busy
            ]

    def next_s(self, left_s: float) -> float | None:
        """Return in how many seconds the next round is due, None if there is none.

        `left_s` is the time left for it, in seconds.
        """
        if not self._candidates or left_s < MIN_ROUND_S:
            return None
        pause_s = self.pause_s * (1 - self._jitter() / 2)
        if pause_s > left_s:
            pause_s = left_s / 2
        self.pause_s = min(2 * self.pause_s, MAX_PAUSE_S)
        first = min(each.ready_at for each in self._candidates)
        next_s = max(pause_s, first - self._clock())
        return next_s if next_s <= left_s else None

    def may_begin_anew(self, after_s: float) -> bool:
        """Tell whether, `after_s` from now, all targets may be called as if none had failed."""
        ready_at = self._clock() + after_s
        return len(self._candidates) == self._target_count and all(
            each.ready_at <= ready_at for each in self._candidates
        )


def is_transient(error: GatewayError) -> bool:
    """Tell whether the same target may succeed later, without being paid twice."""
    if error.work_done or error.code == "insufficient_quota":
        return False
    if isinstance(error, UpstreamTimeout):
        return not error.sent
    return isinstance(error, Overloaded | UpstreamRateLimited | UpstreamUnavailable)
