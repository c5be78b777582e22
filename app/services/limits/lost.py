"""The usage of answers that failed after output, and that no caller received.

A streamed answer that fails is charged the usage that the upstream reported; so is a whole one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce

from app.domain.prices import Cost
from app.domain.response import NO_USAGE, Usage
from app.domain.upstream_call import UpstreamCall
from app.services.answering.preparation import Preparation
from app.services.answering.prepared.request import PreparedRequest
from app.services.upstreams.router import UpstreamAnswer


def lost_output(
    call: UpstreamCall,
    prepared: PreparedRequest,
    preparation: Preparation,
    cost_of: Callable[[UpstreamAnswer, Usage, str], Cost],
) -> tuple[Usage, Cost] | None:
    """Return the usage and the cost of the output that a call has lost; None for none.

    `cost_of` prices each target's part; the sum is unknown if one of them is.
    """
    if not call.lost:
        return None
    tier, costs = prepared.response.service_tier, list[Cost]()
    targets = {(each.provider.name, each.upstream_model): each for each in prepared.targets}
    for place, usage in call.lost.items():
        target = targets[place]
        ignored = preparation.ignored(prepared, target)
        answer = UpstreamAnswer(target, place[0], ignored, call.attempts, 0.0, iter(()))
        costs.append(cost_of(answer, usage, tier))
    known = [each.microusd for each in costs if each.microusd is not None]
    cost = replace(costs[-1], microusd=sum(known) if len(known) == len(costs) else None)
    return reduce(Usage.plus, call.lost.values(), NO_USAGE), cost
