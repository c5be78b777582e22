"""Counts each account's recent uses, in this process, of something costly that no limit counts."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable

#: Number of accounts above which those without recent uses are forgotten.
MANY = 1_000


class RecentUses:
    """Allows each account `most` uses within `within_s` seconds. Safe for threads.

    `now` returns seconds of a clock that never goes back.
    """

    def __init__(self, most: int, within_s: float, now: Callable[[], float]) -> None:
        self._most = most
        self._within_s = within_s
        self._now = now
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many accounts are remembered."""
        return len(self._times)

    def count(self, account: str) -> int:
        """Count a use and return 0, or return in how many whole seconds there may be another."""
        with self._lock:
            if len(self._times) > MANY:
                self._forget()
            now, times = self._now(), self._times[account]
            while times and times[0] <= now - self._within_s:
                times.popleft()
            if len(times) >= self._most:
                return int(times[0] + self._within_s - now) + 1
            times.append(now)
            return 0

    def forget(self) -> None:
        """Forget the accounts without recent uses."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        since = self._now() - self._within_s
        for account in [name for name, times in self._times.items() if times[-1] <= since]:
            del self._times[account]
