"""What every WindowStore promises, whatever it is made of."""

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
    Demand,
    Flight,
    Lease,
    Settlement,
    Verdict,
    Window,
    WindowStore,
)
from app.store.rate_limits.redis import RedisWindowStore
from tests.memory_stores.rate_limits import MemoryWindowStore
from tests.redis_server import running
from tests.services.clocks import Clock

MINUTE = Window("rpm", 60, 3)
DAY = Window("rpd", 86_400, 5)
FLIGHT = Flight("all", 2)

_ids = map(str, count())


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000.25)


@pytest.fixture(params=["memory", "redis", "cluster"])
def store(request: pytest.FixtureRequest, clock: Clock) -> Iterator[WindowStore]:
    if request.param == "memory":
        yield MemoryWindowStore(clock)
        return
    fixture = "redis_url" if request.param == "redis" else "cluster_url"
    with connect(RedisSettings(url=request.getfixturevalue(fixture))) as client:
        yield RedisWindowStore(client, f"{uuid4()}:", clock)


def wish(
    *windows: tuple[Window, int], flights: tuple[Flight, ...] = (), account: str = "acme"
) -> Demand:
    names = tuple(flight.name for flight in flights)
    return Demand(windows, flights, Lease(f"lease{next(_ids)}", account, names, for_s=30))


def settlement(demand: Demand, verdict: Verdict, *changes: tuple[Window, int]) -> Settlement:
    counted = dict(demand.windows)
    told = tuple((window, change, counted[window]) for window, change in changes)
    return Settlement(verdict.at, told, demand.lease)


def let_in(verdict: Verdict) -> bool:
    return verdict.refused_by is None


def test_a_window_lets_in_its_limit(store: WindowStore) -> None:
    verdicts = [store.demand(wish((MINUTE, 1))) for _ in range(5)]
    assert [let_in(verdict) for verdict in verdicts] == [True, True, True, False, False]


def test_a_refusal_names_its_window(store: WindowStore) -> None:
    for _ in range(3):
        store.demand(wish((MINUTE, 1), (DAY, 1)))
    assert store.demand(wish((MINUTE, 1), (DAY, 1))).refused_by == MINUTE


def test_of_two_windows_that_refuse_the_longer_wait_is_named(store: WindowStore) -> None:
    tight = replace(DAY, limit=3)
    for _ in range(3):
        store.demand(wish((MINUTE, 1), (tight, 1)))
    assert store.demand(wish((MINUTE, 1), (tight, 1))).refused_by == tight


def test_a_refused_demand_takes_nothing(store: WindowStore) -> None:
    for _ in range(9):
        store.demand(wish((DAY, 1), (MINUTE, 1), flights=(Flight("all", 99),)))
    assert store.demand(wish((DAY, 1))).levels[0].remaining == 1


def test_a_window_tells_what_remains(store: WindowStore) -> None:
    left = [store.demand(wish((MINUTE, 1))).levels[0].remaining for _ in range(4)]
    assert left == [2, 1, 0, 0]


def test_amounts_count(store: WindowStore) -> None:
    store.demand(wish((MINUTE, 2)))
    assert not let_in(store.demand(wish((MINUTE, 2))))


def test_a_window_is_whole_again_a_window_after_its_last_use(
    store: WindowStore, clock: Clock
) -> None:
    store.demand(wish((MINUTE, 1)))
    clock.now += 10
    assert store.demand(wish((MINUTE, 1))).levels[0].reset_s == pytest.approx(60.75)


def test_a_refused_caller_hears_when_the_window_is_whole_again(
    store: WindowStore, clock: Clock
) -> None:
    store.demand(wish((MINUTE, 3)))
    clock.now += 10
    assert store.demand(wish((MINUTE, 1))).levels[0].reset_s == pytest.approx(50.75)


def test_who_waits_as_told_is_let_in(store: WindowStore, clock: Clock) -> None:
    store.demand(wish((MINUTE, 1)))
    clock.now += 7
    store.demand(wish((MINUTE, 2)))
    clock.now += 7
    clock.now += store.demand(wish((MINUTE, 2))).retry_after_s
    assert let_in(store.demand(wish((MINUTE, 2))))


def test_nobody_is_told_to_wait_longer_than_needed(store: WindowStore, clock: Clock) -> None:
    store.demand(wish((MINUTE, 1)))
    clock.now += 7
    store.demand(wish((MINUTE, 2)))
    clock.now += store.demand(wish((MINUTE, 1))).retry_after_s - 0.01
    assert not let_in(store.demand(wish((MINUTE, 1))))


def test_what_can_never_pass_is_told_to_wait_a_whole_window(store: WindowStore) -> None:
    assert store.demand(wish((MINUTE, 4))).retry_after_s == 60


def test_nothing_leaves_a_window_early(store: WindowStore, clock: Clock) -> None:
    store.demand(wish((MINUTE, 3)))
    clock.now += 60
    assert not let_in(store.demand(wish((MINUTE, 1))))


