"""A worker's threads begin with its process, and its jobs are drained at the end."""

from __future__ import annotations

import threading
from typing import Any

from app.jobs.actors import MAX_BEAT_S, Life

WAIT_S = 30


class Parts:
    """The broker, the keeper and the followings of a worker, each of which only takes note."""

    def __init__(self) -> None:
        self.done: dict[str, threading.Event] = {}
        self.every_s: float | None = None

    def note(self, what: str) -> threading.Event:
        return self.done.setdefault(what, threading.Event())

    def stop(self) -> None:
        self.note("stop").set()

    def listen(self) -> None:
        self.note("listen").set()

    def keep_alive(self, every_s: float) -> None:
        self.every_s = every_s
        self.note("keep_alive").set()

    def keep_flushing(self) -> None:
        self.note("keep_flushing").set()

    def drain(self) -> None:
        self.note("drain").set()

    def has(self, *done: str) -> bool:
        return all(self.note(each).wait(WAIT_S) for each in done)


def life(parts: Any, lease_s: float = 30.0) -> Life:
    return Life(parts, parts, parts, lease_s)


def test_it_hears_beats_and_flushes_once_it_has_begun() -> None:
    parts = Parts()
    life(parts).after_worker_boot(None, None)
    assert parts.has("listen", "keep_alive", "keep_flushing")
    assert not parts.note("stop").is_set()


def test_it_beats_several_times_a_lease() -> None:
    parts = Parts()
    life(parts, lease_s=3.0).after_worker_boot(None, None)
    assert parts.has("keep_alive")
    assert parts.every_s == 1.0


def test_it_never_seems_dead() -> None:
    parts = Parts()
    life(parts, lease_s=600.0).after_worker_boot(None, None)
    assert parts.has("keep_alive")
    assert parts.every_s == MAX_BEAT_S


def test_it_takes_no_more_and_drains_before_it_ends() -> None:
    parts = Parts()
    life(parts).before_worker_shutdown(None, None)
    assert parts.has("stop", "drain")
