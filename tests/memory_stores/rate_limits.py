"""Windows and concurrency_limits in this process's memory."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.domain.accounts.limits import WARN_PERCENT
from app.store.rate_limits.base import (
    CONCURRENCY_RETRY_S,
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

_Key = tuple[str, str]


class MemoryRateLimitStore:
    """A RateLimitStore that forgets everything when the process ends. `clock`: Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._amounts: defaultdict[_Key, dict[int, int]] = defaultdict(dict)
        self._purses: dict[_Key, tuple[str, int]] = {}
        self._warned: dict[_Key, str] = {}
        self._leases: defaultdict[_Key, dict[str, float]] = defaultdict(dict)
        self._acquired: dict[_Key, float | None] = {}  # when; None: withdrawn
        self._adjusted: set[_Key] = set()

    def acquire(self, request: AcquireRequest) -> Decision:
        account, amounts = request.lease.account, request.amounts
        with self._lock:
            now = self._clock()
            waits: list[tuple[float, RateLimit | BudgetLimit | ConcurrencyLimit]] = [
                (self._wait_s(account, limit, amount, now), limit) for limit, amount in amounts
            ]
            waits += [
                (self._budget_wait_s(account, each, microusd, now), each)
                for each, microusd in request.budgets
            ]
            waits += [(self._slot_wait_s(account, each, now), each) for each in request.concurrency]
            retry_after_s, refused_by = max(waits, key=lambda wait: wait[0])
            lease_key = (account, request.lease.id)
            if lease_key in self._acquired:
                retry_after_s = 0.0
            elif not retry_after_s:
                self._count(request, now)
                if request.budgets:
                    self._acquired[lease_key] = now
            remaining = tuple(self._remaining(account, limit, now) for limit, _ in amounts)
            spent = tuple(
                self._spent(account, each, now, counts=not retry_after_s)
                for each, _ in request.budgets
            )
        by = refused_by if retry_after_s else None
        return Decision(now, remaining, by, retry_after_s, spent)

    def adjust(self, adjustment: Adjustment) -> None:
        lease = adjustment.lease
        with self._lock:
            now = self._clock()
            if adjustment.is_withdrawal:
                at = self._acquired.get((lease.account, lease.id))
                self._acquired[lease.account, lease.id] = None
                if at is None:
                    return
                adjustment = replace(adjustment, at=at)
            if (lease.account, lease.id) in self._adjusted:
                return
            if adjustment.changes or adjustment.budgets:
                self._adjusted.add((lease.account, lease.id))
            for limit, wanted, counted in adjustment.changes:
                change = max(wanted, -counted)
                amounts = self._current(lease.account, limit, now)
                slot = _slot(limit, adjustment.at)
                if abs(slot - _slot(limit, now)) > SLOTS:
                    slot, change = _slot(limit, now), max(0, change)
                amounts[slot] = max(0, amounts.get(slot, 0) + change)
            for budget, wanted, counted in adjustment.budgets:
                period, _ = _period(budget, adjustment.at)
                if period == _period(budget, now)[0]:
                    key = (lease.account, budget.name)
                    spent = self._purse(lease.account, budget, now) + max(wanted, -counted)
                    self._purses[key] = (period, max(0, spent))
            for limit_name in lease.slots:
                self._leases[lease.account, limit_name].pop(lease.id, None)

    def renew(self, leases: Collection[Lease]) -> None:
        with self._lock:
            now = self._clock()
            for lease in leases:
                for limit_name in lease.slots:
                    ends = self._leases[lease.account, limit_name]
                    if ends.get(lease.id, now) > now:
                        ends[lease.id] = now + lease.for_s

    def _count(self, request: AcquireRequest, now: float) -> None:
        lease = request.lease
        for limit, amount in request.amounts:
            amounts, slot = self._current(lease.account, limit, now), _slot(limit, now)
            amounts[slot] = amounts.get(slot, 0) + amount
        for budget, microusd in request.budgets:
            spent = self._purse(lease.account, budget, now) + microusd
            self._purses[lease.account, budget.name] = (_period(budget, now)[0], spent)
        for limit_name in lease.slots:
            self._leases[lease.account, limit_name][lease.id] = now + lease.for_s

    def _current(self, account: str, limit: RateLimit, now: float) -> dict[int, int]:
        """Return the amounts of a limit by slot, without what has left its window."""
        amounts = self._amounts[account, limit.name]
        head = _slot(limit, now)
        for slot in [slot for slot in amounts if abs(slot - head) > SLOTS]:
            del amounts[slot]
        return amounts

    def _wait_s(self, account: str, limit: RateLimit, amount: int, now: float) -> float:
        amounts = self._current(account, limit, now)
        excess = sum(amounts.values()) + amount - limit.limit
        if excess <= 0:
            return 0.0
        for slot in sorted(amounts):
            excess -= amounts[slot]
            if excess <= 0:
                return _leaves_at(limit, slot) - now
        return float(limit.span_s)

    def _purse(self, account: str, budget: BudgetLimit, now: float) -> int:
        """Return what is spent of a budget in this period."""
        period, spent = self._purses.get((account, budget.name), ("", 0))
        return spent if period == _period(budget, now)[0] else 0

    def _budget_wait_s(self, account: str, budget: BudgetLimit, microusd: int, now: float) -> float:
        if not microusd or self._purse(account, budget, now) + microusd <= budget.limit:
            return 0.0
        return _period(budget, now)[1] - now

    def _spent(self, account: str, budget: BudgetLimit, now: float, *, counts: bool) -> Spent:
        spent, (period, ends) = self._purse(account, budget, now), _period(budget, now)
        key = (account, budget.name)
        near = budget.limit > 0 and spent * 100 >= budget.limit * WARN_PERCENT
        warns = counts and near and self._warned.get(key) != period
        if warns:
            self._warned[key] = period
        return Spent(spent, None if math.isinf(ends) else ends - now, warns)

    def _slot_wait_s(self, account: str, limit: ConcurrencyLimit, now: float) -> float:
        ends = self._leases[account, limit.name]
        for lease_id in [lease_id for lease_id, end in ends.items() if end <= now]:
            del ends[lease_id]
        return 0.0 if len(ends) < limit.limit else CONCURRENCY_RETRY_S

    def _remaining(self, account: str, limit: RateLimit, now: float) -> Remaining:
        amounts = self._current(account, limit, now)
        counted = [slot for slot, amount in amounts.items() if amount]
        reset_s = _leaves_at(limit, max(counted)) - now if counted else 0.0
        return Remaining(max(0, limit.limit - sum(amounts.values())), reset_s)


def _period(budget: BudgetLimit, at: float) -> tuple[str, float]:
    """Return the name of a budget's period at a time, and when it ends."""
    day = datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match budget.period:
        case "day":
            return f"{day:%Y-%m-%d}", (day + timedelta(days=1)).timestamp()
        case "month":
            later = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            return f"{day:%Y-%m}", later.timestamp()
        case "total":
            return "total", math.inf


def _slot(limit: RateLimit, at: float) -> int:
    return int(at * SLOTS // limit.span_s)


def _leaves_at(limit: RateLimit, slot: int) -> float:
    return (slot + SLOTS + 1) * limit.span_s / SLOTS
