"""What every RateLimitStore promises, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.rate_limits.base import (
    AcquireRequest,
    Adjustment,
    ConcurrencyLimit,
    Decision,
    Lease,
    RateLimit,
    RateLimitStore,
)
from app.store.rate_limits.redis import RedisRateLimitStore
from tests.memory_stores.rate_limits import MemoryRateLimitStore
from tests.redis_server import running
from tests.services.clocks import Clock

MINUTE = RateLimit("rpm", 60, 3)
DAY = RateLimit("rpd", 86_400, 5)
CONCURRENT = ConcurrencyLimit("all", 2)

_ids = map(str, count())


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000.25)


@pytest.fixture(params=["memory", "redis", "cluster"])
def store(request: pytest.FixtureRequest, clock: Clock) -> Iterator[RateLimitStore]:
    if request.param == "memory":
        yield MemoryRateLimitStore(clock)
        return
    fixture = "redis_url" if request.param == "redis" else "cluster_url"
    with connect(RedisSettings(url=request.getfixturevalue(fixture))) as client:
        yield RedisRateLimitStore(client, f"{uuid4()}:", clock)


def acquiring(
    *amounts: tuple[RateLimit, int],
    concurrency: tuple[ConcurrencyLimit, ...] = (),
    account: str = "acme",
) -> AcquireRequest:
    names = tuple(limit.name for limit in concurrency)
    lease = Lease(f"lease{next(_ids)}", account, names, for_s=30)
    return AcquireRequest(amounts, concurrency, lease)


def adjustment(
    acquired: AcquireRequest, decision: Decision, *changes: tuple[RateLimit, int]
) -> Adjustment:
    counted = dict(acquired.amounts)
    adjusted = tuple((limit, change, counted[limit]) for limit, change in changes)
    return Adjustment(decision.at, adjusted, acquired.lease)


def let_in(decision: Decision) -> bool:
    return decision.refused_by is None


def test_a_window_lets_in_its_limit(store: RateLimitStore) -> None:
    decisions = [store.acquire(acquiring((MINUTE, 1))) for _ in range(5)]
    assert [let_in(decision) for decision in decisions] == [True, True, True, False, False]


def test_a_refusal_names_its_window(store: RateLimitStore) -> None:
    for _ in range(3):
        store.acquire(acquiring((MINUTE, 1), (DAY, 1)))
    assert store.acquire(acquiring((MINUTE, 1), (DAY, 1))).refused_by == MINUTE


def test_of_two_windows_that_refuse_the_longer_wait_is_named(store: RateLimitStore) -> None:
    tight = replace(DAY, limit=3)
    for _ in range(3):
        store.acquire(acquiring((MINUTE, 1), (tight, 1)))
    assert store.acquire(acquiring((MINUTE, 1), (tight, 1))).refused_by == tight


def test_a_refused_demand_takes_nothing(store: RateLimitStore) -> None:
    for _ in range(9):
        store.acquire(acquiring((DAY, 1), (MINUTE, 1), concurrency=(ConcurrencyLimit("all", 99),)))
    assert store.acquire(acquiring((DAY, 1))).remaining[0].amount == 1


def test_a_window_tells_what_remains(store: RateLimitStore) -> None:
    left = [store.acquire(acquiring((MINUTE, 1))).remaining[0].amount for _ in range(4)]
    assert left == [2, 1, 0, 0]


def test_amounts_count(store: RateLimitStore) -> None:
    store.acquire(acquiring((MINUTE, 2)))
    assert not let_in(store.acquire(acquiring((MINUTE, 2))))


def test_a_window_is_whole_again_a_window_after_its_last_use(
    store: RateLimitStore, clock: Clock
) -> None:
    store.acquire(acquiring((MINUTE, 1)))
    clock.now += 10
    assert store.acquire(acquiring((MINUTE, 1))).remaining[0].reset_s == pytest.approx(60.75)


def test_a_refused_caller_hears_when_the_window_is_whole_again(
    store: RateLimitStore, clock: Clock
) -> None:
    store.acquire(acquiring((MINUTE, 3)))
    clock.now += 10
    assert store.acquire(acquiring((MINUTE, 1))).remaining[0].reset_s == pytest.approx(50.75)


def test_who_waits_as_told_is_let_in(store: RateLimitStore, clock: Clock) -> None:
    store.acquire(acquiring((MINUTE, 1)))
    clock.now += 7
    store.acquire(acquiring((MINUTE, 2)))
    clock.now += 7
    clock.now += store.acquire(acquiring((MINUTE, 2))).retry_after_s
    assert let_in(store.acquire(acquiring((MINUTE, 2))))


def test_nobody_is_told_to_wait_longer_than_needed(store: RateLimitStore, clock: Clock) -> None:
    store.acquire(acquiring((MINUTE, 1)))
    clock.now += 7
    store.acquire(acquiring((MINUTE, 2)))
    clock.now += store.acquire(acquiring((MINUTE, 1))).retry_after_s - 0.01
    assert not let_in(store.acquire(acquiring((MINUTE, 1))))


def test_what_can_never_pass_is_told_to_wait_a_whole_window(store: RateLimitStore) -> None:
    assert store.acquire(acquiring((MINUTE, 4))).retry_after_s == 60


def test_nothing_leaves_a_window_early(store: RateLimitStore, clock: Clock) -> None:
    store.acquire(acquiring((MINUTE, 3)))
    clock.now += 60
    assert not let_in(store.acquire(acquiring((MINUTE, 1))))


def test_everything_leaves_a_window_in_the_end(store: RateLimitStore, clock: Clock) -> None:
    store.acquire(acquiring((MINUTE, 3)))
    clock.now += 61
    assert store.acquire(acquiring((MINUTE, 1))).remaining[0].amount == 2


def test_a_window_that_was_left_alone_is_whole(store: RateLimitStore, clock: Clock) -> None:
    store.acquire(acquiring((MINUTE, 3)))
    clock.now += 1_000
    assert store.acquire(acquiring((MINUTE, 1))).remaining[0].amount == 2


def test_a_day_lasts_a_day(store: RateLimitStore, clock: Clock) -> None:
    store.acquire(acquiring((DAY, 5)))
    clock.now += 86_400
    assert not let_in(store.acquire(acquiring((DAY, 1))))


def test_accounts_do_not_share_windows(store: RateLimitStore) -> None:
    store.acquire(acquiring((MINUTE, 3)))
    assert let_in(store.acquire(acquiring((MINUTE, 3), account="other")))


def test_names_tell_windows_apart(store: RateLimitStore) -> None:
    store.acquire(acquiring((MINUTE, 3)))
    assert let_in(store.acquire(acquiring((replace(MINUTE, name="other"), 3))))


def test_a_clock_that_steps_back_lets_nobody_in_twice(store: RateLimitStore, clock: Clock) -> None:
    store.acquire(acquiring((MINUTE, 3)))
    clock.now -= 30
    assert not let_in(store.acquire(acquiring((MINUTE, 1))))


def test_a_clock_that_was_days_ahead_shuts_nobody_out(store: RateLimitStore, clock: Clock) -> None:
    for _ in range(3):
        store.acquire(acquiring((MINUTE, 1), (DAY, 1)))
    clock.now -= 3 * 86_400
    acquired = acquiring((MINUTE, 1), (DAY, 1))
    decision = store.acquire(acquired)
    assert [each.amount for each in decision.remaining] == [2, 4]
    clock.now -= 3 * 86_400
    store.adjust(adjustment(acquired, decision, (DAY, 1)))
    clock.now += 86_400 + 86_400 / 60 + 1
    assert store.acquire(acquiring((DAY, 0))).remaining[0].amount == 5


def test_what_was_not_used_comes_back(store: RateLimitStore) -> None:
    wanted = acquiring((MINUTE, 3))
    store.adjust(adjustment(wanted, store.acquire(wanted), (MINUTE, -2)))
    assert store.acquire(acquiring((MINUTE, 1))).remaining[0].amount == 1


def test_what_was_used_beyond_is_counted(store: RateLimitStore) -> None:
    wanted = acquiring((MINUTE, 1))
    store.adjust(adjustment(wanted, store.acquire(wanted), (MINUTE, 2)))
    assert not let_in(store.acquire(acquiring((MINUTE, 1))))


def test_a_correction_leaves_with_what_it_corrects(store: RateLimitStore, clock: Clock) -> None:
    wanted = acquiring((MINUTE, 1))
    decision = store.acquire(wanted)
    clock.now += 50
    store.adjust(adjustment(wanted, decision, (MINUTE, 2)))
    clock.now += 11
    assert store.acquire(acquiring((MINUTE, 1))).remaining[0].amount == 2


def test_what_was_used_long_after_is_counted_when_it_is_known(
    store: RateLimitStore, clock: Clock
) -> None:
    wanted = acquiring((MINUTE, 1))
    decision = store.acquire(wanted)
    clock.now += 300
    store.adjust(adjustment(wanted, decision, (MINUTE, 3)))
    assert not let_in(store.acquire(acquiring((MINUTE, 1))))


def test_what_was_used_long_after_leaves_the_window_too(
    store: RateLimitStore, clock: Clock
) -> None:
    wanted = acquiring((MINUTE, 1))
    decision = store.acquire(wanted)
    clock.now += 300
    store.adjust(adjustment(wanted, decision, (MINUTE, 3)))
    clock.now += 30
    store.acquire(acquiring((MINUTE, 1)))
    clock.now += 31
    assert let_in(store.acquire(acquiring((MINUTE, 3))))


def test_a_correction_of_an_older_request_does_not_hasten_the_reset(
    store: RateLimitStore, clock: Clock
) -> None:
    older = acquiring((MINUTE, 1))
    decision = store.acquire(older)
    clock.now += 10
    store.acquire(acquiring((MINUTE, 1)))
    store.adjust(adjustment(older, decision, (MINUTE, 1)))
    assert store.acquire(acquiring((MINUTE, 1))).remaining[0].reset_s == pytest.approx(60.75)


def test_what_has_left_the_window_does_not_come_back_twice(
    store: RateLimitStore, clock: Clock
) -> None:
    wanted = acquiring((MINUTE, 3))
    decision = store.acquire(wanted)
    clock.now += 300
    store.acquire(acquiring((MINUTE, 1)))
    store.adjust(adjustment(wanted, decision, (MINUTE, -3)))
    assert store.acquire(acquiring((MINUTE, 1))).remaining[0].amount == 1


def test_no_more_comes_back_than_was_counted(store: RateLimitStore) -> None:
    wanted = acquiring((MINUTE, 1))
    store.adjust(adjustment(wanted, store.acquire(wanted), (MINUTE, -5)))
    assert store.acquire(acquiring((MINUTE, 1))).remaining[0].amount == 2


def test_so_many_are_in_flight_and_no_more(store: RateLimitStore) -> None:
    decisions = [store.acquire(acquiring(concurrency=(CONCURRENT,))) for _ in range(3)]
    assert [decision.refused_by for decision in decisions] == [None, None, CONCURRENT]


def test_who_finds_no_place_in_flight_may_ask_again_in_a_second(store: RateLimitStore) -> None:
    for _ in range(2):
        store.acquire(acquiring(concurrency=(CONCURRENT,)))
    assert store.acquire(acquiring(concurrency=(CONCURRENT,))).retry_after_s == 1


def test_a_landing_frees_its_place(store: RateLimitStore) -> None:
    first = acquiring(concurrency=(CONCURRENT,))
    decision = store.acquire(first)
    store.acquire(acquiring(concurrency=(CONCURRENT,)))
    store.adjust(adjustment(first, decision))
    assert let_in(store.acquire(acquiring(concurrency=(CONCURRENT,))))


def test_a_second_landing_frees_nobody_else_s_place(store: RateLimitStore) -> None:
    first = acquiring(concurrency=(CONCURRENT,))
    decision = store.acquire(first)
    for _ in range(2):
        store.adjust(adjustment(first, decision))
    decisions = [store.acquire(acquiring(concurrency=(CONCURRENT,))) for _ in range(3)]
    assert [let_in(each) for each in decisions] == [True, True, False]


def test_a_place_whose_request_was_lost_becomes_free(store: RateLimitStore, clock: Clock) -> None:
    for _ in range(2):
        store.acquire(acquiring(concurrency=(CONCURRENT,)))
    clock.now += 30
    assert let_in(store.acquire(acquiring(concurrency=(CONCURRENT,))))


def test_a_renewed_place_stays_taken(store: RateLimitStore, clock: Clock) -> None:
    requests = [acquiring(concurrency=(CONCURRENT,)) for _ in range(2)]
    for wanted in requests:
        store.acquire(wanted)
    clock.now += 29
    store.renew([wanted.lease for wanted in requests])
    clock.now += 29
    assert not let_in(store.acquire(acquiring(concurrency=(CONCURRENT,))))


def test_a_place_that_was_given_up_cannot_be_renewed(store: RateLimitStore) -> None:
    wanted = acquiring(concurrency=(CONCURRENT,))
    store.adjust(adjustment(wanted, store.acquire(wanted)))
    store.renew([wanted.lease])
    decisions = [store.acquire(acquiring(concurrency=(CONCURRENT,))) for _ in range(2)]
    assert all(map(let_in, decisions))


def test_a_place_that_was_lost_cannot_be_renewed(store: RateLimitStore, clock: Clock) -> None:
    wanted = acquiring(concurrency=(CONCURRENT,))
    store.acquire(wanted)
    clock.now += 30
    store.renew([wanted.lease])
    decisions = [store.acquire(acquiring(concurrency=(CONCURRENT,))) for _ in range(2)]
    assert all(map(let_in, decisions))


def test_renewing_nothing_is_nothing(store: RateLimitStore) -> None:
    store.renew([])


def test_a_refusal_by_a_flight_takes_nothing_from_windows(store: RateLimitStore) -> None:
    for _ in range(4):
        store.acquire(acquiring((DAY, 1), concurrency=(CONCURRENT,)))
    assert store.acquire(acquiring((DAY, 1))).remaining[0].amount == 2


def test_a_refusal_by_a_window_takes_no_place_in_flight(store: RateLimitStore) -> None:
    for _ in range(9):
        store.acquire(acquiring((MINUTE, 3), concurrency=(CONCURRENT,)))
    assert let_in(store.acquire(acquiring(concurrency=(CONCURRENT,))))


def test_sixty_four_at_once_get_no_more_than_the_limit(store: RateLimitStore) -> None:
    window, flight = RateLimit("rpm", 60, 100), ConcurrencyLimit("all", 100)
    with ThreadPoolExecutor(64) as callers:
        decisions = callers.map(
            lambda _: store.acquire(acquiring((window, 1), concurrency=(flight,))), range(256)
        )
        assert sum(map(let_in, decisions)) == 100


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 4)), max_size=25))
def test_never_more_than_the_limit_in_any_minute(
    store: RateLimitStore, clock: Clock, wishes: list[tuple[int, int]]
) -> None:
    window = RateLimit(f"rpm{next(_ids)}", 60, 5)
    passed: list[tuple[float, int]] = []
    for pause_ms, amount in wishes:
        clock.now += pause_ms / 1000
        if let_in(store.acquire(acquiring((window, amount)))):
            passed.append((clock.now, amount))
        assert sum(amount for at, amount in passed if at > clock.now - 60) <= 5


def test_redis_keeps_its_own_time(redis_url: str) -> None:
    with connect(RedisSettings(url=redis_url)) as client:
        seconds, micros = client.time()
        decision = RedisRateLimitStore(client, f"{uuid4()}:").acquire(acquiring((MINUTE, 1)))
        assert decision.at == pytest.approx(seconds + micros / 1e6, abs=5)


def test_what_is_over_does_not_stay_in_redis(redis_url: str) -> None:
    prefix = f"{uuid4()}:"
    with connect(RedisSettings(url=redis_url)) as client:
        RedisRateLimitStore(client, prefix).acquire(
            acquiring((MINUTE, 1), concurrency=(CONCURRENT,))
        )
        names = list(client.scan_iter(f"{prefix}*"))
        assert len(names) == 2
        assert all(0 < client.ttl(name) <= 62 for name in names)


def test_a_dead_redis_is_a_store_that_is_away() -> None:
    with running() as url:
        client = connect(RedisSettings(url=url))
    with client, pytest.raises(StorageUnavailable):
        RedisRateLimitStore(client, "rg:").acquire(acquiring((MINUTE, 1)))
