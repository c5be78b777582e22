"""A run's meaning for capacity planning; `bench.readme` writes it into docs/capacity.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

#: Planned load of a core: so bursts wait little, and one of several machines may fail.
SHARE = 0.6
_PERCENT = f"{100 * SHARE:.0f} %"
#: Request rates, per second, of the extrapolation.
RATES = (100, 1000, 5000)
#: The assumed streamed answer: its events, and its duration in seconds.
EVENTS, LASTS_S = 200, 10

_WORK = {
    "whole.small.gateway": "whole request, small, stored",
    "whole.large.gateway": "whole request, 20 items + 5 tools, stored",
    "agents.300.stored": "an agent's step, 300 items + 40 tools, stored",
    "whole.long.gateway": "whole request after 100 turns, stored",
    "streams_1000.event_us": "streamed event, where 1,000 streams have 20 a second each",
    "background.web_us": "background response of a second, in web",
    "background.job_us": "background response of a second, in the worker",
    "background.line_web_us": "background response of one line, in web",
    "background.line_us": "background response of one line, in the worker",
}
_MEMORY = {
    "memory.end_mb": ("a web process, after many requests", "MB"),
    "streams_1000.each_kb": ("a stream that is open", "kB"),
    "footprint.caller_kb": ("a caller who stays connected, and asks nothing", "kB"),
    "footprint.job_kb": ("a background response that runs", "kB"),
}


def measured(medians: Mapping[str, float]) -> str:
    """Return the tables of work per core and of memory, as far as the run has measured them."""
    return "\n".join([*_work(medians), "", *_memory(medians)])


def extrapolated(medians: Mapping[str, float]) -> str:
    """Return the table of web cores that request rates need, computed from one core's figures."""
    small, large, event = (
        medians[name]
        for name in ("whole.small.gateway", "whole.large.gateway", "streams_1000.event_us")
    )
    streamed = small + EVENTS * event
    head = ("requests a second", "small", "20 items + 5 tools", "streamed", "streams open")
    lines = [_row(*head), _row(*["---"] * len(head))]
    for rate in RATES:
        cores = (_cores(rate, us) for us in (small, large, streamed))
        open_mb = rate * LASTS_S * medians["streams_1000.each_kb"] / 1e3
        lines.append(_row(f"{rate:,}", *cores, f"{rate * LASTS_S:,}: {open_mb:,.0f} MB"))
    return "\n".join(lines)


def section(run: Mapping[str, Any], source: str) -> str:
    """Return the page's section about a run; `source` names the run."""
    medians = run["medians"]
    return (
        f"{measured(medians)}\n\n{source}\n\n**Extrapolated**, not measured: cores of web at "
        f"{_PERCENT} of each, from the figures above. Streamed is a small request whose answer is "
        f"{EVENTS} events in {LASTS_S} s.\n\n{extrapolated(medians)}"
    )


def _work(medians: Mapping[str, float]) -> Iterator[str]:
    yield _row("what", "CPU", "one core, all of it", f"one core, {_PERCENT} of it")
    yield _row(*["---"] * 4)
    for key, what in _WORK.items():
        if us := medians.get(key):
            yield _row(what, f"{us:,.0f} µs", f"{1e6 / us:,.0f}/s", f"{SHARE * 1e6 / us:,.0f}/s")


def _memory(medians: Mapping[str, float]) -> Iterator[str]:
    yield _row("memory of", "")
    yield _row("---", "---")
    for key, (what, unit) in _MEMORY.items():
        if size := medians.get(key):
            yield _row(what, f"{size:,.0f} {unit}")


def _cores(rate: int, us: float) -> str:
    count = ceil(rate * us / 1e6 / SHARE)
    return "1 core" if count == 1 else f"{count} cores"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
