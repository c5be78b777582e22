"""The models that model servers list, fetched on first use and refreshed in the background.

A list is used for a minute, an empty or failed one for ten seconds; an old one stays in use while a
new one is fetched. Only callers before the first list wait, and only half a second: a server that
cannot be reached simply has no models. Models beyond MOST_MODELS of one server are not listed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from app.errors import GatewayError
from app.providers.base import Provider

FRESH_S = 60.0
RETRY_S = 10.0
FIRST_WAIT_S = 0.5
#: Several times the longest list of a public server. MEASURED: describing so many takes a second.
MOST_MODELS = 5_000


def spawn(task: Callable[[], None]) -> None:
    """Run the task in a background thread."""
    threading.Thread(target=task, name="model-discovery", daemon=True).start()


class Discovery:
    """The model lists of the providers that have one. Nothing is fetched before it is used.

    `clock` is like time.monotonic; `spawn` runs a task in the background.
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        clock: Callable[[], float],
        spawn: Callable[[Callable[[], None]], None] = spawn,
    ) -> None:
        self._lists = {provider.name: _ModelList(provider, clock, spawn) for provider in providers}

    def models(self, provider: str) -> tuple[str, ...]:
        """Return the provider's models as far as known; () for a provider without a list."""
        known = self._lists.get(provider)
        return known.models() if known else ()

    def lists(self, provider: str, model: str) -> bool:
        """Tell whether the provider's models, as far as known, include this one."""
        known = self._lists.get(provider)
        return known is not None and known.includes(model)

    def known(self, provider: str) -> tuple[str, ...] | None:
        """Return the models known by now, without waiting; None for a provider without a list."""
        known = self._lists.get(provider)
        return known.known() if known else None


class _ModelList:
    """The list of one provider."""

    def __init__(
        self,
        provider: Provider,
        clock: Callable[[], float],
        spawn: Callable[[Callable[[], None]], None],
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._spawn = spawn
        self._models: tuple[str, ...] = ()
        self._members: frozenset[str] = frozenset()
        self._stale_at: float | None = None
        self._is_fetching = False
        self._was_fetched = threading.Event()
        self._lock = threading.Lock()

    def known(self) -> tuple[str, ...]:
        if self._must_fetch():
            self._spawn(self._fetch)
        return self._models

    def models(self) -> tuple[str, ...]:
        self.known()
        if not self._was_fetched.is_set():
            self._was_fetched.wait(FIRST_WAIT_S)
        return self._models

    def includes(self, model: str) -> bool:
        self.models()
        return model in self._members

    def _must_fetch(self) -> bool:
        """Tell whether this caller has to fetch the list: True for one caller at a time."""
        with self._lock:
            fresh = self._stale_at is not None and self._clock() < self._stale_at
            if fresh or self._is_fetching:
                return False
            self._is_fetching = True
            return True

    def _fetch(self) -> None:
        models: tuple[str, ...] = ()
        try:
            models = self._provider.models()[:MOST_MODELS]
        except GatewayError:
            models = ()
        finally:
            self._models, self._members = models, frozenset(models)
            self._stale_at = self._clock() + (FRESH_S if models else RETRY_S)
            self._is_fetching = False
            self._was_fetched.set()
