"""The protocol of a store that counts requests and tokens over time, and concurrent requests.

A rate limit covers a window of time that ends now. The window is cut into SLOTS slots; all of them
count, and the current one as well. So never more than the limit gets through in any `span_s`
seconds, and what was counted leaves the window after at most a sixtieth of `span_s` more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from app.settings import BudgetPeriod

SLOTS = 60
#: Seconds after which to retry if a concurrency limit is full: nobody knows when a request ends.
CONCURRENCY_RETRY_S = 1.0
#: For how many seconds a request, or its adjustment, may be repeated without being counted twice.
REPEATED_S = 600


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `limit` in any `span_s` seconds; `name` is unique within the account."""

    name: str
    span_s: int
    limit: int


@dataclass(frozen=True, slots=True)
class ConcurrencyLimit:
    """At most `limit` requests at the same time; `name` is unique within the account."""

    name: str
    limit: int


@dataclass(frozen=True, slots=True)
class BudgetLimit:
    """At most `limit` µUSD in each calendar period; `name` is unique within the account."""

    name: str
    period: BudgetPeriod
    limit: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A request's slots, one in each of the concurrency limits with these names.

    It expires `for_s` seconds after it was last renewed.
    """

    id: str
    account: str
    slots: tuple[str, ...]
    for_s: float


@dataclass(frozen=True, slots=True)
class AcquireRequest:
    """What a request wants, all of it or nothing.

    That is amounts of rate limits, slots of concurrency limits, and µUSD of budgets; at least one
    of these. A request that costs nothing fits into any budget. `lease` is for the slots, and names
    the account.
    """

    amounts: tuple[tuple[RateLimit, int], ...]
    concurrency: tuple[ConcurrencyLimit, ...]
    lease: Lease
    budgets: tuple[tuple[BudgetLimit, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Spent:
    """What is spent or reserved of a budget, in µUSD, and the seconds until its period ends.

    None: never. `warns` is true once in a period, for the request that reaches WARN_PERCENT.
    """

    microusd: int
    reset_s: float | None
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Remaining:
    """How much of a rate limit is left, and the seconds until all of it is available again."""

    amount: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of an AcquireRequest, made at `at` (the store's clock, Unix seconds).

    `refused_by` is the limit that refuses the request for longest, None if it was let in;
    `retry_after_s` is for how long, infinity for ever. `remaining` is of the rate limits, in order,
    `spent` of the budgets.
    """

    at: float
    remaining: tuple[Remaining, ...]
    refused_by: RateLimit | ConcurrencyLimit | BudgetLimit | None = None
    retry_after_s: float = 0.0
    spent: tuple[Spent, ...] = ()


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A correction once a request is over.

    It changes the amounts that were counted for the request at `at`, and ends its lease. A change
    is a rate limit, the amount to add, and the amount that was counted for the request: no more
    than that is ever given back, whatever usage an upstream reports. `budgets` has the same for
    budgets; such a change has no effect once the budget's period has ended.

    With `is_withdrawal` it is unknown whether the request was let in. If it was, its budgets get
    back what was counted; if it arrives later, nothing is counted. Both for REPEATED_S.
    """

    at: float
    changes: tuple[tuple[RateLimit, int, int], ...]
    lease: Lease
    budgets: tuple[tuple[BudgetLimit, int, int], ...] = ()
    is_withdrawal: bool = False


def withdrawal(request: AcquireRequest) -> Adjustment:
    """Return what takes back a request with budgets whose reply was lost."""
    budgets = tuple((budget, -microusd, microusd) for budget, microusd in request.budgets)
    return Adjustment(0.0, (), request.lease, budgets, is_withdrawal=True)


class RateLimitStore(Protocol):
    """Counts exactly, whatever the number of processes.

    Every method is one round trip and raises StorageUnavailable when Redis is unreachable.
    """

    def acquire(self, request: AcquireRequest) -> Decision:
        """Count a request, or report which limit refuses it and count nothing."""
        ...

    def adjust(self, adjustment: Adjustment) -> None:
        """Correct what was counted, and free the slots; may be repeated, for REPEATED_S."""
        ...

    def renew(self, leases: Collection[Lease]) -> None:
        """Renew leases; one that has expired stays so."""
        ...
