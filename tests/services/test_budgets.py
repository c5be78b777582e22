"""Budgets: who is let in, what a refusal says, and what an answer takes in the end."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from app.domain.accounts.accounts import NO_ALLOWANCE, Allowance, Caller
from app.domain.accounts.limits import BudgetSpent
from app.domain.estimates import Estimate
from app.domain.response import Usage
from app.services.limits.limiter import RateLimiter
from app.services.limits.reservation import Charge, Reservation
from app.settings import CostBudget, LimitSettings, read_budgets
from app.store.rate_limits.base import BudgetLimit, Lease
from app.telemetry import BUDGET_REFUSALS, configure_logging
from tests.memory_stores.rate_limits import MemoryRateLimitStore
from tests.services.clocks import Clock

NOON = datetime(2030, 1, 30, 12, tzinfo=UTC).timestamp()
USAGE = Usage(1, 1)


class Till:
    """Limits over a store in memory."""

    def __init__(self) -> None:
        self.clock, ids = Clock(NOON), count()
        store = MemoryRateLimitStore(self.clock)
        self.limits = RateLimiter(store, LimitSettings(), lambda: f"l{next(ids)}", lambda: None)

    def reserve(self, caller: Caller, microusd: int, input_microusd: int = 0) -> Reservation:
        return self.limits.reserve(caller, lambda: Estimate(1, 1, microusd, input_microusd))

    def refusal(self, caller: Caller, microusd: int, input_microusd: int = 0) -> BudgetSpent:
        with pytest.raises(BudgetSpent) as caught:
            self.reserve(caller, microusd, input_microusd)
        return caught.value

    def spent(self, caller: Caller) -> int:
        quota = self.reserve(caller, 0).standing.budget
        return 0 if quota is None else quota.spent


@pytest.fixture
def till() -> Till:
    return Till()


def caller(account: str = "", key: str = "", **limits: Any) -> Caller:
    def allowance(text: str) -> Allowance:
        return Allowance(budgets=read_budgets(text)) if text else NO_ALLOWANCE

    of_account = replace(allowance(account), **limits)
    return Caller(
        account="acme", key_id="key_1", account_limits=of_account, key_limits=allowance(key)
    )


def test_a_request_is_let_in_while_there_is_room(till: Till) -> None:
    one = caller("0.0001/day")
    till.reserve(one, 60)
    till.refusal(one, 50)
    till.reserve(one, 40)
    till.refusal(one, 1)


def test_without_a_budget_nothing_is_reserved(till: Till) -> None:
    assert till.reserve(caller("unlimited"), 10**12).standing.budget is None


def test_a_refusal_says_which_budget_and_when_it_begins_anew(till: Till) -> None:
    one = caller("50/month")
    till.reserve(one, 50_000_000)
    refusal = till.refusal(one, 1)
    assert "this account may spend 50.000000 USD a month" in refusal.message
    assert "begins anew at 2030-02-01T00:00:00Z" in refusal.message
    assert (refusal.status, refusal.type, refusal.code) == (
        429,
        "rate_limit_error",
        "insufficient_quota",
    )
    assert (refusal.should_retry, refusal.retry_after_s) == (False, None)


def test_a_refusal_until_the_next_day_says_how_long_that_is(till: Till) -> None:
    one = caller(key="1/day,50/month")
    till.reserve(one, 1_000_000)
    refusal = till.refusal(one, 1)
    assert "this key may spend 1.000000 USD a day" in refusal.message
    assert refusal.retry_after_s == 12 * 3600


def test_a_total_that_is_spent_does_not_begin_anew(till: Till) -> None:
    one = caller("1/total")
    till.reserve(one, 1_000_000)
    assert "does not begin anew" in till.refusal(one, 1).message


def test_a_refusal_is_counted(till: Till) -> None:
    def refusals() -> float:
        return next(iter(BUDGET_REFUSALS.collect())).samples[0].value

    before = refusals()
    till.refusal(caller("0/day"), 1)
    assert refusals() == before + 1


def test_what_has_no_price_is_let_in_by_a_budget_that_is_spent(till: Till) -> None:
    one = caller("0/total")
    till.refusal(one, 1)
    till.reserve(one, 0)


def test_an_answer_takes_what_it_cost(till: Till) -> None:
    one = caller("1/day")
    till.reserve(one, 500).settle(USAGE, 120)
    assert till.spent(one) == 120


def test_an_answer_that_cost_more_than_was_reserved_takes_that(till: Till) -> None:
    one = caller("1/day")
    till.reserve(one, 500).settle(USAGE, 700)
    assert till.spent(one) == 700


def test_an_answer_at_a_price_that_nobody_knows_takes_nothing(till: Till) -> None:
    one = caller("1/day")
    adjustment = till.reserve(one, 500).take_adjustment(USAGE, None)
    assert adjustment is not None
    assert [(change, counted) for _, change, counted in adjustment.budgets] == [(-500, 500)]


def test_of_an_answer_that_nobody_counted_the_estimate_stands(till: Till) -> None:
    one = caller("1/day")
    till.reserve(one, 500).release()
    assert till.spent(one) == 500


def test_an_estimate_beyond_the_budget_has_room_in_a_whole_one(till: Till) -> None:
    one = caller("0.0001/day")
    till.reserve(one, 10**9).settle(USAGE, 60)
    till.refusal(one, 10**9)
    assert till.spent(one) == 60


def test_an_input_beyond_the_budget_has_no_room_at_all(till: Till) -> None:
    refusal = till.refusal(caller("0.0001/day"), 10**9, input_microusd=101)
    assert "0.000101 USD" in refusal.message
    assert refusal.retry_after_s is None


def test_the_tightest_budget_is_the_one_of_which_the_least_is_left(till: Till) -> None:
    one = caller("1/day,50/month", key="0.9/total")
    standing = till.reserve(one, 720_000).standing
    assert standing.budget is not None
    assert (standing.budget.remaining, standing.budget.budget.period) == (180_000, "total")
    assert standing.warning == 80


def test_below_the_bound_nobody_is_warned(till: Till) -> None:
    assert till.reserve(caller("1/day"), 799_999).standing.warning is None


def test_a_warning_is_logged_once_a_period(till: Till, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "json")
    one = caller("1/day", key="50/month")
    for _ in range(4):
        till.reserve(one, 240_000)
    (line,) = [json.loads(each) for each in capsys.readouterr().err.splitlines()]
    assert (line["event"], line["level"]) == ("budget_warning", "warning")
    assert (line["account"], line["budget"], line["percent"]) == ("acme", "1/day", 96)


def test_a_warning_names_the_key_whose_budget_it_is(
    till: Till, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("INFO", "json")
    one = replace(caller("unlimited", key="1/day"), key_id="key_5f0c1e9a7b3d2468ace0")
    till.reserve(one, 900_000)
    assert json.loads(capsys.readouterr().err)["key_id"] == one.key_id


def test_a_reservation_is_handed_over_with_its_budgets(till: Till) -> None:
    one = caller("1/day")
    text = till.reserve(one, 500).hand_over(30)
    till.limits.resume(text).settle(USAGE, 20)
    assert till.spent(one) == 20


def test_a_charge_with_budgets_is_text() -> None:
    budgets = ((BudgetLimit("day", "day", 9), 4),)
    charge = Charge(1.5, (), Lease("a", "acme", (), 30), budgets)
    assert Charge.from_text(charge.text()) == charge


# As they are written


@pytest.mark.parametrize(
    ("text", "budgets", "again"),
    [
        ("50/month", (CostBudget(50_000_000, "month"),), "50/month"),
        (
            "5.25/day, 0.000001/total",
            (CostBudget(5_250_000, "day"), CostBudget(1, "total")),
            "5.25/day,0.000001/total",
        ),
        ("0/day", (CostBudget(0, "day"),), "0/day"),
        ("1000/month", (CostBudget(10**9, "month"),), "1000/month"),
        ("unlimited", (), "unlimited"),
    ],
)
def test_budgets_are_read_as_they_are_written(
    text: str, budgets: tuple[CostBudget, ...], again: str
) -> None:
    assert read_budgets(text) == budgets
    assert (",".join(map(str, budgets)) or "unlimited") == again


@pytest.mark.parametrize(
    "text",
    [
        *("", "50", "-1/month", "50/year", "50/", "/day", "1.0000001/day", "1e3/day", "inf/day"),
        *("5 0/day", "50/day,", "50/day/day", "1,5/day", "10000000000/day", "$5/day"),
    ],
)
def test_what_is_no_budget_is_refused_with_what_it_must_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        read_budgets(text)


def test_a_period_has_one_amount() -> None:
    with pytest.raises(ValueError, match=r"it names one twice"):
        read_budgets("5/day,6/day")
