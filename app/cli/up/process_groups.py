"""Groups of processes, each identified by the pid of its leader."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

#: Where Linux lists processes.
PROCESSES = Path("/proc")


def signal_group(leader: int, number: int) -> None:
    """Send a signal to a whole group, if it still exists."""
    with suppress(ProcessLookupError, PermissionError):  # macOS: the dead may not be signalled
        os.killpg(leader, number)


def group_lives(leader: int, processes: Path = PROCESSES) -> bool:
    """Tell whether any process of a group still runs.

    A zombie does not, such as an orphan that nobody waits for; but only Linux shows zombies.
    """
    try:
        os.killpg(leader, 0)
    except (ProcessLookupError, PermissionError):
        return False
    stats = list(processes.glob("[0-9]*/stat"))
    return any(_runs(stat, leader) for stat in stats) if stats else True


def _runs(stat: Path, leader: int) -> bool:
    try:
        # pid (name) state parent group ...: a name may hold anything, brackets too.
        state, _, group, *_ = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
    except (OSError, ValueError):
        return False  # it ended meanwhile
    return int(group) == leader and state not in ("Z", "X")
