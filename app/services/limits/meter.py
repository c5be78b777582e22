"""What an answer costs its caller: limits before it, the book of use after it, on every path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Protocol

from app.domain.accounts.accounts import Caller
from app.domain.accounts.limits import Standing
from app.domain.accounts.request_log import RequestEntry
from app.domain.estimates import estimate
from app.domain.prices import FREE, UNKNOWN_COST, Cost
from app.domain.response import NO_USAGE, Response, Usage
from app.errors import GatewayError
from app.services.answering.prepared.request import PreparedRequest
from app.services.limits.limiter import RateLimiter
from app.services.limits.reservation import Reservation
from app.services.limits.usage import UsageBook
from app.services.upstreams.router import UpstreamAnswer
from app.telemetry import cost_counted


class Observer(Protocol):
    """Is called back as a request is let in and ends."""

    def admitted(self, standing: Standing) -> None:
        """Take note that the limits let it in, and where its caller stands."""
        ...

    def ended(self, response: Response, failure: GatewayError | None, cost: Cost) -> None:
        """Take note of how its answer ended, and what it cost."""
        ...


@dataclass(frozen=True, slots=True)
class Meter:
    """The limits and the book of use. `now` returns Unix seconds."""

    limiter: RateLimiter
    book: UsageBook
    now: Callable[[], float] = time

    def reserve(self, prepared: PreparedRequest) -> Reservation:
        """Reserve what a request may take.

        Raises:
            LimitReached: a limit of its key or account is reached.
            StorageUnavailable: limits cannot be checked, and must be.
        """
        return self.limiter.reserve(
            prepared.caller,
            lambda: estimate(
                prepared.parameters,
                prepared.thread.visible,
                prepared.targets[0].max_output_tokens,
            ),
        )

    def charge_unanswered(self, prepared: PreparedRequest, reservation: Reservation) -> None:
        """Charge a request that no upstream has answered to its account."""
        model = prepared.request.model
        self.book.record(
            prepared.caller,
            model,
            NO_USAGE,
            failed=True,
            reservation=reservation,
            microusd=FREE.microusd,
        )

    def cost(self, opened: UpstreamAnswer, usage: Usage | None, tier: str) -> Cost:
        """Return what an answer costs of which so much is counted, served in this tier.

        An upstream that was not sent the tier that was asked for has served the usual one. Each
        call of an answer is priced by itself: prices may rise with a request's input.
        """
        target, before = opened.target, opened.before
        if usage is None or usage == NO_USAGE or target.tariff is None:
            return Cost(None, opened.provider, target.label)
        if "service_tier" in opened.ignored:
            tier = "default"
        microusd = 0
        if before is not None:
            other, taken = before
            if other.tariff is None:
                return Cost(None, opened.provider, target.label)
            microusd, usage = other.tariff.at(self.now()).cost(taken, tier), usage.minus(taken)
        microusd += target.tariff.at(self.now()).cost(usage, tier)
        return Cost(microusd, opened.provider, target.label)

    def charge_answer(
        self,
        caller: Caller,
        response: Response,
        failure: GatewayError | None,
        reservation: Reservation,
        cost: Cost = UNKNOWN_COST,
        *,
        may_have_called: bool = True,
        entry: RequestEntry | None = None,
    ) -> None:
        """Charge an answer to its account; a cancelled one without counts may have taken anything.

        `may_have_called` is false where no upstream can have been called. `entry` is logged.
        """
        usage = response.usage if response.usage != NO_USAGE or not may_have_called else None
        failed = failure is not None and response.status != "cancelled"
        self.book.record(
            caller,
            response.model,
            usage,
            failed=failed,
            reservation=reservation,
            microusd=cost.microusd,
            entry=entry,
        )
        cost_counted(cost.provider, cost.model, cost.microusd)