def test_everything_leaves_a_window_in_the_end(store: WindowStore, clock: Clock) -> None:
    store.demand(wish((MINUTE, 3)))
    clock.now += 61
    assert store.demand(wish((MINUTE, 1))).levels[0].remaining == 2


def test_a_window_that_was_left_alone_is_whole(store: WindowStore, clock: Clock) -> None:
    store.demand(wish((MINUTE, 3)))
    clock.now += 1_000
    assert store.demand(wish((MINUTE, 1))).levels[0].remaining == 2


def test_a_day_lasts_a_day(store: WindowStore, clock: Clock) -> None:
    store.demand(wish((DAY, 5)))
    clock.now += 86_400
    assert not let_in(store.demand(wish((DAY, 1))))


def test_accounts_do_not_share_windows(store: WindowStore) -> None:
    store.demand(wish((MINUTE, 3)))
    assert let_in(store.demand(wish((MINUTE, 3), account="other")))


def test_names_tell_windows_apart(store: WindowStore) -> None:
    store.demand(wish((MINUTE, 3)))
    assert let_in(store.demand(wish((replace(MINUTE, name="other"), 3))))


def test_a_clock_that_steps_back_lets_nobody_in_twice(store: WindowStore, clock: Clock) -> None:
    store.demand(wish((MINUTE, 3)))
    clock.now -= 30
    assert not let_in(store.demand(wish((MINUTE, 1))))


def test_what_was_not_used_comes_back(store: WindowStore) -> None:
    demand = wish((MINUTE, 3))
    store.settle(settlement(demand, store.demand(demand), (MINUTE, -2)))
    assert store.demand(wish((MINUTE, 1))).levels[0].remaining == 1


def test_what_was_used_beyond_is_counted(store: WindowStore) -> None:
    demand = wish((MINUTE, 1))
    store.settle(settlement(demand, store.demand(demand), (MINUTE, 2)))
    assert not let_in(store.demand(wish((MINUTE, 1))))


def test_a_correction_leaves_with_what_it_corrects(store: WindowStore, clock: Clock) -> None:
    demand = wish((MINUTE, 1))
    verdict = store.demand(demand)
    clock.now += 50
    store.settle(settlement(demand, verdict, (MINUTE, 2)))
    clock.now += 11
    assert store.demand(wish((MINUTE, 1))).levels[0].remaining == 2


def test_what_was_used_long_after_is_counted_when_it_is_known(
    store: WindowStore, clock: Clock
) -> None:
    demand = wish((MINUTE, 1))
    verdict = store.demand(demand)
    clock.now += 300
    store.settle(settlement(demand, verdict, (MINUTE, 3)))
    assert not let_in(store.demand(wish((MINUTE, 1))))


def test_what_was_used_long_after_leaves_the_window_too(store: WindowStore, clock: Clock) -> None:
    demand = wish((MINUTE, 1))
    verdict = store.demand(demand)
    clock.now += 300
    store.settle(settlement(demand, verdict, (MINUTE, 3)))
    clock.now += 30
    store.demand(wish((MINUTE, 1)))
    clock.now += 31
    assert let_in(store.demand(wish((MINUTE, 3))))


def test_a_correction_of_an_older_request_does_not_hasten_the_reset(
    store: WindowStore, clock: Clock
) -> None:
    older = wish((MINUTE, 1))
    verdict = store.demand(older)
    clock.now += 10
    store.demand(wish((MINUTE, 1)))
    store.settle(settlement(older, verdict, (MINUTE, 1)))
    assert store.demand(wish((MINUTE, 1))).levels[0].reset_s == pytest.approx(60.75)


def test_what_has_left_the_window_does_not_come_back_twice(
    store: WindowStore, clock: Clock
) -> None:
    demand = wish((MINUTE, 3))
    verdict = store.demand(demand)
    clock.now += 300
    store.demand(wish((MINUTE, 1)))
    store.settle(settlement(demand, verdict, (MINUTE, -3)))
    assert store.demand(wish((MINUTE, 1))).levels[0].remaining == 1


def test_no_more_comes_back_than_was_counted(store: WindowStore) -> None:
    demand = wish((MINUTE, 1))
    store.settle(settlement(demand, store.demand(demand), (MINUTE, -5)))
    assert store.demand(wish((MINUTE, 1))).levels[0].remaining == 2


def test_so_many_are_in_flight_and_no_more(store: WindowStore) -> None:
    verdicts = [store.demand(wish(flights=(FLIGHT,))) for _ in range(3)]
    assert [verdict.refused_by for verdict in verdicts] == [None, None, FLIGHT]


def test_who_finds_no_place_in_flight_may_ask_again_in_a_second(store: WindowStore) -> None:
    for _ in range(2):
        store.demand(wish(flights=(FLIGHT,)))
    assert store.demand(wish(flights=(FLIGHT,))).retry_after_s == 1


