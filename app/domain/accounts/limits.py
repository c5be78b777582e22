"""How much a caller may still use."""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import RateLimited
from app.settings import CostBudget


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit, what is left of it, and in how many seconds all of it is there again."""

    limit: int
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class BudgetQuota:
    """A budget, what is spent or reserved of it, in µUSD; reset in so many seconds, None: never."""

    budget: CostBudget
    spent: int
    reset_s: float | None

    @property
    def remaining(self) -> int:
        """What is left, in µUSD."""
        return max(0, self.budget.microusd - self.spent)

    @property
    def percent(self) -> int:
        """How much of it is spent or reserved, in whole percents."""
        limit = self.budget.microusd
        return self.spent * 100 // limit if limit else 100


#: From how many percent on callers are warned.
WARN_PERCENT = 80


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: the tightest limit of each kind, None where there is none.

    `budget` is the budget of which the least is left, `warning` how much of one is spent, in
    percent, where that is WARN_PERCENT or more.
    """

    requests: Quota | None = None
    tokens: Quota | None = None
    budget: BudgetQuota | None = None
    warning: int | None = None


UNLIMITED_STANDING = Standing()


class LimitReached(RateLimited):
    """One of our own limits refuses the request; `standing` tells where the caller stands."""

    def __init__(self, message: str, *, retry_after_s: int | None, standing: Standing) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.standing = standing


class BudgetSpent(LimitReached):
    """A budget has no room for the request; another try soon would have none either."""

    code = "insufficient_quota"
    should_retry = False
