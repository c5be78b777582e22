"""Budgets of a key and of its account: reserved before a call, settled after it (M2, N2).

What is reserved is the most that the estimated tokens may cost. So settled costs exceed a budget by
no more than the running answers have exceeded their estimates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from app.domain.accounts.accounts import Caller
from app.domain.accounts.limits import (
    UNLIMITED_STANDING,
    WARN_PERCENT,
    BudgetQuota,
    BudgetSpent,
    Standing,
)
from app.domain.estimates import Estimate
from app.domain.prices import usd
from app.settings import CostBudget
from app.store.rate_limits.base import BudgetLimit, Decision
from app.telemetry import BUDGET_REFUSALS, log

#: Longest wait for a budget, in seconds, that is sent as Retry-After: a day.
LONGEST_WAIT_S = 86_400

Reserved = tuple[tuple[BudgetLimit, int], ...]


def reserved_of(budgets: Sequence[BudgetLimit], guess: Estimate) -> Reserved:
    """Return what is reserved of each budget.

    The output is estimated at the longest that the request allows. That is a high guess, so it
    never keeps a request out for good; an input that exceeds the whole budget does.

    Raises:
        BudgetSpent: the input alone costs more than the whole budget.
    """
    for budget in budgets:
        if guess.input_microusd > budget.limit:
            BUDGET_REFUSALS.inc()
            raise BudgetSpent(
                f"The input costs about {usd(guess.input_microusd)} USD; {_described(budget)}. "
                "Send less, or choose a model that costs less.",
                retry_after_s=None,
                standing=UNLIMITED_STANDING,
            )
    # max(1, ...): a request that costs something must not fit a budget of 0.
    return tuple((budget, min(guess.microusd, max(1, budget.limit))) for budget in budgets)


def with_budgets(standing: Standing, reserved: Reserved, decision: Decision) -> Standing:
    """Return the caller's standing, budgets included."""
    quotas = _quotas(reserved, decision)
    tightest = min(quotas, key=lambda quota: quota.remaining)
    percent = max(quota.percent for quota in quotas)
    return replace(standing, budget=tightest, warning=percent if percent >= WARN_PERCENT else None)


def budget_spent(budget: BudgetLimit, decision: Decision, standing: Standing) -> BudgetSpent:
    """Return the error for a request that exceeds a budget."""
    BUDGET_REFUSALS.inc()
    wait_s = decision.retry_after_s
    ends = "It does not begin anew"
    if math.isfinite(wait_s):
        reset = datetime.fromtimestamp(math.ceil(decision.at + wait_s), UTC)
        ends = f"It begins anew at {reset:%Y-%m-%dT%H:%M:%SZ}"
    return BudgetSpent(
        f"A budget is spent: {_described(budget)}. {ends}; the gateway's operator can raise it.",
        retry_after_s=max(1, math.ceil(wait_s)) if wait_s <= LONGEST_WAIT_S else None,
        standing=standing,
    )


def warn(caller: Caller, reserved: Reserved, decision: Decision) -> None:
    """Log, once per period, that a budget is nearly spent."""
    for (budget, _), spent, quota in zip(
        reserved, decision.spent, _quotas(reserved, decision), strict=True
    ):
        if spent.warns:
            of_key = ":" in budget.name
            log.warning(
                "budget_warning",
                account=caller.account,
                key_id=caller.key_id if of_key else None,
                budget=str(quota.budget),
                percent=quota.percent,
            )


def _quotas(reserved: Reserved, decision: Decision) -> list[BudgetQuota]:
    return [
        BudgetQuota(CostBudget(budget.limit, budget.period), spent.microusd, spent.reset_s)
        for (budget, _), spent in zip(reserved, decision.spent, strict=True)
    ]


def _described(budget: BudgetLimit) -> str:
    whose = "key" if ":" in budget.name else "account"
    amount = usd(budget.limit)
    period = "in all" if budget.period == "total" else f"a {budget.period}"
    return f"this {whose} may spend {amount} USD {period}"
