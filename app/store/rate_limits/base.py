"""What counts requests and tokens over time, and requests at the same time, must be able to do.

A rate limit looks at a window of time that ends now. It is cut into SLOTS slots and counts those
that are over and the one that is running: so never more than its limit gets through in any `span_s`
seconds, and what was counted leaves again within a sixtieth of them more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from app.settings import BudgetPeriod

SLOTS = 60
#: Nobody knows when one of the requests at the same time ends: ask again after so long.
CONCURRENCY_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `limit` in any `span_s` seconds; `name` is its own within the account."""

    name: str
    span_s: int
    limit: int


@dataclass(frozen=True, slots=True)
class ConcurrencyLimit:
    """At most `limit` requests at the same time; `name` is its own within the account."""

    name: str
    limit: int


@dataclass(frozen=True, slots=True)
class BudgetLimit:
    """At most `limit` µUSD in each period of the calendar; `name` is its own within the account."""

    name: str
    period: BudgetPeriod
    limit: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A request's slots: one in each of the concurrency limits of these names.

    It ends `for_s` seconds after it was last renewed.
    """

    id: str
    account: str
    slots: tuple[str, ...]
    for_s: float


@dataclass(frozen=True, slots=True)
class AcquireRequest:
    """What a request wants, all of it or nothing: amounts under rate limits, slots under others,
    and µUSD of budgets. A request that costs nothing has room in any budget.

    `lease` is for the slots; its account is the one that wants them. At least one is wanted.
    """

    amounts: tuple[tuple[RateLimit, int], ...]
    concurrency: tuple[ConcurrencyLimit, ...]
    lease: Lease
    budgets: tuple[tuple[BudgetLimit, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Spent:
    """What is spent or reserved of a budget, in µUSD, and in how many seconds its period ends.

    None: never. `warns` is true once in a period, for the request that brings it to WARN_PERCENT.
    """

    microusd: int
    reset_s: float | None
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Remaining:
    """How much of a rate limit is left, and in how many seconds all of it is there again."""

    amount: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of an AcquireRequest, made at `at` (the store's clock, Unix seconds).

    `refused_by` is the limit that keeps the request out the longest, None when it was let in;
    `retry_after_s` is how long, infinity for ever. `remaining` is of the rate limits, in order,
    `spent` of the budgets.
    """

    at: float
    remaining: tuple[Remaining, ...]
    refused_by: RateLimit | ConcurrencyLimit | BudgetLimit | None = None
    retry_after_s: float = 0.0
    spent: tuple[Spent, ...] = ()


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What is to be put right once a request is over: changes of the amounts that were counted
    for it at `at`, and the end of its lease.

    A change is a rate limit, what to add to it, and what was counted for the request there: no
    more than that is ever given back, whatever an upstream says that it took. So is one of
    `budgets`; it is nothing once the period has ended in which it was counted.
    """

    at: float
    changes: tuple[tuple[RateLimit, int, int], ...]
    lease: Lease
    budgets: tuple[tuple[BudgetLimit, int, int], ...] = ()


class RateLimitStore(Protocol):
    """Counts exactly, whatever the number of processes that ask.

    Every method is one round trip and raises StorageUnavailable when Redis is unreachable.
    """

    def acquire(self, request: AcquireRequest) -> Decision:
        """Count a request, or say what refuses it and count nothing."""
        ...

    def adjust(self, adjustment: Adjustment) -> None:
        """Put right what was counted, and free the slots."""
        ...

    def renew(self, leases: Collection[Lease]) -> None:
        """Make leases last; one that has ended stays ended."""
        ...
