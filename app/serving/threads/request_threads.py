"""Threads that serve requests: as many as are needed, and as the system has.

The pool of concurrent.futures queues a task before it starts a thread for it: where the system has
none left it raises, and some thread runs the task all the same, whenever one comes free.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

Task = tuple[Future[Any], Callable[[], Any]]


class RequestThreads:
    """Runs each task in a thread that is free, or a new one; once there are `most`, tasks wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._free = 0  # threads that have nothing to do, less the tasks that wait for one
        self._is_shut = False
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._lock = Lock()

    @property
    def is_wanted(self) -> bool:
        """Whether a task waits for a thread, or all are to end: what need not go on, ends."""
        return self._is_shut or self._free < 0

    def submit(self, task: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        """Have a thread run a task, and return what will have its result.

        Raises:
            RuntimeError: the system has no thread for it, or it comes after `shutdown`. It is not
                run.
        """
        future: Future[Any] = Future()
        with self._lock:
            if self._is_shut:
                raise RuntimeError("no task is taken any more")
            if self._free <= 0 and self._count < self._most:
                Thread(target=self._work, name="request").start()
                self._count += 1
            else:
                self._free -= 1
            self._tasks.put((future, partial(task, *args, **options)))
        return future

    def shutdown(self, **_options: bool) -> None:
        """Take no more tasks. The threads end with those that there are; nobody waits for them."""
        with self._lock:
            self._is_shut = True
            for _ in range(self._count):
                self._tasks.put(None)

    def _work(self) -> None:
        while (given := self._tasks.get()) is not None:
            _run(*given)
            del given  # it would be kept until the next comes
            with self._lock:
                self._free += 1


def _run(future: Future[Any], task: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = task()
    except BaseException as error:  # noqa: BLE001 - whoever asks for the result has it raised
        future.set_exception(error)
    else:
        future.set_result(result)
