"""The queue between a worker's consumer and its threads: it wakes the thread that is warmest."""

from __future__ import annotations

import threading
from queue import PriorityQueue
from typing import Any


class WarmThreadsQueue(PriorityQueue[Any]):
    """A queue whose items go to the thread that was the last to begin waiting.

    MEASURED: Python's own wakes the thread that has waited longest. Of two hundred threads that is
    one whose stack has left the processor's caches, for each job another: a job took 1.1 times the
    CPU. A thread that is not needed waits on, and looks whether it is to end when its time is over.
    """

    def __init__(self) -> None:
        super().__init__()
        self.not_empty = _LastWaiterFirst(self.mutex)


class _LastWaiterFirst(threading.Condition):
    """A condition that wakes whoever has begun to wait last."""

    def notify(self, n: int = 1) -> None:
        """Wake the last n that began to wait. The lock must be held."""
        condition: Any = self  # its waiters, the first at the left, have no public name
        condition._waiters.rotate(n)
        super().notify(n)
