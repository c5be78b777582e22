"""How much of their limits callers have left."""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import RateLimited
from app.settings import CostBudget


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit, what is left of it, and the seconds until all of it is available again."""

    limit: int
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class BudgetQuota:
    """A budget, what is spent or reserved of it in µUSD, and the seconds to its end, or None."""

    budget: CostBudget
    spent: int
    reset_s: float | None

    @property
    def remaining(self) -> int:
        """What is left, in µUSD."""
        return max(0, self.budget.microusd - self.spent)

    @property
    def percent(self) -> int:
        """The share that is spent or reserved, in whole percent."""
        limit = self.budget.microusd
        return self.spent * 100 // limit if limit else 100


#: Percentage of a budget from which on callers are warned.
WARN_PERCENT = 80


@dataclass(frozen=True, slots=True)
class Standing:
    """A caller's remaining limits: the tightest of each kind, None if there is none.

    `budget` is the budget of which the least is left, `warning` the percentage of a budget that is
    spent, if that is WARN_PERCENT or more.
    """

    requests: Quota | None = None
    tokens: Quota | None = None
    budget: BudgetQuota | None = None
    warning: int | None = None


UNLIMITED_STANDING = Standing()


class LimitReached(RateLimited):
    """One of our own limits refuses the request; `standing` are the caller's remaining limits."""

    def __init__(self, message: str, *, retry_after_s: int | None, standing: Standing) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.standing = standing


class RequestAboveLimit(LimitReached):
    """A single request counts more than a limit admits at once; no retry would succeed."""

    should_retry = False


class BudgetSpent(LimitReached):
    """A budget does not suffice for the request; an early retry would not succeed either."""

    code = "insufficient_quota"
    should_retry = False
