"""What an answer costs its caller: limits before it, the usage book after it, on every path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from time import time
from typing import Protocol

from app.domain.accounts.accounts import Caller
from app.domain.accounts.attribution import Attribution, attribution
from app.domain.accounts.limits import Standing
from app.domain.accounts.request_log import RequestEntry
from app.domain.estimates import Estimate, estimate
from app.domain.prices import FREE, UNKNOWN_COST, Cost, dearest
from app.domain.request import Parameters
from app.domain.response import NO_USAGE, Response, Usage
from app.errors import GatewayError
from app.services.answering.prepared.request import PreparedRequest
from app.services.limits.limiter import RateLimiter
from app.services.limits.reservation import Reservation
from app.services.limits.usage import UsageBook
from app.services.upstreams.model_labels import OTHER as OTHER_LABEL
from app.services.upstreams.router import EndedCall, UpstreamAnswer, served_tier, total_usage
from app.store.usage.base import OTHER_MODELS
from app.telemetry import cost_counted


class Observer(Protocol):
    """Is notified when a request is admitted, and when its answer ends."""

    def admitted(self, standing: Standing) -> None:
        """Record that the limits have admitted it, and its caller's standing."""
        ...

    def lost(self, usage: Usage, cost: Cost) -> None:
        """Record the usage and the cost of output that its failure discarded."""
        ...

    def ended(self, response: Response, failure: GatewayError | None, cost: Cost) -> None:
        """Record how its answer ended, and what it cost."""
        ...


#: Counted tokens and their cost; None if unknown.
Counted = tuple[Usage | None, Cost | None]
#: Maximum number of models in a process that are known by name only because they have answered.
MAX_ANSWERED = 1_000


@dataclass(slots=True)
class Meter:
    """The limits and the usage book.

    `now` returns Unix seconds. `metadata_keys` are the keys of metadata by which usage is broken
    down. `label_of` returns a model's name in metrics, "other" if its id is not known; whoever has
    the models sets it.
    """

    limiter: RateLimiter
    book: UsageBook
    now: Callable[[], float] = time
    metadata_keys: tuple[str, ...] = ()
    label_of: Callable[[str], str] = str
    _answered: set[str] = field(default_factory=set)

    def reserve(self, prepared: PreparedRequest) -> Reservation:
        """Reserve what a request may use.

        Raises:
            LimitReached: a limit of its key or account is reached.
            StorageUnavailable: limits cannot be checked, and must be.
        """
        return self.limiter.reserve(prepared.caller, lambda: self._estimate(prepared))

    def _estimate(self, prepared: PreparedRequest) -> Estimate:
        """Return what a request may use, at the price of the most expensive target."""
        parameters, targets = prepared.parameters, prepared.targets
        guess = estimate(parameters, prepared.thread.visible, targets[0].max_output_tokens)
        tariffs, now = [each.tariff for each in targets], self.now()
        tier, given = parameters.service_tier or "default", guess.input_tokens
        return replace(
            guess,
            microusd=dearest(tariffs, now, given, guess.output_tokens, tier),
            input_microusd=dearest(tariffs, now, given, 0, tier),
        )

    def charge_unanswered(
        self,
        prepared: PreparedRequest,
        reservation: Reservation,
        lost: tuple[Usage, Cost] | None = None,
    ) -> None:
        """Charge a request without an answer to its account, and the output that it lost.

        If an upstream did not count its output, the estimate stays.
        """
        request, (usage, cost) = prepared.request, lost or (NO_USAGE, FREE)
        self.book.record(
            prepared.caller,
            self._name(request.model, is_answered=lost is not None),
            usage,
            failed=True,
            reservation=reservation,
            microusd=cost.microusd,
            is_counted=cost.is_counted,
            attribution=self._attribution(prepared.caller, request.parameters),
        )
        if lost is not None:
            cost_counted(cost.provider, cost.model, cost.microusd)

    def _attribution(self, caller: Caller, parameters: Parameters) -> Attribution:
        is_encrypted = caller.content_key is not None
        return attribution(parameters, self.metadata_keys, is_encrypted=is_encrypted)

    def _name(self, model: str, *, is_answered: bool) -> str:
        """Return a model's name in the book; a name that a caller may have made up is not used.

        Known are the models that gateway.toml or a server's list names, and those that answered.
        """
        if is_answered:
            if len(self._answered) < MAX_ANSWERED:
                self._answered.add(model)
            return model
        is_known = model in self._answered or self.label_of(model) != OTHER_LABEL
        return model if is_known else OTHER_MODELS

    def cost(self, opened: UpstreamAnswer, usage: Usage | None, tier: str) -> Cost:
        """Return the cost of an answer with this usage, whose last call was served in this tier."""
        if not opened.attempts:
            return FREE  # it was given up before any upstream was called
        calls = opened.before
        if not opened.has_failed:
            usage, tier = usage or NO_USAGE, served_tier(opened.ignored, tier)
            rest = usage.minus(total_usage(calls)) if calls else usage
            calls = (*calls, EndedCall(opened.target, rest, tier))
        return self._sum(calls)

    def lost(self, calls: Sequence[EndedCall]) -> tuple[Usage, Cost] | None:
        """Return the usage and the cost of output that failures have discarded; None for none."""
        return (total_usage(calls), self._sum(calls)) if calls else None

    def _sum(self, calls: Sequence[EndedCall]) -> Cost:
        """Return the cost of calls, each priced by itself: prices may rise with a call's input.

        It is unknown if one of them is not counted, or has no price.
        """
        target, now = calls[-1].target, self.now()
        name, label = target.provider.name, target.label
        microusd: int | None = 0
        for each, usage, tier in calls:
            if usage.is_zero:
                return Cost(None, name, label, is_counted=False)
            if each.tariff is None:
                microusd = None
            elif microusd is not None:
                microusd += each.tariff.at(now).cost(usage, tier)
        return Cost(microusd, name, label)

    def charge_answer(
        self,
        caller: Caller,
        response: Response,
        failure: GatewayError | None,
        reservation: Reservation,
        parameters: Parameters,
        cost: Cost = UNKNOWN_COST,
        *,
        entry: RequestEntry | None = None,
        charged: Counted | None = None,
    ) -> None:
        """Charge an answer to its account; if nothing was counted it may have used anything.

        A cost that is known all the same says that no upstream was called. `parameters` are its
        request's. `entry` is logged. `charged` is what another process, which ends it as well,
        charges for it: only the excess over that is charged here, and no further request.
        """
        used = response.usage or NO_USAGE
        is_answered = bool(response.output) or not used.is_zero
        failed = failure is not None and response.status != "cancelled"
        before = None if charged is None else (charged[0], _microusd(charged[1]))
        self.book.record(
            caller,
            self._name(response.model, is_answered=is_answered),
            None if used.is_zero and cost.microusd is None else used,
            failed=failed,
            reservation=reservation,
            microusd=cost.microusd,
            is_counted=cost.is_counted,
            entry=entry,
            attribution=self._attribution(caller, parameters),
            charged=before,
        )
        if before is None:
            cost_counted(cost.provider, cost.model, cost.microusd)
        elif cost.microusd is not None:
            above = max(0, cost.microusd - (before[1] or 0))
            cost_counted(cost.provider, cost.model, above)


def _microusd(cost: Cost | None) -> int | None:
    return None if cost is None else cost.microusd
