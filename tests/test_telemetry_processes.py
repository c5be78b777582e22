"""/metrics is of all processes, those that have ended included, and is made for all who wait."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.multiprocess import MultiProcessCollector
from structlog.testing import capture_logs

from app.metric_files import process_ended
from app.telemetry import Exposition
from tests.processes import until

COUNTING = """
import os
from app import telemetry as t
t.upstream_ended("acme", "ok")
t.first_byte_counted("acme", 0.5)
t.STREAMS_OPEN.inc()
print(os.getpid())
"""
CALLS, SECONDS, STREAMS = (
    'gateway_upstream_calls_total{outcome="ok",provider="acme"}',
    'gateway_upstream_first_byte_seconds_bucket{le="0.5",provider="acme"}',
    "gateway_streams_open",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where processes keep their counts."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return tmp_path


def counting() -> int:
    """Have a process count a call of 0.5 s, leave a stream open, and end; return its pid."""
    command = [sys.executable, "-c", COUNTING]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)  # noqa: S603 - our own


def scraped(name: str) -> float:
    """Return a value on the page; 0 if it is not there."""
    lines = Exposition().page(dict).decode().splitlines()
    values = [line.removeprefix(name) for line in lines if line.startswith(f"{name} ")]
    return float(values[0]) if values else 0.0


def names(folder: Path) -> set[str]:
    """Return the names of the files of counts."""
    return {file.name for file in folder.glob("*.db")}


def test_ended_processes_count_on_and_leave_one_file_of_each_kind(folder: Path) -> None:
    for ended in range(1, 4):
        pid = counting()
        assert (scraped(CALLS), scraped(SECONDS), scraped(STREAMS)) == (ended, ended, 1)
        process_ended(pid)
        for _ in range(2):
            assert (scraped(CALLS), scraped(SECONDS), scraped(STREAMS)) == (ended, ended, 0)
        assert names(folder) == {"counter_together.db", "histogram_together.db"}


def test_a_process_may_get_the_pid_of_one_that_has_ended(folder: Path) -> None:
    first, second = counting(), counting()
    process_ended(first)
    (folder / f"counter_{second}.db").rename(folder / f"counter_{first}.db")
    assert scraped(CALLS) == 2
    assert f"counter_{first}.db" in names(folder)


def test_a_process_that_has_counted_nothing_may_end(folder: Path) -> None:
    process_ended(1)
    assert not names(folder)


def test_a_file_that_is_cut_short_is_logged_and_hides_no_other(folder: Path) -> None:
    for damage in (lambda data: data[:300], lambda data: b"\xff\xff\xff\x7f" + data[4:], _no_bytes):
        pid = counting()
        file = folder / f"counter_{pid}.db"
        file.write_bytes(damage(file.read_bytes()))
        process_ended(pid)
    process_ended(counting())
    with capture_logs() as logs:
        assert scraped(CALLS) == 1
    assert [(each["event"], each["log_level"]) for each in logs] == [("metrics_lost", "error")] * 3
    assert scraped(SECONDS) == 4


def _no_bytes(_: bytes) -> bytes:
    return b""


def test_a_process_may_end_while_its_file_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, merge = counting(), MultiProcessCollector.merge

    def ends(files: list[str], **more: Any) -> Any:
        if (folder / f"counter_{pid}.db").exists():
            process_ended(pid)
        return merge(files, **more)  # type: ignore[no-untyped-call]  # has no types

    monkeypatch.setattr(MultiProcessCollector, "merge", staticmethod(ends))
    assert (scraped(CALLS), scraped(SECONDS)) == (1, 1)


@pytest.mark.parametrize("step", range(14))
def test_a_scrape_that_is_killed_anywhere_counts_nothing_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    process_ended(counting())
    assert scraped(CALLS) == 1
    process_ended(counting())
    process_ended(counting())
    steps = count()
    with monkeypatch.context() as patch:
        for name in ("rename", "unlink"):
            patch.setattr(Path, name, _mortal(getattr(Path, name), steps, step))
        with pytest.raises(Killed):
            scraped(CALLS)
    assert (scraped(CALLS), scraped(SECONDS)) == (3, 3)
    assert {file.suffix for file in folder.iterdir()} == {".db", ".lock"}
    assert len(names(folder)) == 2


class Killed(BaseException):
    """Stands for SIGKILL."""


def _mortal(method: Callable[..., Any], steps: Iterator[int], last: int) -> Callable[..., Any]:
    """Return the method; a process is killed at its call number `last` of all that it counts."""

    def call(*arguments: Any, **more: Any) -> Any:
        if next(steps) == last:
            raise Killed
        return method(*arguments, **more)

    return call


def test_a_process_may_be_about_to_begin_its_file(folder: Path) -> None:
    (folder / "counter_1.db").touch()
    counting()
    assert scraped(CALLS) == 1


def test_without_locks_all_is_counted_and_files_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    process_ended(counting())
    before = names(folder)
    assert (scraped(CALLS), scraped(CALLS)) == (1, 1)
    assert names(folder) == before


class Slow:
    """Counts the pages that are made, and lets each be made only when it is told to."""

    def __init__(self) -> None:
        self.made = 0
        self.may = threading.Semaphore(0)

    def __call__(self, work: Callable[[], bytes]) -> bytes:
        """Make a page."""
        self.made += 1
        self.may.acquire()
        return work()


@pytest.mark.usefixtures("folder")
def test_scrapes_that_come_while_a_page_is_made_share_the_next() -> None:
    slow = Slow()
    exposition = Exposition(beside=slow)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(exposition.page, dict)
        until(lambda: slow.made == 1, "the first page")
        later = [pool.submit(exposition.page, dict) for _ in range(5)]
        until(lambda: exposition._arrived == 6, "the others to wait")
        slow.may.release(6)
        assert all(each.result() for each in (first, *later))
    assert slow.made == 2


@pytest.mark.usefixtures("folder")
def test_a_page_that_could_not_be_made_is_made_for_the_next() -> None:
    exposition = Exposition()

    def fails() -> dict[str, float]:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        exposition.page(fails)
    assert b"gateway_build_info" in exposition.page(dict)
