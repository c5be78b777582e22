"""Counts what requests cost: each several times, and the median of each figure is what it takes."""

from __future__ import annotations

from functools import cache
from statistics import median_low

from tests.budget.caller import Caller
from tests.budget.ledger import Figures
from tests.budget.scenarios import Ask, scenarios
from tests.budget.traffic import Traffic
from tests.budget.work import Calls, Instructions
from tests.upstream.client import Upstream

#: Until connections are made, caches are filled, and what is compiled at its first use is.
WARM_UPS = 3
TIMES = 7
_ASKS = 3  # of each time


def count_all(caller: Caller, upstream: Upstream) -> dict[str, Figures]:
    """Return the figures of everything that has a budget."""

    @cache
    def counted(ask: Ask) -> Figures:
        return _counted(ask, upstream)

    figures: dict[str, Figures] = {}
    for name, scenario in scenarios(caller, upstream).items():
        if isinstance(scenario, tuple):
            fewer, more = counted(scenario.fewer), counted(scenario.more)
            figures[name] = _per_event(scenario.events, fewer, more)
        else:
            figures[name] = counted(scenario)
    return figures


def _counted(ask: Ask, upstream: Upstream) -> Figures:
    for _ in range(WARM_UPS):
        ask(None)
    connections, sent_before = _upstream_saw(upstream)
    counts = [_count_once(ask) for _ in range(TIMES)]
    connections_after, sent_after = _upstream_saw(upstream)
    return {
        # Of all times together: a connection now and then is one too many.
        "upstream_connections": connections_after - connections,
        "upstream_requests": (sent_after - sent_before) / (TIMES * _ASKS),
        **{name: median_low(each[name] for each in counts) for name in counts[0]},
    }


def _count_once(ask: Ask) -> dict[str, int]:
    traffic, calls, instructions = Traffic(), Calls(), Instructions()
    figures = ask(traffic)
    ask(calls)
    ask(instructions)
    return {
        "redis_connections": traffic.redis.connections,
        "redis_round_trips": traffic.redis.round_trips,
        "redis_commands": traffic.redis.commands(),
        "redis_bytes": len(traffic.redis.sent),
        "upstream_bytes": len(traffic.upstream.sent),
        "client_pieces": len(figures.pieces),
        "client_bytes": figures.bytes,
        "app_calls": calls.counts["app"],
        "library_calls": calls.counts["library"],
        "app_instructions": instructions.counts["app"],
        "library_instructions": instructions.counts["library"],
    }


def _upstream_saw(upstream: Upstream) -> tuple[int, int]:
    """Return how many connections and requests of models have come."""
    figures = upstream.figures()
    served = figures["served"]
    return figures["accepted"], served.get("ended", 0) + served.get("aborted", 0)


def _per_event(events: int, fewer: Figures, more: Figures) -> Figures:
    # Zero is added because minus zero is there, too.
    return {name: round((more[name] - fewer[name]) / events, 1) + 0.0 for name in fewer}
