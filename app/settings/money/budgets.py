"""Budgets: the maximum cost of answers in a period, `50/month,5/day` (N2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

BudgetPeriod = Literal["day", "month", "total"]
PERIODS: tuple[BudgetPeriod, ...] = ("day", "month", "total")
#: Maximum amount, in US dollars: Lua counts it exactly.
MOST_USD = 10**9

_MICROUSD = 10**6
_AMOUNT = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,6}))?")
UNLIMITED_BUDGET = "unlimited"


@dataclass(frozen=True, slots=True)
class CostBudget:
    """A maximum for each period, in millionths of a US dollar.

    Days and months are calendar ones, in UTC; `total` never ends.
    """

    microusd: int
    period: BudgetPeriod

    def __str__(self) -> str:
        amount = Decimal(self.microusd) / _MICROUSD
        return f"{amount.normalize():f}/{self.period}"


def read_budgets(raw: object) -> tuple[CostBudget, ...]:
    """Read budgets, at most one for each period; `unlimited` means none.

    Raises ValueError, with the expected form.
    """
    if not isinstance(raw, str):
        raise ValueError(_wanted())
    if raw.strip() == UNLIMITED_BUDGET:
        return ()
    budgets = tuple(_budget(each.strip()) for each in raw.split(","))
    if len({each.period for each in budgets}) < len(budgets):
        raise ValueError("must have one amount for a period: it names one twice")
    return budgets


def budget_text(budgets: tuple[CostBudget, ...]) -> str:
    """Format budgets as they are written."""
    return ",".join(map(str, budgets)) or UNLIMITED_BUDGET


def _budget(text: str) -> CostBudget:
    amount, slash, period = text.partition("/")
    digits = _AMOUNT.fullmatch(amount.strip())
    known = next((each for each in PERIODS if each == period.strip()), None)
    if digits is None or not slash or known is None:
        raise ValueError(_wanted())
    microusd = int(digits[1]) * _MICROUSD + int((digits[2] or "").ljust(6, "0"))
    if microusd > MOST_USD * _MICROUSD:
        raise ValueError(f"must be at most {MOST_USD} US dollars")
    return CostBudget(microusd, known)


def _wanted() -> str:
    return (
        "must be AMOUNT/PERIOD such as 50/month or 50/month,5.25/day: US dollars from 0 with up to "
        f"six decimals, PERIOD one of {', '.join(PERIODS)}; or {UNLIMITED_BUDGET!r}"
    )
