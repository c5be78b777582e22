"""A worker's process ends with grace however often it is asked, and never outlives its parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from app.jobs.process import end_once, end_with_parent


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_process_that_is_asked_twice_ends_once() -> None:
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    end_once()
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    assert asked == [signal.SIGTERM]


def test_a_process_that_nobody_ends_with_grace_is_left_alone() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_once()
    os.kill(os.getpid(), signal.SIGTERM)


class Parent:
    """A process that ends when it is told to."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def join(self) -> None:
        self.ended.wait()


def test_a_process_ends_when_its_parent_has(monkeypatch: pytest.MonkeyPatch) -> None:
    parent, killed = Parent(), threading.Event()
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: parent)
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.set())
    end_with_parent()
    before = killed.is_set()
    parent.ended.set()
    assert (before, killed.wait(30)) == (False, True)


def test_a_process_without_a_parent_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    killed = threading.Event()
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.set())
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: None)
    threads = set(threading.enumerate())
    end_with_parent()
    for thread in set(threading.enumerate()) - threads:
        thread.join()
    assert not killed.is_set()
