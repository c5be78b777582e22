"""Limits of callers: requests per minute and per day, tokens per minute, requests at once.

A request is admitted by every limit of its key and of its account, or by none, in one round trip;
without limits there is no round trip. When the store is unreachable the settings decide: `open`
admits everybody uncounted, `closed` refuses callers with limits. `on_outage` is called either way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.accounts.accounts import NO_ALLOWANCE, Caller
from app.domain.accounts.limits import (
    UNLIMITED_STANDING,
    LimitReached,
    Quota,
    RequestAboveLimit,
    Standing,
)
from app.domain.estimates import Estimate
from app.errors import StorageRefused, StorageUnavailable
from app.services.limits.budgets import budget_spent, reserved_of, warn, with_budgets
from app.services.limits.leases import LEASE_S, LeaseRenewer
from app.services.limits.reservation import Charge, Reservation
from app.settings import LimitSettings
from app.store.rate_limits.base import (
    AcquireRequest,
    Adjustment,
    BudgetLimit,
    ConcurrencyLimit,
    Decision,
    Lease,
    RateLimit,
    RateLimitStore,
    withdrawal,
)

_MINUTE_S = 60
_DAY_S = 86_400
NO_TOKENS = Estimate(0, 0)


@dataclass(frozen=True, slots=True)
class _CallerLimits:
    """Every limit of a caller. Its name is what it counts plus, if it is the key's, the key."""

    requests: tuple[RateLimit, ...]
    tokens: tuple[RateLimit, ...]
    concurrency: tuple[ConcurrencyLimit, ...]
    budgets: tuple[BudgetLimit, ...]


