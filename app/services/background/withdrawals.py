"""Withdraws background requests that were refused although Redis may have queued them.

If a master dies between a write and its reply, its successor may or may not have the job. The
caller was refused and tries again: if the first ran too, it would be a second answer, at a price.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from app.errors import StorageUnavailable
from app.services.background.event_writer import PAUSE_S
from app.telemetry import STORE_FAILURES, surviving

#: Maximum number remembered while Redis is unreachable: as many as were in flight then.
MOST = 10_000


class Withdrawals:
    """Withdraws jobs; later if Redis is unreachable, when `withdraw` raises StorageUnavailable.

    What is left is lost with the process. `pause` is like time.sleep. Safe for threads.
    """

    def __init__(
        self,
        withdraw: Callable[[str, str], None],
        pause: Callable[[float], object] = time.sleep,
        most: int = MOST,
    ) -> None:
        self._withdraw = withdraw
        self._pause = pause
        self._left: deque[tuple[str, str]] = deque(maxlen=most)
        self._lock = threading.Lock()
        self._goes_on = False  # whether a thread works on what is left

    def take_back(self, account: str, response_id: str) -> None:
        """Withdraw an account's job, now or as soon as possible. Raises nothing."""
        try:
            self._withdraw(account, response_id)
        except StorageUnavailable:
            STORE_FAILURES.labels("withdrawals").inc()
            self._later(account, response_id)

    def _later(self, account: str, response_id: str) -> None:
        with self._lock:
            self._left.append((account, response_id))
            if self._goes_on:
                return
            self._goes_on = True
        try:
            threading.Thread(target=self._go_on, name="withdrawals", daemon=True).start()
        except RuntimeError:
            self._goes_on = False  # the system has none to give: the next one may get one

    def _go_on(self) -> None:
        """Withdraw what is left, oldest first, until nothing is."""
        while (job := self._next()) is not None:
            with surviving("withdrawals"):
                try:
                    self._withdraw(*job)
                except StorageUnavailable:
                    self._left.appendleft(job)
                    self._pause(PAUSE_S)
                    raise

    def _next(self) -> tuple[str, str] | None:
        with self._lock:
            self._goes_on = bool(self._left)
            return self._left.popleft() if self._left else None
