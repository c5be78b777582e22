"""What a call that has time does about failures: round after round over the targets left (U1, U25).

A round asks each target once, best first, so that a fallback is tried before anything is waited
for. Between rounds there is a pause of 0.5 s, twice as long each time up to 30 s, each less up to
half of it at random, and no shorter than until the first target's Retry-After is over; a target
whose Retry-After runs on is passed over. A pause for which there is no time is made half of what is
left, so that an upstream that comes back late is still asked. Not asked again are a target whose
failure cannot pass or whose model has answered something, and a provider that was sent the call and
timed out: it may be at work on it still.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.errors import GatewayError, UpstreamRateLimited, UpstreamTimeout, UpstreamUnavailable
from app.services.upstreams.catalog import Target

FIRST_PAUSE_S = 0.5
#: Who is to wait for longer may do so elsewhere, and leave its thread to others.
PARK_S = 5.0
MAX_PAUSE_S = 30.0
#: Who has less time left than this, in seconds, asks no more.
LAST_S = 1.0


class Parked(Exception):
    """The next round is due `after_s`; the pause after it is `pause_s`."""

    def __init__(self, after_s: float, pause_s: float) -> None:
        super().__init__()
        self.after_s = after_s
        self.pause_s = pause_s


@dataclass(slots=True)
class _Left:
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
        self._left = [_Left(target, clock()) for target in targets]
        self.pause_s = pause_s
        self._all = len(targets)

    def ready(self) -> list[Target]:
        """Return whom to ask in this round."""
        now = self._clock()
        return [each.target for each in self._left if each.ready_at <= now]

    def note(self, target: Target, error: GatewayError) -> None:
        """Take note that a target has failed, and how."""
        if not may_pass_in_time(error):
            self._left = [each for each in self._left if each.target is not target]
        for each in self._left:
            if each.target is target and error.retry_after_s:
                each.ready_at = self._clock() + error.retry_after_s
        if isinstance(error, UpstreamTimeout) and error.sent:
            gone = target.provider.name
            self._left = [each for each in self._left if each.target.provider.name != gone]

    def next_s(self, left_s: float) -> float | None:
        """Return after how many seconds the next round is due, None where there is none.

        `left_s` is how much time there is for it, in seconds.
        """
        if not self._left or left_s < LAST_S:
            return None
        pause_s = self.pause_s * (1 - self._jitter() / 2)
        if pause_s > left_s:
            pause_s = left_s / 2
        self.pause_s = min(2 * self.pause_s, MAX_PAUSE_S)
        first = min(each.ready_at for each in self._left)
        next_s = max(pause_s, first - self._clock())
        return next_s if next_s <= left_s else None

    def may_forget(self, after_s: float) -> bool:
        """Tell whether all may be asked after so long: then nothing need be known of failures."""
        ready_at = self._clock() + after_s
        return len(self._left) == self._all and all(
            each.ready_at <= ready_at for each in self._left
        )


def may_pass_in_time(error: GatewayError) -> bool:
    """Tell whether the same target may do better later, without being paid twice."""
    if error.work_done or error.code == "insufficient_quota":
        return False
    if isinstance(error, UpstreamTimeout):
        return not error.sent
    return isinstance(error, UpstreamRateLimited | UpstreamUnavailable)