class RateLimiter:
    """Admits requests. One per process; `new_lease_id` makes the ids of leases.

    `withdraw` takes back, once the store can be reached, a request whose reply was lost.
    """

    def __init__(
        self,
        store: RateLimitStore,
        settings: LimitSettings,
        new_lease_id: Callable[[], str],
        on_outage: Callable[[], None],
        withdraw: Callable[[Adjustment], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._lets_in_uncounted = settings.when_store_is_away == "open"
        self._new_lease_id = new_lease_id
        self._on_outage = on_outage
        self._withdraw = withdraw
        self._renewer = LeaseRenewer(store.renew)
        self._uncharged = self._reservation()  # shared: nothing is adjusted at its end

    def reserve(self, caller: Caller, estimate: Callable[[], Estimate]) -> Reservation:
        """Admit a request. `estimate` is called only if tokens or costs are limited.

        Raises:
            LimitReached: a limit is reached or a budget spent; nothing was counted.
            StorageUnavailable: limits cannot be checked, and the settings require that they are.
        """
        if caller.account_limits is NO_ALLOWANCE and caller.key_limits is NO_ALLOWANCE:
            return self._uncharged
        limits = _limits_of(caller)
        if not (limits.requests or limits.tokens or limits.concurrency or limits.budgets):
            return self._uncharged
        guess = estimate() if limits.tokens or limits.budgets else NO_TOKENS
        charged = _charged(limits.tokens, guess) if limits.tokens else ()
        reserved = reserved_of(limits.budgets, guess)
        counted = (*((limit, 1) for limit in limits.requests), *charged)
        names = tuple(limit.name for limit in limits.concurrency)
        lease = Lease(self._new_lease_id(), caller.account, names, LEASE_S)
        decision = self._decision(
            caller, AcquireRequest(counted, limits.concurrency, lease, reserved)
        )
        if decision is None:
            return self._uncharged
        quotas = [
            Quota(limit.limit, remaining.amount, remaining.reset_s)
            for (limit, _), remaining in zip(counted, decision.remaining, strict=True)
        ]
        requests = len(limits.requests)
        standing = _standing(quotas[:requests], quotas[requests:])
        if reserved:
            standing = with_budgets(standing, reserved, decision)
        by = decision.refused_by
        if isinstance(by, BudgetLimit):
            raise budget_spent(by, decision, standing)
        if by is not None:
            raise _reached(by, decision.retry_after_s, standing)
        if any(spent.warns for spent in decision.spent):
            warn(caller, reserved, decision)
        return self._reservation(standing, Charge(decision.at, charged, lease, reserved))

    def resume(self, text: str | None) -> Reservation:
        """Continue a reservation that another process handed over."""
        if text is None:
            return self._uncharged
        return self._reservation(charge=Charge.from_text(text))

    def _reservation(
        self, standing: Standing = UNLIMITED_STANDING, charge: Charge | None = None
    ) -> Reservation:
        return Reservation(
            self._store, self._renewer, self._on_outage, standing=standing, charge=charge
        )

    def _decision(self, caller: Caller, request: AcquireRequest) -> Decision | None:
        """Return the store's decision; None if there is none and the settings admit everybody."""
        if not caller.stale:
            try:
                return self._store.acquire(request)
            except StorageRefused:
                pass
            except StorageUnavailable:
                if request.budgets:  # their periods are long, the others' leases and windows short
                    self._withdraw(withdrawal(request))
        self._on_outage()
        if self._lets_in_uncounted:
            return None
        raise StorageUnavailable("Limits cannot be checked now; try again soon.", retry_after_s=1)


def _limits_of(caller: Caller) -> _CallerLimits:
    whose = ((caller.account_limits, ""), (caller.key_limits, f":{caller.key_id}"))
    return _CallerLimits(
        requests=tuple(
            RateLimit(kind + of, span_s, limit)
            for allowance, of in whose
            for kind, span_s, limit in (
                ("requests_per_minute", _MINUTE_S, allowance.requests_per_minute),
                ("requests_per_day", _DAY_S, allowance.requests_per_day),
            )
            if limit is not None
        ),
        tokens=tuple(
            RateLimit("tokens_per_minute" + of, _MINUTE_S, allowance.tokens_per_minute)
            for allowance, of in whose
            if allowance.tokens_per_minute is not None
        ),
        concurrency=tuple(
            ConcurrencyLimit("requests_in_flight" + of, allowance.max_in_flight)
            for allowance, of in whose
            if allowance.max_in_flight is not None
        ),
        budgets=tuple(
            BudgetLimit(f"{budget.period}{of}", budget.period, budget.microusd)
            for allowance, of in whose
            for budget in allowance.budgets or ()
        ),
    )


def _charged(limits: tuple[RateLimit, ...], guess: Estimate) -> tuple[tuple[RateLimit, int], ...]:
    """Return what is counted for a request against the token limits.

    The output is estimated at the longest that the request allows. That is a high guess, so it
    never keeps a request out for good; an input that exceeds a whole minute's limit does.

    Raises:
        RequestAboveLimit: the input alone exceeds a limit.
    """
    narrowest = min(limits, key=lambda limit: limit.limit)
    if guess.input_tokens > narrowest.limit:
        raise RequestAboveLimit(
            f"The input is about {guess.input_tokens} tokens; {_described(narrowest)}. Send less.",
            retry_after_s=narrowest.span_s,
            standing=UNLIMITED_STANDING,
        )
    wanted = guess.input_tokens + guess.output_tokens
    return tuple((limit, min(wanted, limit.limit)) for limit in limits)


def _standing(requests: Sequence[Quota], tokens: Sequence[Quota]) -> Standing:
    return Standing(
        requests=min(requests, key=_tightness, default=None),
        tokens=min(tokens, key=_tightness, default=None),
    )


def _tightness(quota: Quota) -> tuple[int, float]:
    """Order quotas from the tightest: the least remaining, then the latest reset."""
    return quota.remaining, -quota.reset_s


def _reached(
    by: RateLimit | ConcurrencyLimit, retry_after_s: float, standing: Standing
) -> LimitReached:
    wait_s = max(1, math.ceil(retry_after_s))
    return LimitReached(
        f"A limit is reached: {_described(by)}. Try again in {wait_s} s.",
        retry_after_s=wait_s,
        standing=standing,
    )


def _described(limit: RateLimit | ConcurrencyLimit) -> str:
    kind, _, key_id = limit.name.partition(":")
    return f"this {'key' if key_id else 'account'} may have {limit.limit} {kind.replace('_', ' ')}"
