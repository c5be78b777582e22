"""Lines of usage on their way to the store: requests of the same kind are added up."""

from __future__ import annotations

import threading
from collections import deque
from datetime import date
from operator import add
from secrets import token_hex
from typing import Any

from app.domain.accounts.attribution import NOBODY, Attribution
from app.domain.accounts.usage import COUNTERS, UsageLine
from app.domain.response import NO_USAGE, Usage

#: Number of waiting lines from which on end users get no lines of their own.
MAX_LINES = 10_000

#: The key of a line: account, key, model, day, for whom; and its counts, in the order of COUNTERS.
Key = tuple[str, str, str, date, Attribution]
Counts = tuple[int, ...]


class WaitingLines:
    """The lines that no write has contained yet."""

    def __init__(self) -> None:
        # Reentrant: the garbage collector may charge a dropped call while its thread has the lock.
        self._lock = threading.RLock()
        self._arrived: deque[tuple[Key, Counts]] = deque()  # not yet added to `_waiting`
        self._waiting: dict[Key, Counts] = {}

    def __bool__(self) -> bool:
        return bool(self._arrived or self._waiting)

    def add(self, key: Key, counts: Counts) -> None:
        """Add a request."""
        # MEASURED: adding it up here, under the lock, takes 5 µs of each request.
        self._arrived.append((key, counts))

    def take(self) -> tuple[UsageLine, ...]:
        """Return the lines, and remove them; each counts once, however often it is written."""
        with self._lock:
            while self._arrived:
                self._add_up(*self._arrived.popleft())
            waiting, self._waiting = self._waiting, {}
        return tuple(_line(key, counts) for key, counts in waiting.items())

    def _add_up(self, key: Key, counts: Counts) -> None:
        before = self._waiting.get(key)
        if before is None and len(self._waiting) >= MAX_LINES:
            key = (*key[:4], NOBODY)  # too many lines wait for the store
            before = self._waiting.get(key)
        # MEASURED: adding up lines as objects takes ten times as long.
        self._waiting[key] = tuple(map(add, before, counts)) if before else counts


def counts_of(usage: Usage | None, microusd: int | None, *, failed: bool) -> Counts:
    """Return the counts of one request, in the order of COUNTERS."""
    known = usage or NO_USAGE
    return (
        1,
        known.input_tokens,
        known.cached_tokens,
        known.output_tokens,
        known.reasoning_tokens,
        int(failed),
        known.cache_write_tokens,
        int(microusd is not None),
        microusd or 0,
    )


def _line(key: Key, counts: Counts) -> UsageLine:
    account, key_id, model, day, attribution = key
    counted: dict[str, Any] = dict(zip(COUNTERS, counts, strict=True))
    return UsageLine(
        account=account,
        key_id=key_id,
        model=model,
        day=day,
        attribution=attribution,
        write_id=token_hex(8),
        **counted,
    )
