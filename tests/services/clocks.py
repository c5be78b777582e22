"""Time that passes when a test says so."""

from __future__ import annotations


class Clock:
    """Seconds, as a function; `clock.now += 5` lets five of them pass."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
