"""How calls share the slots of a provider."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, UpstreamUnavailable
from app.services.upstreams.concurrency import ConcurrencyLimiter

LONG_S = 30.0


def call() -> UpstreamCall:
    return UpstreamCall(deadline=math.inf)


class Waiting(UpstreamCall):
    """A call that tells when it has begun to wait."""

    def __init__(self) -> None:
        super().__init__(deadline=math.inf)
        self.waits = threading.Event()

    def attach(self, close: Callable[[], None]) -> None:
        super().attach(close)
        self.waits.set()


def in_queue(limiter: ConcurrencyLimiter, pool: ThreadPoolExecutor) -> tuple[Waiting, Future[None]]:
    waiting = Waiting()
    taken = pool.submit(limiter.acquire, waiting, LONG_S)
    assert waiting.waits.wait(LONG_S)
    return waiting, taken


def test_without_a_size_there_is_no_bound() -> None:
    limiter = ConcurrencyLimiter("a", None)
    for _ in range(1000):
        limiter.acquire(call(), 0)


def test_a_call_too_many_is_refused_after_its_wait() -> None:
    limiter = ConcurrencyLimiter("a", 2)
    limiter.acquire(call(), 0)
    limiter.acquire(call(), 0)
    with pytest.raises(UpstreamUnavailable, match="'a' is busy") as refusal:
        limiter.acquire(call(), 0.001)
    assert refusal.value.retry_after_s == 1


def test_a_wait_that_is_already_over_is_none() -> None:
    limiter = ConcurrencyLimiter("a", 1)
    limiter.acquire(call(), -1)
    with pytest.raises(UpstreamUnavailable):
        limiter.acquire(call(), -1)


def test_a_slot_given_back_serves_the_next_call() -> None:
    limiter = ConcurrencyLimiter("a", 1)
    limiter.acquire(call(), 0)
    limiter.release()
    limiter.acquire(call(), 0)


def test_who_gave_up_waiting_takes_no_slot_with_them() -> None:
    limiter = ConcurrencyLimiter("a", 1)
    limiter.acquire(call(), 0)
    with pytest.raises(UpstreamUnavailable):
        limiter.acquire(call(), 0)
    limiter.release()
    limiter.acquire(call(), 0)


def test_who_waited_longest_is_served_first() -> None:
    limiter = ConcurrencyLimiter("a", 1)
    limiter.acquire(call(), 0)
    with ThreadPoolExecutor(2) as pool:
        _, first = in_queue(limiter, pool)
        _, second = in_queue(limiter, pool)
        limiter.release()
        first.result(LONG_S)
        assert not second.done()
        limiter.release()
        second.result(LONG_S)


def test_a_cancelled_call_stops_waiting() -> None:
    limiter = ConcurrencyLimiter("a", 1)
    limiter.acquire(call(), 0)
    with ThreadPoolExecutor(1) as pool:
        waiting, taken = in_queue(limiter, pool)
        waiting.cancel()
        with pytest.raises(CallerGone):
            taken.result(LONG_S)
    limiter.release()
    limiter.acquire(call(), 0)


def test_a_slot_that_reaches_a_cancelled_call_goes_on_to_the_next() -> None:
    limiter = ConcurrencyLimiter("a", 1)
    limiter.acquire(call(), 0)

    class CancelledAsItIsServed(UpstreamCall):
        def attach(self, close: Callable[[], None]) -> None:
            limiter.release()
            self.cancel()

    with pytest.raises(CallerGone):
        limiter.acquire(CancelledAsItIsServed(deadline=math.inf), LONG_S)
    limiter.acquire(call(), 0)


def test_a_slot_that_the_garbage_collector_gives_back_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It ends a call that was dropped, in whatever thread asks for memory.
    limiter, event = ConcurrencyLimiter("p", 1), threading.Event

    def collect() -> threading.Event:
        monkeypatch.undo()
        limiter.release()
        return event()

    limiter.acquire(call(), 0)
    taking = threading.Thread(target=limiter.acquire, args=(call(), 0), daemon=True)
    monkeypatch.setattr("app.services.upstreams.concurrency.threading.Event", collect)
    taking.start()
    taking.join(LONG_S)
    assert not taking.is_alive()
    with pytest.raises(UpstreamUnavailable):  # it was taken
        limiter.acquire(call(), 0)


def test_a_call_records_that_it_waits_and_then_that_it_was_made() -> None:
    limiter = ConcurrencyLimiter("a", 1)
    noted: list[bool] = []
    at_once, later, gone = (replace(call(), note_called=noted.append) for _ in range(3))
    limiter.acquire(at_once, 0)
    at_once.count_attempt()
    assert noted == []
    for _ in range(2):
        with pytest.raises(UpstreamUnavailable):
            limiter.acquire(later, 0)
    assert noted == [False]
    limiter.release()
    limiter.acquire(later, 0)
    later.count_attempt()
    later.count_attempt()
    later.may_cost = True
    assert noted == [False, True]
    with pytest.raises(UpstreamUnavailable):
        limiter.acquire(later, 0)
    assert noted == [False, True]
    with pytest.raises(UpstreamUnavailable):
        limiter.acquire(gone, 0)
    assert noted == [False, True, False]
