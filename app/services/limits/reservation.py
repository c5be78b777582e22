"""A request that was admitted: what was counted for it, and how that is corrected at its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Self

from app.domain.accounts.limits import UNLIMITED_STANDING, Standing
from app.domain.response import Usage
from app.errors import StorageRefused, StorageUnavailable
from app.services.limits.leases import LeaseRenewer
from app.store.rate_limits.base import (
    Adjustment,
    BudgetLimit,
    Lease,
    RateLimit,
    RateLimitStore,
)


@dataclass(frozen=True, slots=True)
class Charge:
    """What was counted for a request at `at`: tokens per rate limit, slots, µUSD per budget."""

    at: float
    tokens: tuple[tuple[RateLimit, int], ...]
    lease: Lease
    budgets: tuple[tuple[BudgetLimit, int], ...] = ()

    def adjustment(self, usage: Usage | None, microusd: int | None = None) -> Adjustment:
        """Return the correction of the charge; without usage the estimate stands.

        Usage at an unknown price (`microusd` None) costs nothing of a budget.
        """
        if usage is None:
            return Adjustment(self.at, (), self.lease)
        changes = tuple(
            (limit, max(usage.total_tokens, 0) - charged, charged) for limit, charged in self.tokens
        )
        budgets = tuple(
            (budget, (microusd or 0) - charged, charged)
            for budget, charged in self.budgets
            if charged != (microusd or 0)
        )
        return Adjustment(self.at, changes, self.lease, budgets)

    def text(self) -> str:
        """Return the charge as JSON, for another process to settle.

        The names in it are those that neighbouring releases use:

            {"at": 1.5, "tokens": [[{"name": "tpm", "span_s": 60, "limit": 9}, 4]],
             "lease": {"id": "…", "account": "acme", "flights": ["all"], "for_s": 30},
             "budgets": [[{"name": "budget_day", "period": "day", "limit": 9}, 4]]}

        An earlier release ignores the budgets: then what was reserved stands.
        """
        lease = asdict(self.lease)
        lease["flights"] = lease.pop("slots")
        tokens = [(asdict(limit), charged) for limit, charged in self.tokens]
        fields: dict[str, object] = {"at": self.at, "tokens": tokens, "lease": lease}
        if self.budgets:
            fields["budgets"] = [(asdict(budget), charged) for budget, charged in self.budgets]
        return json.dumps(fields)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the charge that `text` encodes."""
        fields = json.loads(text)
        lease = fields["lease"]
        return cls(
            at=fields["at"],
            tokens=tuple((RateLimit(**limit), charged) for limit, charged in fields["tokens"]),
            lease=Lease(lease["id"], lease["account"], tuple(lease["flights"]), lease["for_s"]),
            budgets=tuple(
                (BudgetLimit(**of), charged) for of, charged in fields.get("budgets", ())
            ),
        )


class Reservation:
    """Ends exactly once, however often `settle`, `release` or the end of its block would end it.

    `standing` is the caller's standing at admission. `on_outage` is called if the store cannot be
    reached at its end: its slots then expire.
    """

    def __init__(
        self,
        store: RateLimitStore,
        renewer: LeaseRenewer,
        on_outage: Callable[[], None],
        *,
        standing: Standing = UNLIMITED_STANDING,
        charge: Charge | None = None,
    ) -> None:
        self.standing = standing
        self._store = store
        self._renewer = renewer
        self._on_outage = on_outage
        self._charge = charge
        if charge is not None and charge.lease.slots:
            renewer.add(charge.lease)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def settle(self, usage: Usage, microusd: int = 0) -> None:
        """End: the request has used this many tokens, none if it never reached an upstream."""
        self._end(usage, microusd)

    def release(self) -> None:
        """End: the request's usage is unknown, so its estimate stands."""
        self._end(None)

    def take_adjustment(
        self, usage: Usage | None, microusd: int | None = None
    ) -> Adjustment | None:
        """End, and return what the caller has to write to the store; None if there is nothing."""
        charge, self._charge = self._charge, None
        if charge is None:
            return None
        self._renewer.remove(charge.lease)
        adjustment = charge.adjustment(usage, microusd)
        is_needed = adjustment.changes or adjustment.budgets or charge.lease.slots
        return adjustment if is_needed else None

    def hand_over(self, within_s: float) -> str | None:
        """End here; `RateLimiter.resume` can continue elsewhere within this many seconds."""
        charge, self._charge = self._charge, None
        if charge is None:
            return None
        self._renewer.remove(charge.lease)
        if charge.lease.slots:
            try:
                self._store.renew([replace(charge.lease, for_s=within_s)])
            except StorageUnavailable:
                self._on_outage()
        return charge.text()

    def _end(self, usage: Usage | None, microusd: int | None = None) -> None:
        adjustment = self.take_adjustment(usage, microusd)
        if adjustment is None:
            return
        try:
            self._store.adjust(adjustment)
        except StorageRefused:
            return  # it is logged; what was counted leaves its time window by itself
        except StorageUnavailable:
            self._on_outage()
