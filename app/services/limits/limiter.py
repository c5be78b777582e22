"""How much callers may ask for: requests a minute and a day, tokens a minute, requests in flight.

A request is let in by every limit of its key and of its account, or by none, in one round trip;
without limits there is none. When the store is away the settings decide: `open` lets everybody
in uncounted, `closed` refuses who has limits. `on_away` hears of both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.domain.accounts.accounts import NO_ALLOWANCE, Caller
from app.domain.accounts.limits import UNLIMITED_STANDING, LimitReached, Quota, Standing
from app.domain.estimates import Estimate
from app.errors import StorageRefused, StorageUnavailable
from app.services.limits.leases import LEASE_S, LeaseRenewer
from app.services.limits.reservation import Booking, Reservation
from app.settings import LimitSettings
from app.store.rate_limits.base import Demand, Flight, Lease, Verdict, Window, WindowStore

_MINUTE_S = 60
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class _CallerLimits:
    """Every limit that a caller has. A name is what it counts and, for a key's, whose."""

    requests: tuple[Window, ...]
    tokens: tuple[Window, ...]
    flights: tuple[Flight, ...]


class RateLimiter:
    """Lets requests in. One per process; `mint` makes the ids of leases."""

    def __init__(
        self,
        store: WindowStore,
        settings: LimitSettings,
        mint: Callable[[], str],
        on_away: Callable[[], None],
    ) -> None:
        self._store = store
        self._open = settings.when_store_is_away == "open"
        self._mint = mint
        self._on_away = on_away
        self._renewer = LeaseRenewer(store.renew)
        self._unbooked = self._admission()  # one for all: nothing is put right at its end

    def admit(self, caller: Caller, estimate: Callable[[], Estimate]) -> Reservation:
        """Let a request in. `estimate` is asked for only where tokens are limited.

        Raises:
            LimitReached: a limit is reached; nothing was counted.
            StorageUnavailable: limits cannot be checked, and the settings are strict.
        """
        if caller.account_limits is NO_ALLOWANCE and caller.key_limits is NO_ALLOWANCE:
            return self._unbooked
        limits = _limits_of(caller)
        if not (limits.requests or limits.tokens or limits.flights):
            return self._unbooked
        booked = _booked(limits.tokens, estimate) if limits.tokens else ()
        counted = (*((window, 1) for window in limits.requests), *booked)
        names = tuple(flight.name for flight in limits.flights)
        lease = Lease(self._mint(), caller.account, names, LEASE_S)
        verdict = self._verdict(caller, Demand(counted, limits.flights, lease))
        if verdict is None:
            return self._unbooked
        quotas = [
            Quota(window.limit, level.remaining, level.reset_s)
            for (window, _), level in zip(counted, verdict.levels, strict=True)
        ]
        requests = len(limits.requests)
        standing = _standing(quotas[:requests], quotas[requests:])
        if verdict.refused_by is not None:
            raise _reached(verdict.refused_by, verdict.retry_after_s, standing)
        return self._admission(standing, Booking(verdict.at, booked, lease))

    def resume(self, ticket: str | None) -> Reservation:
        """Go on with an admission that another process handed over."""
        if ticket is None:
            return self._unbooked
        return self._admission(booking=Booking.of_ticket(ticket))

    def _admission(
        self, standing: Standing = UNLIMITED_STANDING, booking: Booking | None = None
    ) -> Reservation:
        return Reservation(
            self._store, self._renewer, self._on_away, standing=standing, booking=booking
        )

    def _verdict(self, caller: Caller, demand: Demand) -> Verdict | None:
        """Return the store's verdict, or None where there is none and none is needed."""
        if not caller.stale:
            with suppress(StorageUnavailable, StorageRefused):
                return self._store.demand(demand)
        self._on_away()
        if self._open:
            return None
        raise StorageUnavailable("Limits cannot be checked now; try again soon.", retry_after_s=1)


def _limits_of(caller: Caller) -> _CallerLimits:
    whose = ((caller.account_limits, ""), (caller.key_limits, f":{caller.key_id}"))
    return _CallerLimits(
        requests=tuple(
            Window(kind + of, span_s, limit)
            for allowance, of in whose
            for kind, span_s, limit in (
                ("requests_per_minute", _MINUTE_S, allowance.requests_per_minute),
                ("requests_per_day", _DAY_S, allowance.requests_per_day),
            )
            if limit is not None
        ),
        tokens=tuple(
            Window("tokens_per_minute" + of, _MINUTE_S, allowance.tokens_per_minute)
            for allowance, of in whose
            if allowance.tokens_per_minute is not None
        ),
        flights=tuple(
            Flight("requests_in_flight" + of, allowance.max_in_flight)
            for allowance, of in whose
            if allowance.max_in_flight is not None
        ),
    )


def _booked(
    windows: tuple[Window, ...], estimate: Callable[[], Estimate]
) -> tuple[tuple[Window, int], ...]:
    """Return what is counted for a request in windows of tokens.

    An answer as long as is asked for is a guess on the high side, so that never keeps a request
    out for good; an input that no minute has room for does.

    Raises:
        LimitReached: the input alone is more than a limit.
    """
    guess = estimate()
    narrowest = min(windows, key=lambda window: window.limit)
    if guess.input_tokens > narrowest.limit:
        raise LimitReached(
            f"The input is about {guess.input_tokens} tokens; {_told(narrowest)}. Send less.",
            retry_after_s=narrowest.span_s,
            standing=UNLIMITED_STANDING,
        )
    wanted = guess.input_tokens + guess.output_tokens
    return tuple((window, min(wanted, window.limit)) for window in windows)


def _standing(requests: Sequence[Quota], tokens: Sequence[Quota]) -> Standing:
    return Standing(
        requests=min(requests, key=_room, default=None), tokens=min(tokens, key=_room, default=None)
    )


def _room(quota: Quota) -> tuple[int, float]:
    """Order quotas from the tightest: the least left, for the longest time."""
    return quota.remaining, -quota.reset_s


def _reached(by: Window | Flight, retry_after_s: float, standing: Standing) -> LimitReached:
    wait_s = max(1, math.ceil(retry_after_s))
    return LimitReached(
        f"A limit is reached: {_told(by)}. Try again in {wait_s} s.",
        retry_after_s=wait_s,
        standing=standing,
    )


def _told(limit: Window | Flight) -> str:
    kind, _, key_id = limit.name.partition(":")
    return f"this {'key' if key_id else 'account'} may have {limit.limit} {kind.replace('_', ' ')}"
