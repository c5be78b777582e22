"""Whose turn it is among the keys of a provider, who rests, and who waits for one."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, GatewayError, UpstreamRateLimited, UpstreamUnavailable
from app.services.upstreams.keys.pool import Cause, KeyPool
from app.settings import KeySettings
from tests.processes import PATIENCE_S, until
from tests.services.clocks import Clock


class PoolBench:
    """A pool whose clock stands still; `rests` are the rests that it has told of."""

    def __init__(self, *keys: KeySettings) -> None:
        self.clock = Clock()
        self.rests: list[tuple[str, float, str]] = []
        self.call = UpstreamCall(deadline=math.inf)
        self.pool = KeyPool(
            "acme",
            keys,
            self.clock,
            lambda key, seconds, why: self.rests.append((key, seconds, why)),
        )

    def take(self, preferred: str | None = None, tried: tuple[str, ...] = ()) -> str:
        return self.pool.acquire(self.call, 0.0, preferred, tried)

    def turns(self, count: int) -> str:
        """Return the ids of so many keys, each given back at once."""
        taken = []
        for _ in range(count):
            taken.append(self.take())
            self.pool.release(taken[-1])
        return "".join(taken)


def keys(**weights: int) -> PoolBench:
    return PoolBench(*(KeySettings(id=name, weight=weight) for name, weight in weights.items()))


def bounded(**bounds: int | None) -> PoolBench:
    return PoolBench(*(KeySettings(id=name, max_concurrency=n) for name, n in bounds.items()))


class LateCall(UpstreamCall):
    """A call that finds all keys busy, and during whose way to the queue one comes free."""

    def __init__(self, come_free: Callable[[], None]) -> None:
        super().__init__(deadline=math.inf)
        self._come_free = come_free

    def attach(self, close: Callable[[], None]) -> None:
        super().attach(close)
        self._come_free()


# Turns


def test_turns_are_spread_smoothly_by_weight() -> None:
    assert keys(a=5, b=1, c=1).turns(7) == "aabacaa"  # nginx's own example
    assert keys(a=1, b=1).turns(4) == "abab"


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(1, 9), min_size=1))
def test_each_key_has_its_share_of_a_round(weights: dict[str, int]) -> None:
    bench = keys(**weights)
    assert Counter(bench.turns(2 * sum(weights.values()))) == {
        name: 2 * weight for name, weight in weights.items()
    }


def test_who_is_preferred_is_taken_and_owes_nothing_for_it() -> None:
    bench = keys(a=1, b=1)
    assert [bench.take("b") for _ in range(9)] == ["b"] * 9
    assert bench.turns(4) == "abab"


def test_who_was_tried_comes_last() -> None:
    bench = keys(a=1, b=1)
    assert bench.take(tried=("a",)) == "b"
    assert bench.take("a", tried=("a",)) == "b"
    assert bench.take(tried=("a", "b")) in "ab"


def test_who_is_preferred_and_gone_is_not_waited_for() -> None:
    assert keys(a=1).take("gone") == "a"


# Rests


def test_a_key_that_rests_is_passed_over_until_its_rest_is_over() -> None:
    bench = keys(a=1, b=1)
    bench.pool.rest("a", 30, "rate_limited")
    assert bench.turns(3) == "bbb"
    assert bench.take("a") == "b"
    assert bench.pool.resting() == {"a": True, "b": False}
    bench.clock.now += 30
    assert "a" in bench.turns(2)
    assert bench.rests == [("a", 30, "rate_limited")]


def test_a_rest_is_made_longer_and_never_shorter() -> None:
    bench = keys(a=1)
    bench.pool.rest("a", 300, "refused")
    bench.pool.rest("a", 30, "rate_limited")
    assert bench.pool.wait_s() == 300
    bench.clock.now += 299
    bench.pool.rest("a", 30, "rate_limited")
    assert bench.pool.wait_s() == 30
    assert [each[1] for each in bench.rests] == [300, 30]


def test_a_key_that_is_another_credential_rests_no_more() -> None:
    bench = keys(a=1)
    bench.pool.rest("a", 300, "refused")
    bench.pool.wake("a")
    assert bench.take() == "a"
    bench.pool.wake("a")
    assert bench.rests == [("a", 300, "refused"), ("a", 0, "refused")]


def test_all_rest_for_a_limit() -> None:
    bench = keys(a=1, b=1)
    bench.pool.rest("a", 30, "rate_limited")
    bench.pool.rest("b", 4.2, "rate_limited")
    with pytest.raises(UpstreamRateLimited, match="all of its keys rest") as limited:
        bench.take()
    assert limited.value.retry_after_s == 5


def test_all_rest_and_one_is_refused() -> None:
    bench = keys(a=1, b=1)
    bench.pool.rest("a", 300, "refused")
    bench.pool.rest("b", 30, "rate_limited")
    with pytest.raises(UpstreamUnavailable) as unavailable:
        bench.take()
    assert unavailable.value.retry_after_s == 30


# Room


def test_a_key_has_no_more_calls_at_once_than_it_may() -> None:
    bench = bounded(a=1, b=2)
    assert sorted(bench.take() for _ in range(3)) == ["a", "b", "b"]
    assert {name: share() for name, share in bench.pool.shares().items()} == {"a": 1, "b": 1}
    with pytest.raises(UpstreamUnavailable, match="is busy") as busy:
        bench.take()
    assert busy.value.retry_after_s == 1
    bench.pool.release("b")
    assert bench.take() == "b"


def test_a_key_without_a_bound_always_has_room() -> None:
    bench = bounded(a=1, b=None)
    assert [bench.take("a") for _ in range(4)] == ["a", "b", "b", "b"]
    assert list(bench.pool.shares()) == ["a"]


def waiting(bench: PoolBench, call: UpstreamCall, results: list[Any]) -> threading.Thread:
    """Have a thread wait for a key; return it once it does."""

    def wait() -> None:
        try:
            results.append(bench.pool.acquire(call, 60.0))
        except GatewayError as error:
            results.append(error)

    waits = len(bench.pool._queue)
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    until(lambda: len(bench.pool._queue) > waits, "the thread to wait")
    return thread


def test_those_who_wait_are_served_in_turn() -> None:
    bench = bounded(a=1)
    bench.take()
    order: list[object] = []
    threads = [waiting(bench, UpstreamCall(deadline=math.inf), order) for _ in range(2)]
    for count in (1, 2):
        bench.pool.release("a")
        until(lambda count=count: len(order) == count, "the next")  # type: ignore[misc]
    assert order == ["a", "a"]
    for each in threads:
        each.join()


def test_who_is_cancelled_while_waiting_takes_nothing() -> None:
    bench = bounded(a=1)
    bench.take()
    results: list[object] = []
    call = UpstreamCall(deadline=math.inf)
    thread = waiting(bench, call, results)
    call.cancel()
    thread.join()
    assert isinstance(results[0], CallerGone)
    bench.pool.release("a")
    assert bench.take() == "a"


def test_a_key_that_wakes_serves_who_waits() -> None:
    bench = bounded(a=1, b=1)
    bench.pool.rest("b", 300, "refused")
    bench.take()
    results: list[object] = []
    thread = waiting(bench, UpstreamCall(deadline=math.inf), results)
    bench.pool.wake("b")
    thread.join()
    assert results == ["b"]


@pytest.mark.parametrize(
    ("cause", "error"),
    [("rate_limited", UpstreamRateLimited), ("refused", UpstreamUnavailable)],
)
def test_who_waits_is_refused_when_all_have_come_to_rest(
    cause: Cause, error: type[GatewayError]
) -> None:
    bench = bounded(a=1, b=1)
    assert {bench.take(), bench.take()} == {"a", "b"}
    results: list[Any] = []
    thread = waiting(bench, UpstreamCall(deadline=math.inf), results)
    bench.pool.rest("a", 30, cause)
    bench.pool.release("a")
    assert not results  # it may have b
    bench.pool.rest("b", 40, cause)
    thread.join(PATIENCE_S)
    (refused,) = results
    assert (type(refused), refused.retry_after_s) == (error, 30)


def test_a_key_that_comes_free_on_the_way_to_the_queue_is_taken_at_once() -> None:
    bench = bounded(a=1)
    bench.take()
    late = LateCall(lambda: bench.pool.release("a"))
    assert bench.pool.acquire(late, 0.0) == "a"
