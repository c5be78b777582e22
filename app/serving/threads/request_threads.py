"""Threads that serve requests: as many as are needed, within what the system allows.

The pool of concurrent.futures queues a task before it starts a thread for it: if the system has
none left it raises, and yet runs the task whenever a thread becomes free.
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
    """Runs each task in a free or a new thread; once there are `most` threads, tasks wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._free = 0  # idle threads minus waiting tasks
        self._is_shut = False
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._lock = Lock()

    @property
    def is_wanted(self) -> bool:
        """Whether a task waits for a thread, or all must end: optional work should stop."""
        return self._is_shut or self._free < 0

    def submit(self, task: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        """Run a task in a thread, and return the future of its result.

        Raises:
            RuntimeError: no thread could be started, or `shutdown` was called; the task does not
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
        """Refuse further tasks; return at once. The threads end after the queued tasks."""
        with self._lock:
            self._is_shut = True
            for _ in range(self._count):
                self._tasks.put(None)

    def _work(self) -> None:
        while (given := self._tasks.get()) is not None:
            _run(*given)
            del given  # else it would be kept in memory until the next task
            with self._lock:
                self._free += 1


def _run(future: Future[Any], task: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = task()
    except BaseException as error:  # noqa: BLE001 - raised by the future's result()
        future.set_exception(error)
    else:
        future.set_result(result)
