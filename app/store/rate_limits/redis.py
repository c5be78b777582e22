"""Rate limits, concurrency limits and budgets in Redis: one Lua program checks all of a request's.

So a request that one limit refuses takes nothing from the others, and costs one round trip whatever
the number of limits. Time is Redis's own, the same for every process and host. The keys are
described in lua/counting.lua.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.script import Call, run_all
from app.store.rate_limits.base import (
    SLOTS,
    AcquireRequest,
    Adjustment,
    BudgetLimit,
    ConcurrencyLimit,
    Decision,
    Lease,
    RateLimit,
    Remaining,
    Spent,
)
from app.store.rate_limits.scripts import ACQUIRE, ADJUST, RENEW, WITHDRAW


class RedisRateLimitStore:
    """A RateLimitStore on any Redis >= 6.2, Cluster included.

    `prefix` begins every key; `clock` (Unix seconds) replaces Redis's own in tests.
    """

    def __init__(
        self, client: Client, prefix: str, clock: Callable[[], float] | None = None
    ) -> None:
        self._redis: Any = client
        self._prefix = prefix
        self._clock = clock

    def acquire(self, request: AcquireRequest) -> Decision:
        lease, amounts = request.lease, request.amounts
        budgets = request.budgets
        keys = [self._rate_key(lease.account, limit) for limit, _ in amounts]
        keys += [self._budget_key(lease.account, limit) for limit, _ in budgets]
        keys += [self._concurrency_key(lease.account, limit.name) for limit in request.concurrency]
        if budgets:
            keys.append(self._lease_key("acquired", lease))
        arguments: list[str | int] = [self._now(), lease.id, _ms(lease.for_s)]
        arguments += (len(amounts), len(budgets))
        for limit, amount in amounts:
            arguments += (_slot_width_ms(limit), limit.limit, amount)
        for budget, microusd in budgets:
            arguments += (budget.period, budget.limit, microusd)
        arguments += (limit.limit for limit in request.concurrency)
        with translated():
            refused, wait, now, *rest = ACQUIRE(keys, arguments).run(self._redis)
        remaining, spent = rest[: 2 * len(amounts)], rest[2 * len(amounts) :]
        limits: list[RateLimit | BudgetLimit | ConcurrencyLimit] = [
            *(limit for limit, _ in amounts),
            *(budget for budget, _ in budgets),
            *request.concurrency,
        ]
        return Decision(
            at=now / 1000,
            remaining=tuple(
                Remaining(amount, reset / 1000)
                for amount, reset in zip(remaining[::2], remaining[1::2], strict=True)
            ),
            refused_by=None if refused < 0 else limits[refused],
            retry_after_s=math.inf if wait < 0 else wait / 1000,
            spent=tuple(
                Spent(microusd, None if ends < 0 else ends / 1000, bool(warns))
                for microusd, ends, warns in zip(spent[::3], spent[1::3], spent[2::3], strict=True)
            ),
        )

    def adjust(self, adjustment: Adjustment) -> None:
        with translated():
            self.adjusting(adjustment).run(self._redis)

    def adjusting(self, adjustment: Adjustment) -> Call:
        """Return the adjustment as a call, to be run together with others."""
        if adjustment.is_withdrawal:
            return self._withdrawing(adjustment)
        lease, changes, budgets = adjustment.lease, adjustment.changes, adjustment.budgets
        keys = [self._rate_key(lease.account, limit) for limit, _, _ in changes]
        keys += [self._budget_key(lease.account, limit) for limit, _, _ in budgets]
        keys += [self._concurrency_key(lease.account, name) for name in lease.slots]
        if changes or budgets:
            keys.append(self._lease_key("adjusted", lease))
        arguments: list[str | int] = [self._now(), lease.id, _ms(adjustment.at)]
        arguments += (len(changes), len(budgets))
        for limit, change, counted in changes:
            arguments += (_slot_width_ms(limit), change, counted)
        for budget, change, counted in budgets:
            arguments += (budget.period, change, counted)
        return ADJUST(keys, arguments)

    def _withdrawing(self, adjustment: Adjustment) -> Call:
        lease = adjustment.lease
        keys = [self._budget_key(lease.account, limit) for limit, _, _ in adjustment.budgets]
        keys += [self._concurrency_key(lease.account, name) for name in lease.slots]
        keys.append(self._lease_key("acquired", lease))
        arguments: list[str | int] = [self._now(), lease.id, len(adjustment.budgets)]
        for budget, _, counted in adjustment.budgets:
            arguments += (budget.period, counted)
        return WITHDRAW(keys, arguments)

    def renew(self, leases: Collection[Lease]) -> None:
        by_limit: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        for lease in leases:
            for name in lease.slots:
                key = self._concurrency_key(lease.account, name)
                by_limit[key, _ms(lease.for_s)].append(lease.id)
        calls = [
            RENEW((key,), (self._now(), for_ms, *ids)) for (key, for_ms), ids in by_limit.items()
        ]
        if calls:
            with translated():
                run_all(self._redis, calls)

    def _now(self) -> str | int:
        return "" if self._clock is None else _ms(self._clock())

    def _rate_key(self, account: str, limit: RateLimit) -> str:
        return f"{self._prefix}{{account:{account}}}:window:{limit.name}"

    def _budget_key(self, account: str, budget: BudgetLimit) -> str:
        return f"{self._prefix}{{account:{account}}}:budget:{budget.name}"

    def _lease_key(self, what: str, lease: Lease) -> str:
        return f"{self._prefix}{{account:{lease.account}}}:{what}:{lease.id}"

    def _concurrency_key(self, account: str, name: str) -> str:
        return f"{self._prefix}{{account:{account}}}:flight:{name}"


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _slot_width_ms(limit: RateLimit) -> int:
    return limit.span_s * 1000 // SLOTS
