"""What a process remembers of the flushes that it wrote last."""

from __future__ import annotations

import tracemalloc

import pytest

from app.store.connection.script import Call, Script
from app.store.jobs import recent_flushes
from app.store.jobs.recent_flushes import RecentFlushes

APPEND = Script("return 1")


def append(first: int, packed: bytes = b"packed", job: str = "resp_a") -> Call:
    """Return a call that appends a flush of two events, as JobStreams makes it."""
    return APPEND((f"index:{job}",), (job, "token", first, packed, 2, 1, b"", b"", "news"))


@pytest.fixture
def recent() -> RecentFlushes:
    recent = RecentFlushes()
    for first in (0, 2, 4):
        recent.add("resp_a", append(first))
    return recent


@pytest.mark.parametrize("first", [0, 2, 4])
def test_what_was_written_from_an_event_on_is_known(recent: RecentFlushes, first: int) -> None:
    assert recent.since("resp_a", first) == [append(each) for each in range(first, 5, 2)]


@pytest.mark.parametrize("first", [1, 3, 6])
def test_no_flush_is_cut(recent: RecentFlushes, first: int) -> None:
    assert recent.since("resp_a", first) == []


def test_of_another_job_and_of_a_forgotten_one_nothing_is_known(recent: RecentFlushes) -> None:
    assert recent.since("resp_b", 0) == []
    recent.forget("resp_a")
    assert recent.since("resp_a", 0) == []


def test_the_oldest_flushes_are_forgotten_where_they_are_too_long(
    recent: RecentFlushes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_flushes, "JOB_BYTES", 13)
    recent.add("resp_a", append(6))
    assert recent.since("resp_a", 4) == [append(4), append(6)]
    assert recent.since("resp_a", 2) == []


def test_of_a_long_flush_as_much_is_remembered(
    recent: RecentFlushes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_flushes, "JOB_BYTES", 13)
    recent.add("resp_a", append(6, b"longer than is remembered"))
    assert recent.since("resp_a", 6) == [append(6, b"longer than is remembered")]
    assert recent.since("resp_a", 4) == []


def test_the_jobs_that_began_first_are_forgotten(
    recent: RecentFlushes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_flushes, "JOBS", 2)
    for job in ("resp_b", "resp_c"):
        recent.add(job, append(0, job=job))
    assert recent.since("resp_a", 0) == []
    assert recent.since("resp_b", 0) == [append(0, job="resp_b")]


def test_a_flush_takes_little_beside_its_bytes(recent: RecentFlushes) -> None:
    tracemalloc.start()
    try:
        for first in range(1_000, 2_000):
            recent.add("resp_a", append(first))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Measured: a tuple of nine, its first number and a place in a list are 161.
    assert size < 220 * 1_000


def test_what_is_older_than_a_fail_over_lasts_is_forgotten() -> None:
    now = [0.0]
    recent = RecentFlushes(clock=lambda: now[0])
    for first in range(0, 200, 2):
        now[0] = float(first)
        recent.add("resp_a", append(first))
    # The last one was made at 198 s.
    assert recent.since("resp_a", 138) == [append(first) for first in range(138, 200, 2)]
    assert recent.since("resp_a", 136) == []
