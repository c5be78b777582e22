"""What an answer takes grows with its size, and no faster: counted in calls, not in time."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from app.domain.stream.accumulate import fold
from app.domain.stream.resume import resume
from bench.growth import CASES, QUEUED, Case, events_of, heard, stream

SMALL = 200


def calls_of(work: Callable[[], object]) -> int:
    """Return how many calls of functions, and steps of generators, something takes."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def whole_way(case: Case, n: int) -> Callable[[], object]:
    body = stream(case.events(n))

    def work() -> None:
        events = events_of(heard(case.reader(), body))
        fold(events[:-1])
        resume(QUEUED, events[:-1], None, lambda: 0)

    return work


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_twice_as_much_takes_twice_as_many_calls(case: Case) -> None:
    once, twice = (calls_of(whole_way(case, n)) for n in (SMALL, 2 * SMALL))
    assert twice < 2.2 * once
