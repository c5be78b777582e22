"""The queue that a worker's threads wait at wakes the warmest of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty

from app.jobs.work_queue import WarmThreadsQueue
from tests.processes import PATIENCE_S


@contextmanager
def waiting(queue: WarmThreadsQueue, count: int) -> Iterator[list[tuple[int, int]]]:
    """Have so many threads wait, one after the other; what each gets comes into the list."""
    got: list[tuple[int, int]] = []

    def wait(number: int) -> None:
        while (item := queue.get(timeout=PATIENCE_S)) >= 0:
            got.append((number, item))
            queue.task_done()

    threads = [
        threading.Thread(target=wait, args=(number,), daemon=True) for number in range(count)
    ]
    for number, thread in enumerate(threads, 1):
        thread.start()
        until_waiting(queue, number)
    yield got
    for _ in threads:
        queue.put(-1)
    for thread in threads:
        thread.join(PATIENCE_S)


def until_waiting(queue: WarmThreadsQueue, count: int) -> None:
    while True:
        with queue.not_empty:
            if len(queue.not_empty._waiters) == count:  # type: ignore[attr-defined]  # its only name
                return


def test_each_item_goes_to_the_thread_that_has_begun_to_wait_last() -> None:
    queue: WarmThreadsQueue = WarmThreadsQueue()
    with waiting(queue, 3) as got:
        for item in range(4):
            queue.put(item)
            queue.join()
            until_waiting(queue, 3)
    assert got == [(2, item) for item in range(4)]


def test_the_others_get_what_comes_while_it_is_busy() -> None:
    queue: WarmThreadsQueue = WarmThreadsQueue()
    with waiting(queue, 3) as got:
        with queue.mutex:  # nobody can have taken the first when the others come
            for item in range(3):
                queue._put(item)
                queue.unfinished_tasks += 1
                queue.not_empty.notify()
        queue.join()
    assert sorted(item for _, item in got) == [0, 1, 2]


def test_a_thread_that_waits_in_vain_looks_whether_it_is_to_end() -> None:
    queue: WarmThreadsQueue = WarmThreadsQueue()
    with waiting(queue, 1) as got:
        impatient = threading.Thread(target=lambda: _empty(queue))
        impatient.start()
        impatient.join(PATIENCE_S)
        assert not impatient.is_alive()
        queue.put(7)
        queue.join()
    assert got == [(0, 7)]


def _empty(queue: WarmThreadsQueue) -> None:
    try:
        queue.get(timeout=0.001)
    except Empty:
        return
    raise AssertionError("there was nothing to get")
