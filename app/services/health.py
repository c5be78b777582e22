"""Whether this gateway can serve now: the store, a worker, and what is known of upstreams."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.errors import StorageUnavailable

WORKER_SILENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ready` is false while the store is away or no worker lives; upstreams never decide it."""

    ready: bool
    checks: Mapping[str, object]


class Health:
    """Asks what the gateway depends on.

    `ping` raises StorageUnavailable when the store is away; `worker_silence_s` returns the
    seconds since a worker's last heartbeat, None where background is disabled, infinity where
    there never was one; `upstreams` returns the state of each provider's circuit breaker.
    """

    def __init__(
        self,
        ping: Callable[[], None],
        worker_silence_s: Callable[[], float | None],
        upstreams: Callable[[], Mapping[str, str]],
    ) -> None:
        self._ping = ping
        self._worker_silence_s = worker_silence_s
        self._upstreams = upstreams

    def readiness(self) -> Readiness:
        """Tell whether requests would be served, and why not."""
        checks: dict[str, object] = {"redis": "ok", "upstreams": dict(self._upstreams())}
        try:
            self._ping()
            silence_s = self._worker_silence_s()
        except StorageUnavailable:
            return Readiness(ready=False, checks=checks | {"redis": "unavailable"})
        if silence_s is None:
            return Readiness(ready=True, checks=checks | {"worker": "disabled"})
        lives = silence_s < WORKER_SILENCE_S
        return Readiness(ready=lives, checks=checks | {"worker": "ok" if lives else "missing"})