def test_a_landing_frees_its_place(store: WindowStore) -> None:
    first = wish(flights=(FLIGHT,))
    verdict = store.demand(first)
    store.demand(wish(flights=(FLIGHT,)))
    store.settle(settlement(first, verdict))
    assert let_in(store.demand(wish(flights=(FLIGHT,))))


def test_a_second_landing_frees_nobody_else_s_place(store: WindowStore) -> None:
    first = wish(flights=(FLIGHT,))
    verdict = store.demand(first)
    for _ in range(2):
        store.settle(settlement(first, verdict))
    verdicts = [store.demand(wish(flights=(FLIGHT,))) for _ in range(3)]
    assert [let_in(each) for each in verdicts] == [True, True, False]


def test_a_place_whose_request_was_lost_becomes_free(store: WindowStore, clock: Clock) -> None:
    for _ in range(2):
        store.demand(wish(flights=(FLIGHT,)))
    clock.now += 30
    assert let_in(store.demand(wish(flights=(FLIGHT,))))


def test_a_renewed_place_stays_taken(store: WindowStore, clock: Clock) -> None:
    demands = [wish(flights=(FLIGHT,)) for _ in range(2)]
    for demand in demands:
        store.demand(demand)
    clock.now += 29
    store.renew([demand.lease for demand in demands])
    clock.now += 29
    assert not let_in(store.demand(wish(flights=(FLIGHT,))))


def test_a_place_that_was_given_up_cannot_be_renewed(store: WindowStore) -> None:
    demand = wish(flights=(FLIGHT,))
    store.settle(settlement(demand, store.demand(demand)))
    store.renew([demand.lease])
    verdicts = [store.demand(wish(flights=(FLIGHT,))) for _ in range(2)]
    assert all(map(let_in, verdicts))


def test_a_place_that_was_lost_cannot_be_renewed(store: WindowStore, clock: Clock) -> None:
    demand = wish(flights=(FLIGHT,))
    store.demand(demand)
    clock.now += 30
    store.renew([demand.lease])
    verdicts = [store.demand(wish(flights=(FLIGHT,))) for _ in range(2)]
    assert all(map(let_in, verdicts))


def test_renewing_nothing_is_nothing(store: WindowStore) -> None:
    store.renew([])


def test_a_refusal_by_a_flight_takes_nothing_from_windows(store: WindowStore) -> None:
    for _ in range(4):
        store.demand(wish((DAY, 1), flights=(FLIGHT,)))
    assert store.demand(wish((DAY, 1))).levels[0].remaining == 2


def test_a_refusal_by_a_window_takes_no_place_in_flight(store: WindowStore) -> None:
    for _ in range(9):
        store.demand(wish((MINUTE, 3), flights=(FLIGHT,)))
    assert let_in(store.demand(wish(flights=(FLIGHT,))))


def test_sixty_four_at_once_get_no_more_than_the_limit(store: WindowStore) -> None:
    window, flight = Window("rpm", 60, 100), Flight("all", 100)
    with ThreadPoolExecutor(64) as callers:
        verdicts = callers.map(
            lambda _: store.demand(wish((window, 1), flights=(flight,))), range(256)
        )
        assert sum(map(let_in, verdicts)) == 100


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 4)), max_size=25))
def test_never_more_than_the_limit_in_any_minute(
    store: WindowStore, clock: Clock, wishes: list[tuple[int, int]]
) -> None:
    window = Window(f"rpm{next(_ids)}", 60, 5)
    passed: list[tuple[float, int]] = []
    for pause_ms, amount in wishes:
        clock.now += pause_ms / 1000
        if let_in(store.demand(wish((window, amount)))):
            passed.append((clock.now, amount))
        assert sum(amount for at, amount in passed if at > clock.now - 60) <= 5


def test_redis_keeps_its_own_time(redis_url: str) -> None:
    with connect(RedisSettings(url=redis_url)) as client:
        seconds, micros = client.time()
        verdict = RedisWindowStore(client, f"{uuid4()}:").demand(wish((MINUTE, 1)))
        assert verdict.at == pytest.approx(seconds + micros / 1e6, abs=5)


def test_what_is_over_does_not_stay_in_redis(redis_url: str) -> None:
    prefix = f"{uuid4()}:"
    with connect(RedisSettings(url=redis_url)) as client:
        RedisWindowStore(client, prefix).demand(wish((MINUTE, 1), flights=(FLIGHT,)))
        names = list(client.scan_iter(f"{prefix}*"))
        assert len(names) == 2
        assert all(0 < client.ttl(name) <= 62 for name in names)


def test_a_dead_redis_is_a_store_that_is_away() -> None:
    with running() as url:
        client = connect(RedisSettings(url=url))
    with client, pytest.raises(StorageUnavailable):
        RedisWindowStore(client, "rg:").demand(wish((MINUTE, 1)))
