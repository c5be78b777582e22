"""How a call that has time deals with failures: round after round over the targets left (U1, U25).

A round calls each target once, best first, so that a fallback is tried before anything is waited
for. Between rounds there is a pause of 0.5 s, twice as long each time up to 30 s, each less up to
half of it at random, and no shorter than until the first target's Retry-After is over; a target
whose Retry-After runs on is passed over. A pause for which there is no time is made half of what is
left, so that an upstream that comes back late is still called. A lack of file descriptors here is
waited for in the same way. Two are not called again: a target whose failure is lasting, or whose
model has answered something; and a provider that was sent the call and timed out, since it may be
at work on it still.
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
#: A pause from this many seconds on is spent in the store, and its thread is left to others.
PARK_S = 5.0
MAX_PAUSE_S = 30.0
#: With less time left than this, in seconds, no round begins.
MIN_ROUND_S = 1.0


class Parked(Exception):
    """The next round is due `after_s`; the pause after it is `pause_s`."""

    def __init__(self, after_s: float, pause_s: float) -> None:
        super().__init__()
        self.after_s = after_s
        self.pause_s = pause_s


@dataclass(slots=True)
class _Candidate:
    """A target that may still answer, from `ready_at` on."""

    target: Target
    ready_at: float


class RetryRounds:
    """The targets of one call. `clock` is like time.monotonic, `jitter` like random.random.

    `pause_s` is how long the next pause is, before chance shortens it.
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
        """Take note that a target has failed, and how."""
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
        """Return after how many seconds the next round is due, None where there is none.

        `left_s` is how much time there is for it, in seconds.
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
        """Tell whether after so long all targets may be called again, as if none had failed."""
        ready_at = self._clock() + after_s
        return len(self._candidates) == self._target_count and all(
            each.ready_at <= ready_at for each in self._candidates
        )


def is_transient(error: GatewayError) -> bool:
    """Tell whether the same target may do better later, without being paid twice."""
    if error.work_done or error.code == "insufficient_quota":
        return False
    if isinstance(error, UpstreamTimeout):
        return not error.sent
    return isinstance(error, Overloaded | UpstreamRateLimited | UpstreamUnavailable)
