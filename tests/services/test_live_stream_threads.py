"""The threads beside the streams of a process: begun with the first stream, and but once."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from app.services.live_streams.keeper import LiveStreams
from tests.processes import PATIENCE_S, ROOT

UNUSED: Any = None

UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import threading
from app.services.live_streams.keeper import LiveStreams

streams, turns = LiveStreams(None, None, 30), []
streams._start("a", threading.Event().wait)
threading.Thread(target=turns.append, args=(1,)).start()
turns.clear()
import gevent
gevent.spawn(turns.append, 2)
streams._start("a", threading.Event().wait)
assert not turns, "others had a turn"
"""


class Runs:
    """Counts how often it was run; ends when it is let go."""

    def __init__(self) -> None:
        self.count = 0
        self.begun, self.let_go = threading.Semaphore(0), threading.Event()

    def __call__(self) -> None:
        self.count += 1
        self.begun.release()
        self.let_go.wait(PATIENCE_S)


def thread_named(name: str) -> threading.Thread:
    return next(each for each in threading.enumerate() if each.name == name)


def test_a_thread_is_begun_once_while_it_runs() -> None:
    streams, runs = LiveStreams(UNUSED, UNUSED, 30), Runs()
    streams._start("once", runs)
    assert runs.begun.acquire(timeout=PATIENCE_S)
    thread = thread_named("once")
    streams._start("once", runs)
    runs.let_go.set()
    thread.join(PATIENCE_S)
    assert runs.count == 1


def test_one_that_has_ended_is_begun_anew() -> None:
    streams, runs = LiveStreams(UNUSED, UNUSED, 30), Runs()
    runs.let_go.set()
    for _ in range(2):
        streams._start("again", runs)
        assert runs.begun.acquire(timeout=PATIENCE_S)
        for thread in [each for each in threading.enumerate() if each.name == "again"]:
            thread.join(PATIENCE_S)
    assert runs.count == 2


def test_a_process_that_was_forked_begins_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    streams, runs = LiveStreams(UNUSED, UNUSED, 30), Runs()
    streams._start("parent's", runs)
    assert runs.begun.acquire(timeout=PATIENCE_S)
    monkeypatch.setattr("os.getpid", lambda: 1)
    streams._start("parent's", runs)
    assert runs.begun.acquire(timeout=PATIENCE_S)
    runs.let_go.set()


def test_a_stream_that_begins_gives_nobody_else_a_turn_under_gevent() -> None:
    subprocess.run([sys.executable, "-c", UNDER_GEVENT], check=True, timeout=60)  # noqa: S603 - our own


def test_what_serves_requests_asks_no_thread_whether_it_is_alive() -> None:
    rooms = ("api", "services", "providers", "store", "telemetry")
    files = [file for room in rooms for file in (ROOT / "app" / room).rglob("*.py")]
    assert [file for file in files if ".is_alive()" in file.read_text()] == []
