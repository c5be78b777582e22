"""How much the models of a server write at most, as its own list says (U26)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic

from app.errors import GatewayError

#: How long a list is believed, and for how long a server is left alone that has none.
BELIEVED_S = 600.0


def spawn(task: Callable[[], None]) -> None:
    """Run the task beside the request."""
    threading.Thread(target=task, name="output-limits", daemon=True).start()


class OutputLimits:
    """The limits by model. `ask` has the list read, and what it says given to `learn`.

    That is done beside the first request that lacks a limit, where the operator lets the list be
    asked for (`discover`; else `ask` is None). No request waits: until the list is there, nothing
    is known, nor where the server has none.
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
        """Take in what a list said."""
        self._limits = limits
        self._stale_at = self._clock() + BELIEVED_S

    def of(self, model: str) -> int | None:
        """Return the model's limit as far as it is known; ask for a list that is old."""
        if self._ask is not None and self._clock() >= self._stale_at and self._is_mine():
            self._spawn(partial(_attempted, self._ask))
        return self._limits.get(model)

    def _is_mine(self) -> bool:
        """Tell whether this caller is to have the list asked for: True for one of many."""
        with self._lock:
            now = self._clock()
            if now < self._stale_at:
                return False
            self._stale_at = now + BELIEVED_S
            return True


def _attempted(ask: Callable[[], object]) -> None:
    with suppress(GatewayError):  # what a server does not say is left to what is known otherwise
        ask()
