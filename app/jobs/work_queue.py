"""The queue between a worker's consumer and its threads: it wakes the warmest thread."""

from __future__ import annotations

import threading
from queue import PriorityQueue
from typing import Any


class WarmThreadsQueue(PriorityQueue[Any]):
    """A queue whose items go to the thread that began to wait last.

    MEASURED: Python's own wakes the thread that has waited longest. Of two hundred threads that is
    one whose stack has left the processor's caches, another for each job: a job took 1.1 times the
    CPU. A thread that is not needed waits on, and checks whether to end when its time is over.
    """

    def __init__(self) -> None:
        super().__init__()
        self.not_empty = _LastWaiterFirst(self.mutex)


class _LastWaiterFirst(threading.Condition):
    """A condition that wakes the thread that began to wait last."""

    def notify(self, n: int = 1) -> None:
        """Wake the last n that began to wait. The lock must be held."""
        condition: Any = self  # its waiters, the first at the left, have no public name
        condition._waiters.rotate(n)
        super().notify(n)
