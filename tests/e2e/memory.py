"""How much memory the process of a gateway has had."""

from __future__ import annotations

from pathlib import Path

import psutil

from tests.e2e.gateway import Gateway


def peak_memory(process: psutil.Process) -> int:
    """Return the most memory, in bytes, that a process ever had."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def serving(gateway: Gateway) -> psutil.Process:
    """Return the process that serves: the newest of those that listen."""
    address = ("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    listening = {
        each.pid
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr == address and each.pid
    }
    return max(map(psutil.Process, listening), key=lambda each: each.create_time())
