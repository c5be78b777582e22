"""What processes took of the machine, by the operating system's own account."""

from __future__ import annotations

from collections.abc import Sequence

import psutil


class Serving:
    """The processes that serve: all of one server's workers, without who supervises them."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = tuple(processes)

    def cpu_s(self) -> float:
        """Return the user and system time that they have taken so far, all their threads'."""
        times = [process.cpu_times() for process in self._processes]
        return float(sum(each.user + each.system for each in times))

    def memory_bytes(self) -> int:
        """Return the memory that is theirs alone: what would be free if they ended."""
        return sum(process.memory_full_info().uss for process in self._processes)
