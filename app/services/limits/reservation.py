"""A request that was let in: what was counted for it, and how that is put right at its end."""

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
from app.store.rate_limits.base import Lease, Settlement, Window, WindowStore


@dataclass(frozen=True, slots=True)
class Booking:
    """What was counted at `at` for a request: tokens, by window, and places in flight."""

    at: float
    tokens: tuple[tuple[Window, int], ...]
    lease: Lease

    def settled(self, usage: Usage | None) -> Settlement:
        """Return what puts the booking right; without usage the estimate stays as it was."""
        changes = (
            ()
            if usage is None
            else tuple(
                (window, max(usage.total_tokens, 0) - booked, booked)
                for window, booked in self.tokens
            )
        )
        return Settlement(self.at, changes, self.lease)

    def ticket(self) -> str:
        """Return the booking as text, for another process to settle."""
        return json.dumps(asdict(self))

    @classmethod
    def of_ticket(cls, ticket: str) -> Self:
        """Return the booking that `ticket` told."""
        told = json.loads(ticket)
        lease = told["lease"]
        return cls(
            at=told["at"],
            tokens=tuple((Window(**window), booked) for window, booked in told["tokens"]),
            lease=Lease(**{**lease, "flights": tuple(lease["flights"])}),
        )


class Reservation:
    """Ends once, whatever is called how often: by `settle`, by `release` or with its block.

    `standing` is where the caller stood when the request was let in. `on_away` hears of an
    ending that the store could not be told: its places in flight end by themselves.
    """

    def __init__(
        self,
        store: WindowStore,
        renewer: LeaseRenewer,
        on_away: Callable[[], None],
        *,
        standing: Standing = UNLIMITED_STANDING,
        booking: Booking | None = None,
    ) -> None:
        self.standing = standing
        self._store = store
        self._renewer = renewer
        self._on_away = on_away
        self._booking = booking
        if booking is not None and booking.lease.flights:
            renewer.add(booking.lease)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def settle(self, usage: Usage) -> None:
        """End: the request has taken so many tokens, none if it never reached an upstream."""
        self._end(usage)

    def release(self) -> None:
        """End: what the request has taken is not known, so its estimate stands."""
        self._end(None)

    def take_settlement(self, usage: Usage | None) -> Settlement | None:
        """End, and return what the caller has to tell the store; None if that is nothing."""
        booking, self._booking = self._booking, None
        if booking is None:
            return None
        self._renewer.remove(booking.lease)
        settlement = booking.settled(usage)
        return settlement if settlement.changes or booking.lease.flights else None

    def hand_over(self, within_s: float) -> str | None:
        """End here, for `Limits.resume` to go on elsewhere within so many seconds."""
        booking, self._booking = self._booking, None
        if booking is None:
            return None
        self._renewer.remove(booking.lease)
        if booking.lease.flights:
            try:
                self._store.renew([replace(booking.lease, for_s=within_s)])
            except StorageUnavailable:
                self._on_away()
        return booking.ticket()

    def _end(self, usage: Usage | None) -> None:
        settlement = self.take_settlement(usage)
        if settlement is None:
            return
        try:
            self._store.settle(settlement)
        except StorageRefused:
            return  # it is logged; what was counted leaves its window by itself
        except StorageUnavailable:
            self._on_away()
