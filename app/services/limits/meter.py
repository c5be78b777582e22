"""What an answer costs its caller: its limits before, its book of use after, on every path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.domain.accounts.accounts import Caller
from app.domain.accounts.limits import Standing
from app.domain.estimates import estimate
from app.domain.response import Response, Usage
from app.errors import GatewayError
from app.services.answering.preparation import PreparedRequest
from app.services.limits.limiter import RateLimiter
from app.services.limits.reservation import Reservation
from app.services.limits.usage import UsageBook

#: What an answer says that told no counts.
NO_USAGE = Usage()


class Observer(Protocol):
    """Hears what becomes of a request."""

    def admitted(self, standing: Standing) -> None:
        """Hear that the limits let it in, and where its caller stands."""
        ...

    def ended(self, response: Response, failure: GatewayError | None) -> None:
        """Hear how its answer ended."""
        ...


@dataclass(frozen=True, slots=True)
class Meter:
    """The limits and the book of use."""

    limits: RateLimiter
    book: UsageBook

    def admit(self, prepared: PreparedRequest) -> Reservation:
        """Let a request in.

        Raises:
            LimitReached: a limit of its key or account is reached.
            StorageUnavailable: limits cannot be checked, and must be.
        """
        return self.limits.admit(
            prepared.caller,
            lambda: estimate(
                prepared.request.parameters,
                prepared.thread.items,
                prepared.targets[0].max_output_tokens,
            ),
        )

    def refused(self, prepared: PreparedRequest, reservation: Reservation) -> None:
        """Put a request on its account that no upstream has answered."""
        model = prepared.request.model
        self.book.record(prepared.caller, model, NO_USAGE, failed=True, reservation=reservation)

    def ended(
        self,
        caller: Caller,
        response: Response,
        failure: GatewayError | None,
        reservation: Reservation,
        *,
        may_have_called: bool = True,
    ) -> None:
        """Put an answer on its account; nobody knows what a cancelled one took if it told none.

        `may_have_called` is false where no upstream can have been called.
        """
        usage = response.usage if response.usage != NO_USAGE or not may_have_called else None
        failed = failure is not None and response.status != "cancelled"
        self.book.record(caller, response.model, usage, failed=failed, reservation=reservation)
