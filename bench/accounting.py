"""What processes took of the machine, by the operating system's own account."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from pathlib import Path

import psutil


class Serving:
    """The processes that serve: all of one server's workers, without who supervises them."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = tuple(processes)

    def cpu_s(self) -> float:
        """Return the user and system time that they have taken so far, all their threads'."""
        return sum(_cpu_ns(process) for process in self._processes) / 1e9

    def memory_bytes(self) -> int:
        """Return the memory that is theirs alone: what would be free if they ended."""
        return sum(process.memory_full_info().uss for process in self._processes)

    def begin_peak(self) -> int:
        """Forget how much memory they once took, and return what they take now.

        That is what is resident, what they share with others included (proc(5), clear_refs).
        """
        for process in self._processes:
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        return sum(process.memory_info().rss for process in self._processes)

    def peak_bytes(self) -> int:
        """Return the most that they took since `begin_peak`, each for itself."""
        return sum(_peak_bytes(process) for process in self._processes)


def _peak_bytes(process: psutil.Process) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kilobytes) * 1024


def _cpu_ns(process: psutil.Process) -> int:
    """Return a process's CPU time in nanoseconds; where the system has no clock for it, in ticks.

    The clock is what `clock_getcpuclockid` names: to the nanosecond where `cpu_times` counts ticks
    of 10 ms, and with the threads that have ended, whose `/proc/PID/task/*/schedstat` is gone.
    """
    if platform.system() == "Linux":
        return time.clock_gettime_ns(~process.pid << 3 | 2)
    times = process.cpu_times()
    return int((times.user + times.system) * 1e9)
