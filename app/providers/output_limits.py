"""Maximum output tokens of a server's models, from its own model list (U26)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic

from app.errors import GatewayError

#: Seconds for which a list is used, and before a server without one is queried again.
BELIEVED_S = 600.0


def spawn(task: Callable[[], None]) -> None:
    """Run the task in a thread, without delaying the request."""
    threading.Thread(target=task, name="output-limits", daemon=True).start()


class OutputLimits:
    """The output limits by model. `ask` fetches the model list and passes its limits to `learn`.

    The first request that lacks a limit starts this in a thread, if the operator allows it
    (`discover`; otherwise `ask` is None). No request waits for it: limits are unknown until the
    list has come, and if the server has none.
    """

    def __init__(
        self,
        ask: Callable[[], object] | None,
        clock: Callable[[], float] = monotonic,
        spawn: Callable[[Callable[[], None]], None] = spawn,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._spawn = spawn
        self._limits: Mapping[str, int] = {}
        self._stale_at = float("-inf")
        self._lock = threading.Lock()

    def learn(self, limits: Mapping[str, int]) -> None:
        """Store the limits from a list."""
        self._limits = limits
        self._stale_at = self._clock() + BELIEVED_S

    def of(self, model: str) -> int | None:
        """Return the model's limit if it is known; start a refresh if the list is old."""
        if self._ask is not None and self._clock() >= self._stale_at and self._is_mine():
            self._spawn(partial(_attempted, self._ask))
        return self._limits.get(model)

    def _is_mine(self) -> bool:
        """Tell whether this caller has to start the refresh: True for one of many at once."""
        with self._lock:
            now = self._clock()
            if now < self._stale_at:
                return False
            self._stale_at = now + BELIEVED_S
            return True


def _attempted(ask: Callable[[], object]) -> None:
    with suppress(GatewayError):  # limits then stay unknown
        ask()
