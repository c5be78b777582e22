"""What every RateLimitStore promises of budgets, whatever it is made of."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.rate_limits.base import (
    AcquireRequest,
    Adjustment,
    BudgetLimit,
    ConcurrencyLimit,
    Decision,
    Lease,
    RateLimit,
    RateLimitStore,
    Spent,
    withdrawal,
)
from app.store.rate_limits.redis import RedisRateLimitStore
from tests.memory_stores.rate_limits import MemoryRateLimitStore
from tests.services.clocks import Clock

DAY, MONTH = BudgetLimit("day", "day", 100), BudgetLimit("month:key_1", "month", 1000)
TOTAL = BudgetLimit("total", "total", 5000)
NOON = datetime(2030, 1, 30, 12, tzinfo=UTC).timestamp()
HALF_DAY_S = 12 * 3600.0

_ids = map(str, count())


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture(params=["memory", "redis", "cluster"])
def store(request: pytest.FixtureRequest, clock: Clock) -> Iterator[RateLimitStore]:
    if request.param == "memory":
        yield MemoryRateLimitStore(clock)
        return
    fixture = "redis_url" if request.param == "redis" else "cluster_url"
    with connect(RedisSettings(url=request.getfixturevalue(fixture))) as client:
        yield RedisRateLimitStore(client, f"{uuid4()}:", clock)


def acquiring(
    *budgets: tuple[BudgetLimit, int],
    amounts: tuple[tuple[RateLimit, int], ...] = (),
    concurrency: tuple[ConcurrencyLimit, ...] = (),
    account: str = "acme",
) -> AcquireRequest:
    lease = Lease(f"lease{next(_ids)}", account, tuple(each.name for each in concurrency), 30)
    return AcquireRequest(amounts, concurrency, lease, budgets)


def settle(
    store: RateLimitStore, decision: Decision, budget: BudgetLimit, reserved: int, microusd: int
) -> None:
    lease = Lease(f"lease{next(_ids)}", "acme", (), 30)
    change = (budget, microusd - reserved, reserved)
    store.adjust(Adjustment(decision.at, (), lease, (change,)))


def spent(store: RateLimitStore, budget: BudgetLimit) -> int:
    return store.acquire(acquiring((budget, 0))).spent[0].microusd


def test_a_budget_is_spent_to_its_end_and_no_further(store: RateLimitStore) -> None:
    decisions = [store.acquire(acquiring((DAY, amount))) for amount in (60, 50, 40, 1)]
    assert [each.refused_by for each in decisions] == [None, DAY, None, DAY]
    assert [each.spent[0].microusd for each in decisions] == [60, 60, 100, 100]


def test_what_costs_nothing_has_room_in_a_budget_that_is_spent(store: RateLimitStore) -> None:
    store.acquire(acquiring((DAY, 100)))
    assert store.acquire(acquiring((DAY, 0))).refused_by is None


def test_a_refusal_tells_when_the_budget_begins_anew(store: RateLimitStore) -> None:
    for budget, wait_s in (
        (replace(DAY, limit=0), HALF_DAY_S),
        (replace(MONTH, limit=0), HALF_DAY_S + 86_400),
        (replace(TOTAL, limit=0), math.inf),
    ):
        decision = store.acquire(acquiring((budget, 1)))
        assert (decision.refused_by, decision.retry_after_s) == (budget, wait_s)


def test_the_budget_that_refuses_the_longest_is_named(store: RateLimitStore) -> None:
    empty = [replace(budget, limit=0) for budget in (TOTAL, MONTH, DAY)]
    window = RateLimit("rpm", 60, 0)
    decision = store.acquire(acquiring(*((budget, 1) for budget in empty), amounts=((window, 1),)))
    assert decision.refused_by == empty[0]


def test_redis_keeps_a_budget_until_a_day_after_its_period(redis_url: str, clock: Clock) -> None:
    prefix = f"{uuid4()}:"
    with connect(RedisSettings(url=redis_url)) as client:
        RedisRateLimitStore(client, prefix, clock).acquire(
            acquiring((DAY, 1), (MONTH, 1), (TOTAL, 1))
        )
        left_s = {
            budget: client.ttl(f"{prefix}{{account:acme}}:budget:{budget.name}")
            for budget in (DAY, MONTH, TOTAL)
        }
    assert left_s[TOTAL] == -1
    now = time.time()
    assert now + left_s[DAY] == pytest.approx(NOON + HALF_DAY_S + 86_400, abs=5)
    assert now + left_s[MONTH] == pytest.approx(NOON + HALF_DAY_S + 2 * 86_400, abs=5)


def test_a_refused_request_takes_nothing_of_anything(store: RateLimitStore) -> None:
    window, slot = RateLimit("rpm", 60, 9), ConcurrencyLimit("all", 9)
    full = replace(MONTH, limit=0)
    for _ in range(3):
        wanted = acquiring((DAY, 1), (full, 1), amounts=((window, 1),), concurrency=(slot,))
        assert store.acquire(wanted).refused_by == full
    let_in = store.acquire(acquiring((DAY, 1), amounts=((window, 1),), concurrency=(slot,)))
    assert (let_in.spent[0].microusd, let_in.remaining[0].amount) == (1, 8)


def test_budgets_stand_beside_windows_and_slots(store: RateLimitStore) -> None:
    window, slot = RateLimit("rpm", 60, 5), ConcurrencyLimit("all", 1)
    wanted = acquiring((DAY, 7), (MONTH, 7), amounts=((window, 2),), concurrency=(slot,))
    decision = store.acquire(wanted)
    assert (decision.refused_by, decision.remaining[0].amount) == (None, 3)
    assert [each.microusd for each in decision.spent] == [7, 7]
    assert store.acquire(acquiring((DAY, 7), concurrency=(slot,))).refused_by == slot
    changes = ((DAY, -3, 7), (MONTH, 2, 7))
    store.adjust(Adjustment(decision.at, ((window, -1, 2),), wanted.lease, changes))
    after = store.acquire(
        acquiring((DAY, 0), (MONTH, 0), amounts=((window, 0),), concurrency=(slot,))
    )
    assert after.refused_by is None
    assert (after.remaining[0].amount, [each.microusd for each in after.spent]) == (4, [4, 9])


@pytest.mark.parametrize(("budget", "days"), [(DAY, 1), (MONTH, 2)])
def test_a_budget_begins_anew_with_its_period(
    store: RateLimitStore, clock: Clock, budget: BudgetLimit, days: int
) -> None:
    store.acquire(acquiring((budget, 70)))
    clock.now = NOON + days * 86_400 - HALF_DAY_S - 0.001
    assert spent(store, budget) == 70
    clock.now += 0.001
    assert spent(store, budget) == 0


def test_a_total_never_does(store: RateLimitStore, clock: Clock) -> None:
    store.acquire(acquiring((TOTAL, 70)))
    clock.now += 40 * 366 * 86_400
    assert store.acquire(acquiring((TOTAL, 1))).spent == (Spent(71, None),)


def test_a_settlement_gives_back_what_was_not_spent(store: RateLimitStore) -> None:
    decision = store.acquire(acquiring((DAY, 60)))
    settle(store, decision, DAY, 60, 25)
    assert spent(store, DAY) == 25


def test_a_settlement_takes_what_was_spent_beyond_the_reservation(store: RateLimitStore) -> None:
    decision = store.acquire(acquiring((DAY, 60)))
    settle(store, decision, DAY, 60, 130)
    assert spent(store, DAY) == 130
    assert store.acquire(acquiring((DAY, 1))).refused_by == DAY


def test_a_settlement_gives_back_no_more_than_was_reserved(store: RateLimitStore) -> None:
    store.acquire(acquiring((DAY, 30)))
    decision = store.acquire(acquiring((DAY, 20)))
    settle(store, decision, DAY, 20, -1_000)
    assert spent(store, DAY) == 30


def test_a_settlement_of_a_period_that_is_over_changes_nothing(
    store: RateLimitStore, clock: Clock
) -> None:
    decision = store.acquire(acquiring((DAY, 60)))
    clock.now += 86_400
    store.acquire(acquiring((DAY, 30)))
    settle(store, decision, DAY, 60, 5)
    settle(store, decision, DAY, 60, 90)
    assert spent(store, DAY) == 30


def test_no_more_comes_back_than_was_spent(store: RateLimitStore) -> None:
    decision = store.acquire(acquiring((DAY, 10)))
    settle(store, decision, DAY, 60, 0)  # as where Redis lost what was reserved
    assert spent(store, DAY) == 0


def test_a_caller_is_warned_once_in_a_period(store: RateLimitStore, clock: Clock) -> None:
    def warns(amount: int) -> bool:
        return store.acquire(acquiring((DAY, amount))).spent[0].warns

    assert [warns(amount) for amount in (79, 1, 1, 5)] == [False, True, False, False]
    clock.now += 86_400
    assert [warns(amount) for amount in (50, 40, 1)] == [False, True, False]


def test_a_refusal_does_not_warn(store: RateLimitStore) -> None:
    assert not store.acquire(acquiring((DAY, 101))).spent[0].warns
    assert store.acquire(acquiring((DAY, 90))).spent[0].warns


def test_accounts_and_keys_have_budgets_of_their_own(store: RateLimitStore) -> None:
    store.acquire(acquiring((DAY, 100)))
    assert store.acquire(acquiring((DAY, 100), account="other")).refused_by is None
    assert store.acquire(acquiring((replace(DAY, name="day:key_1"), 100))).refused_by is None


def test_racing_requests_never_pass_a_budget(store: RateLimitStore) -> None:
    with ThreadPoolExecutor(16) as pool:
        decisions = list(pool.map(store.acquire, [acquiring((DAY, 7)) for _ in range(64)]))
    assert sum(each.refused_by is None for each in decisions) == 100 // 7
    assert spent(store, DAY) == 98


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(at=st.datetimes(datetime(1970, 3, 1), datetime(2399, 12, 31)))
def test_months_are_those_of_the_calendar(
    store: RateLimitStore, clock: Clock, at: datetime
) -> None:
    clock.now = at.replace(tzinfo=UTC, microsecond=0).timestamp()
    budget = BudgetLimit(f"month:{next(_ids)}", "month", 100)
    left_s = store.acquire(acquiring((budget, 1))).spent[0].reset_s
    first = datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)
    assert left_s == first.timestamp() - clock.now


def test_a_settlement_that_comes_again_counts_once(store: RateLimitStore) -> None:
    window, busy = RateLimit("tokens", 60, 1000), ConcurrencyLimit("in_flight", 2)
    first, other = (
        acquiring((TOTAL, 40), amounts=((window, 400),), concurrency=(busy,)) for _ in range(2)
    )
    for each in (first, other):
        decision = store.acquire(each)
    settled = Adjustment(decision.at, ((window, -399, 400),), first.lease, ((TOTAL, -39, 40),))
    for _ in range(3):
        store.adjust(settled)
    found = store.acquire(acquiring((TOTAL, 0), amounts=((window, 0),), concurrency=(busy,)))
    assert found.spent[0].microusd == 41
    assert found.remaining[0].amount == 1000 - 401


def test_a_request_that_comes_again_counts_once(store: RateLimitStore) -> None:
    window, busy = RateLimit("tokens", 60, 500), ConcurrencyLimit("in_flight", 1)
    wanted = acquiring((DAY, 60), (TOTAL, 60), amounts=((window, 400),), concurrency=(busy,))
    decisions = [store.acquire(wanted) for _ in range(3)]
    assert [each.refused_by for each in decisions] == [None] * 3
    assert [each.remaining[0].amount for each in decisions] == [100] * 3
    assert [[each.microusd for each in some.spent] for some in decisions] == [[60, 60]] * 3
    assert store.acquire(acquiring((DAY, 41))).refused_by == DAY
    assert store.acquire(acquiring((TOTAL, 1), concurrency=(busy,))).refused_by == busy


def test_a_request_that_was_refused_may_come_again(store: RateLimitStore) -> None:
    first, wanted = acquiring((DAY, 60)), acquiring((DAY, 60))
    decision = store.acquire(first)
    assert store.acquire(wanted).refused_by == DAY
    store.adjust(Adjustment(decision.at, (), first.lease, ((DAY, -60, 60),)))
    assert store.acquire(wanted).refused_by is None
    assert spent(store, DAY) == 60


def test_a_request_that_is_withdrawn_gives_back_what_it_reserved(store: RateLimitStore) -> None:
    flights = ConcurrencyLimit("flights", 1)
    request = acquiring((DAY, 60), (TOTAL, 60), concurrency=(flights,))
    store.acquire(acquiring((DAY, 30), (TOTAL, 30)))
    store.acquire(request)
    for _ in range(2):  # the second time as its reply was lost, too
        store.adjust(withdrawal(request))
    decision = store.acquire(acquiring((DAY, 1), (TOTAL, 1), concurrency=(flights,)))
    assert decision.refused_by is None
    assert [each.microusd for each in decision.spent] == [31, 31]


def test_a_request_that_arrives_after_its_withdrawal_counts_for_nothing(
    store: RateLimitStore,
) -> None:
    flights = ConcurrencyLimit("flights", 1)
    request = acquiring((DAY, 60), concurrency=(flights,))
    store.adjust(withdrawal(request))
    store.acquire(request)
    store.adjust(withdrawal(request))
    decision = store.acquire(acquiring((DAY, 1), concurrency=(flights,)))
    assert (decision.refused_by, decision.spent[0].microusd) == (None, 1)


def test_a_withdrawal_after_the_end_of_a_period_changes_nothing_of_the_next(
    store: RateLimitStore, clock: Clock
) -> None:
    request = acquiring((DAY, 60), (TOTAL, 60))
    store.acquire(request)
    clock.now += HALF_DAY_S
    store.acquire(acquiring((DAY, 50), (TOTAL, 50)))
    store.adjust(withdrawal(request))
    decision = store.acquire(acquiring((DAY, 0), (TOTAL, 0)))
    assert [each.microusd for each in decision.spent] == [50, 50]


def test_a_withdrawal_of_what_was_refused_gives_nothing_back(store: RateLimitStore) -> None:
    store.acquire(acquiring((DAY, 60)))
    request = acquiring((DAY, 60))
    assert store.acquire(request).refused_by == DAY
    store.adjust(withdrawal(request))
    assert store.acquire(acquiring((DAY, 0))).spent[0].microusd == 60
