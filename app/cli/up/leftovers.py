"""Processes that an earlier `up` has left in this folder, found by a mark in their environment.

Only Linux shows the environment of another process; elsewhere none is found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

#: The variable, in the environment of all that an `up` starts, that names its folder.
MARK = "RESPONSES_GATEWAY_UP"
#: For how many seconds, at most, what a killed `up` has started should outlive it.
PATIENCE_S = 12.0
_POLL_S = 0.2
#: Where the kernel lists processes.
PROCESSES = Path("/proc")
_REDIS = "redis-server"
#: What the command line of each contains, and its name.
_NAMES = {_REDIS: _REDIS, "gunicorn": "web", "cli.worker": "worker", "reaper": "reaper"}


class LeftOver(Exception):
    """Processes of an earlier run are still there; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class LeftoverProcess:
    """A process that was left over; `name` is what `up` calls it."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def mark(folder: Path) -> dict[str, str]:
    """Return the variable that marks the processes which the `up` of a folder starts."""
    return {MARK: str(folder.resolve())}


def left_over(folder: Path, processes: Path = PROCESSES) -> list[LeftoverProcess]:
    """Return the processes that an earlier `up` of the folder has left."""
    marked = f"{MARK}={folder.resolve()}"
    found = [
        LeftoverProcess(
            pid, next((name for word, name in _NAMES.items() if word in command), "another")
        )
        for pid, environ, command in _running(processes)
        if marked in environ and pid != os.getpid()
    ]
    return sorted(found, key=lambda each: (each.name, each.pid))


def gateway_at(bind: str, processes: Path = PROCESSES) -> str | None:
    """Return the folder, with a pid, of the `up` whose gateway listens at `bind`."""
    for pid, environ, command in _running(processes):
        folder = next((each for each in environ if each.startswith(f"{MARK}=")), None)
        if folder is not None and f"BIND={bind}" in environ and "gunicorn" in command:
            return f"{folder.partition('=')[2]} (pid {pid})"
    return None


def _running(processes: Path) -> Iterator[tuple[int, list[str], str]]:
    """Yield the pid, environment and command of every process that may be looked at."""
    for each in processes.glob("[0-9]*"):
        try:
            environ = (each / "environ").read_bytes().decode(errors="replace").split("\0")
            command = (each / "cmdline").read_bytes().decode(errors="replace")
        except OSError:  # somebody else's, or gone by now
            continue
        yield int(each.name), environ, command


def await_left_over(
    folder: Path, report: Callable[[str], None], pause: Callable[[float], object]
) -> None:
    """Return once nothing of an earlier `up` of the folder is left: it ends by itself.

    A Redis that is all that is left does not count: starting the next one ends it.

    Raises:
        LeftOver: something does not end.
    """
    left = _in_the_way(folder)
    if left:
        report(f"Waiting for left over processes of an earlier run to end: {_named(left)}")
    waited_s = 0.0
    while left and waited_s < PATIENCE_S:
        pause(_POLL_S)
        waited_s += _POLL_S
        left = _in_the_way(folder)
    if left:
        pids = " ".join(str(each.pid) for each in left)
        raise LeftOver(
            f"left over processes of an earlier run are still in {folder.resolve()}: "
            f"{_named(left)}. End them: kill {pids}"
        )


def _in_the_way(folder: Path) -> list[LeftoverProcess]:
    left = left_over(folder)
    return [] if all(each.name == _REDIS for each in left) else left


def _named(left: list[LeftoverProcess]) -> str:
    return ", ".join(map(str, left))
