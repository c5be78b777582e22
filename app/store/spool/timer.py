"""The timer that makes a process deliver its spool."""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.telemetry import unexpected

TICK_S = 1.0


class SpoolTimer:
    """Calls `tick` every TICK_S seconds in a thread of its own, even after it raised."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._starting = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start, for as long as the process lives; a second call does nothing."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Stop; returns when the last call is over."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._tick()
            except Exception as bug:  # noqa: BLE001 - what waits must be delivered all the same
                unexpected(bug, "", "spool")
            self._stopped.wait(TICK_S)
