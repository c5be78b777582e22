"""Bounds the WebSockets of this process, in total and for each key."""

from __future__ import annotations

from collections import Counter

from app.errors import Overloaded, RateLimited
from app.services.answering.turn_memory import ContextMemory
from app.settings import WebSocketSettings
from app.telemetry import WEBSOCKETS_OPEN

_MEBIBYTE = 1024 * 1024


class WebSocketSessions:
    """Counts open WebSockets; `origins` are the web origins allowed besides the gateway's own.

    `memory` caches their responses that were not stored, within one bound for all of them.
    """

    def __init__(self, settings: WebSocketSettings, origins: tuple[str, ...]) -> None:
        self.settings = settings
        self.origins = frozenset(origins)
        self.memory = ContextMemory(settings.memory_mb * _MEBIBYTE)
        self._by_key: Counter[str] = Counter()

    def enter(self, key_id: str) -> None:
        """Count another session of a key.

        Raises:
            Overloaded: the process has the maximum number of sessions.
            RateLimited: the key has its maximum.
        """
        if self._by_key.total() >= self.settings.max_sessions:
            raise Overloaded
        if self._by_key[key_id] >= self.settings.max_sessions_per_key:
            raise RateLimited(
                f"This key has {self.settings.max_sessions_per_key} WebSockets open here, the "
                "most it may have: close one, or send requests by POST.",
                retry_after_s=1,
            )
        self._by_key[key_id] += 1
        WEBSOCKETS_OPEN.inc()

    def leave(self, key_id: str) -> None:
        """Count the end of a key's session."""
        self._by_key[key_id] -= 1
        if not self._by_key[key_id]:
            del self._by_key[key_id]
        WEBSOCKETS_OPEN.dec()
