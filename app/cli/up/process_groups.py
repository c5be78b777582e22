"""Groups of processes, each by the pid of its leader."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

#: Where Linux shows processes.
PROCESSES = Path("/proc")


def signal_group(leader: int, number: int) -> None:
    """Send a signal to all of a group; one that is no more hears nothing."""
    with suppress(ProcessLookupError, PermissionError):  # macOS: the dead may not be signalled
        os.killpg(leader, number)


def group_lives(leader: int, processes: Path = PROCESSES) -> bool:
    """Tell whether anything of a group still runs.

    What has ended and nobody has taken note of, as where nobody does that for orphans, does not;
    but only Linux shows that.
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
        return False  # has gone meanwhile
    return int(group) == leader and state not in ("Z", "X")
