"""Watches a worker's threads: a process that has lost one logs that, and ends.

Its master starts another. The exit status is not 0, since a supervisor does not replace a process
that ends with 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from app.telemetry import log, unexpected

#: The code of sysexits.h for an internal software error.
EX_SOFTWARE = 70
LOOK_S = 5.0
#: Number of looks without a round after which a thread counts as stuck. Looks are counted, not
#: seconds: a process that was stopped, or a machine that slept, has lost no thread.
LOOKS = 12


class Watchable(Protocol):
    """A thread: it lives, and may count its rounds."""

    def is_alive(self) -> bool:
        """Tell whether it runs."""
        ...


@dataclass(slots=True)
class Watched:
    """A thread and its name. `rounds` returns how many it has done; None if it counts none."""

    name: str
    thread: Watchable
    rounds: Callable[[], int] | None = None
    _seen: int = field(default=-1, init=False)
    _still: int = field(default=0, init=False)

    def fault(self) -> str | None:
        """Look at the thread; return what is wrong with it, or None."""
        if not self.thread.is_alive():
            return "dead"
        if self.rounds is None:
            return None
        rounds = self.rounds()
        self._still = self._still + 1 if rounds == self._seen else 0
        self._seen = rounds
        return "stuck" if self._still >= LOOKS else None


class Watchdog:
    """Watches threads. Before the process ends, `give_up` leaves its work to others."""

    def __init__(
        self,
        give_up: Callable[[], None],
        pause: Callable[[float], object],
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._give_up = give_up
        self._pause = pause
        self._end = end
        self._watched: list[Watched] = []

    def watch(self, *watched: Watched) -> None:
        """Watch these from now on."""
        self._watched += watched

    def keep_watch(self, alive: Callable[[], bool] = lambda: True) -> None:
        """Watch while `alive` returns true; end the process if a thread is lost."""
        while alive():
            lost = self._lost(self._watched)
            if lost:
                log.error("worker_lost_a_thread", threads=lost)
                self.end_process()
                return
            self._pause(LOOK_S)

    def end_process(self) -> None:
        """End the process, even if `give_up` fails."""
        try:
            self._give_up()
        except Exception as bug:  # noqa: BLE001 - it is to end all the same
            unexpected(bug, "watchdog", "watchdog")
        finally:
            self._end(EX_SOFTWARE)

    def _lost(self, watched: Iterable[Watched]) -> dict[str, str]:
        return {each.name: fault for each in watched if (fault := each.fault()) is not None}
