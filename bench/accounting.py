"""CPU and memory of processes, as the operating system reports them."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from pathlib import Path

import psutil


class Serving:
    """The processes that serve requests: all workers of one server, without their supervisor."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = tuple(processes)

    def cpu_s(self) -> float:
        """Return the user and system time that they have used so far, all threads included."""
        return sum(_cpu_ns(process) for process in self._processes) / 1e9

    def memory_bytes(self) -> int:
        """Return their unshared memory: what would be freed if they ended."""
        return sum(process.memory_full_info().uss for process in self._processes)

    def begin_peak(self) -> int:
        """Reset their peak memory, and return their current memory.

        Both are resident memory, pages shared with others included (proc(5), clear_refs).
        """
        for process in self._processes:
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        return sum(process.memory_info().rss for process in self._processes)

    def peak_bytes(self) -> int:
        """Return the sum of their memory peaks since `begin_peak`."""
        return sum(_peak_bytes(process) for process in self._processes)


def _peak_bytes(process: psutil.Process) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kilobytes) * 1024


def _cpu_ns(process: psutil.Process) -> int:
    """Return a process's CPU time in nanoseconds, or in ticks on systems without a clock for it.

    The clock is that of `clock_getcpuclockid`. It is exact to the nanosecond, while `cpu_times`
    counts ticks of 10 ms, and includes ended threads, whose `/proc/PID/task/*/schedstat` is gone.
    """
    if platform.system() == "Linux":
        return time.clock_gettime_ns(~process.pid << 3 | 2)
    times = process.cpu_times()
    return int((times.user + times.system) * 1e9)
