"""A worker's threads begin with its process, and its jobs are drained at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from app.jobs.actors import MAX_BEAT_S, WorkerLifecycle
from app.jobs.watchdog import EX_SOFTWARE, LOOKS, Watchdog, Watched

WAIT_S = 30


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """End what a test began: its threads' last words would stand in the log of another."""
    before = set(threading.enumerate())
    yield
    for parts in Parts.made:
        parts.note("end").set()
    Parts.made.clear()
    for thread in set(threading.enumerate()) - before:
        thread.join(WAIT_S)
        assert not thread.is_alive()


class Parts:
    """The broker, the supervisor and the feed hub of a worker, each of which only takes note."""

    beats = flushes = 0
    made: ClassVar[list[Parts]] = []

    def __init__(self) -> None:
        self.made.append(self)
        self.done: dict[str, threading.Event] = {}
        self.every_s: float | None = None

    def note(self, what: str) -> threading.Event:
        return self.done.setdefault(what, threading.Event())

    def stop(self) -> None:
        self.note("stop").set()

    def resend_wake_ups(self) -> None:
        self.note("resend_wake_ups").set()

    def listen(self) -> None:
        self.note("listen").set()

    def keep_beating(self, every_s: float) -> None:
        self.every_s = every_s
        self.note("keep_beating").set()
        self.note("end").wait(WAIT_S)

    def keep_flushing(self) -> None:
        self.note("keep_flushing").set()
        self.note("end").wait(WAIT_S)

    def drain(self) -> None:
        self.note("drain").set()

    def has(self, *done: str) -> bool:
        return all(self.note(each).wait(WAIT_S) for each in done)


class Thread:
    """One of dramatiq's threads, and its consumer."""

    def __init__(self, *, alive: bool = True) -> None:
        self.alive = alive
        self.consumer = SimpleNamespace(rounds=0)

    def is_alive(self) -> bool:
        return self.alive


class Worker:
    """What dramatiq makes of a process."""

    def __init__(self) -> None:
        self.consumers = {"background": Thread()}
        self.workers = [Thread(), Thread()]


class Dog:
    """A watchdog, how often it has looked, and with which status it has ended the process."""

    def __init__(self, parts: Parts, most: int = 1) -> None:
        self.statuses: list[int] = []
        self.ended = threading.Event()
        self.looks = 0
        self._most = most
        self._parts = parts
        self.dog = Watchdog(parts.drain, self.pause, self.end)

    def pause(self, _seconds: float) -> None:
        self.looks += 1
        if self.looks > self._most:
            self._parts.note("end").wait(WAIT_S)

    def end(self, status: int) -> None:
        self.statuses.append(status)
        self.ended.set()


def begun(
    parts: Any, worker: Any, lease_s: float = 30.0, dog: Dog | None = None
) -> WorkerLifecycle:
    """Return a life that has begun."""
    life = WorkerLifecycle(parts, parts, parts, lease_s, (dog or Dog(parts)).dog)
    life.after_worker_boot(None, worker)
    return life


def test_it_hears_beats_and_flushes_once_it_has_begun() -> None:
    parts = Parts()
    begun(parts, Worker())
    assert parts.has("listen", "keep_beating", "keep_flushing")
    assert not parts.note("stop").is_set()


def test_what_waits_is_woken_for_again_once_redis_is_found() -> None:
    parts: Any = Parts()
    WorkerLifecycle(parts, parts, parts, 30.0)
    parts.on_found()
    assert parts.has("resend_wake_ups")


def test_it_beats_several_times_a_lease() -> None:
    parts = Parts()
    begun(parts, Worker(), lease_s=3.0)
    assert parts.has("keep_beating")
    assert parts.every_s == 1.0


def test_it_never_seems_dead() -> None:
    parts = Parts()
    begun(parts, Worker(), lease_s=600.0)
    assert parts.has("keep_beating")
    assert parts.every_s == MAX_BEAT_S


def test_it_takes_no_more_and_drains_before_it_ends() -> None:
    parts: Any = Parts()
    WorkerLifecycle(parts, parts, parts, 30.0, Dog(parts).dog).before_worker_shutdown(None, None)
    assert parts.has("stop", "drain")


@pytest.mark.parametrize("lost", ["consumer", "thread"])
def test_a_process_that_has_lost_a_thread_of_dramatiqs_ends(lost: str) -> None:
    parts, worker = Parts(), Worker()
    threads = {"consumer": worker.consumers["background"], "thread": worker.workers[1]}
    threads[lost].alive = False
    dog = Dog(parts)
    begun(parts, worker, dog=dog)
    assert dog.ended.wait(WAIT_S)
    assert dog.statuses == [EX_SOFTWARE]


def test_a_process_that_has_lost_its_heartbeat_ends() -> None:
    parts = Parts()
    parts.note("end").set()
    dog = Dog(parts, most=1_000_000)
    begun(parts, Worker(), dog=dog)
    assert dog.ended.wait(WAIT_S)


def test_a_process_that_cannot_begin_ends() -> None:
    parts = Parts()
    dog = Dog(parts)
    with pytest.raises(AttributeError):
        begun(parts, None, dog=dog)
    assert dog.statuses == [EX_SOFTWARE]


# The watchdog


def faults(watched: Watched, looks: int) -> list[str | None]:
    return [watched.fault() for _ in range(looks)]


def test_a_thread_that_does_its_rounds_is_left_alone() -> None:
    rounds = iter(range(100))
    watched = Watched("flush", Thread(), lambda: next(rounds))
    assert faults(watched, 50) == [None] * 50


def test_a_thread_that_does_no_round_any_more_stands_still() -> None:
    watched = Watched("flush", Thread(), lambda: 7)
    assert faults(watched, LOOKS + 1) == [None] * LOOKS + ["stuck"]


def test_a_thread_that_goes_on_late_has_lost_nothing() -> None:
    rounds = iter([*[1] * LOOKS, *[2] * LOOKS, 3])
    watched = Watched("flush", Thread(), lambda: next(rounds))
    assert faults(watched, 2 * LOOKS + 1) == [None] * (2 * LOOKS + 1)


def test_a_thread_that_counts_nothing_need_only_live() -> None:
    assert faults(Watched("worker 1", Thread()), LOOKS + 1) == [None] * (LOOKS + 1)


def test_a_process_ends_even_where_its_jobs_cannot_be_left_to_others() -> None:
    statuses: list[int] = []

    def fail() -> None:
        raise ZeroDivisionError

    watchdog = Watchdog(fail, lambda _: None, statuses.append)
    watchdog.watch(Watched("heartbeat", Thread(alive=False)))
    watchdog.keep_watch()
    assert statuses == [EX_SOFTWARE]


def test_what_ends_anyway_is_not_watched() -> None:
    statuses: list[int] = []
    watchdog = Watchdog(lambda: None, lambda _: None, statuses.append)
    watchdog.watch(Watched("heartbeat", Thread(alive=False)))
    watchdog.keep_watch(lambda: False)
    assert statuses == []
