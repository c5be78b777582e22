"""What may happen to a master: an operator plans it, it is killed, it stalls and comes back."""

from __future__ import annotations

import signal
from collections.abc import Callable
from threading import Event

from tests.processes import until
from tests.redis_cluster import Shard
from tests.redis_sentinel import Watched

#: For how long, in seconds, writers go on after a fault: the old master takes writes all the while.
AFTER_S = 2.0


def planned(watched: Watched | Shard) -> None:
    watched.fail_over()
    _moved(watched)


def killed(watched: Watched | Shard) -> None:
    watched.master.kill()
    watched.master.wait()
    _moved(watched)


def stalled(watched: Watched | Shard) -> None:
    watched.master.send_signal(signal.SIGSTOP)
    try:
        _moved(watched)
    finally:
        watched.master.send_signal(signal.SIGCONT)


def _moved(watched: Watched | Shard) -> None:
    until(lambda: watched.has_moved, "another master")


FAULTS: dict[str, Callable[[Watched | Shard], None]] = {
    "planned": planned,
    "killed": killed,
    "stalled": stalled,
}


def go_on() -> None:
    """Let the writers write."""
    Event().wait(AFTER_S)
