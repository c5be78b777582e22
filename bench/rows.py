"""The figures with their targets: the table at the end of every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Measured = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `reached` is None for a figure without a target."""

    name: str
    value: str
    beside: str = ""
    target: str = ""
    reached: bool | None = None


def rows(measured: Measured) -> list[Row]:
    """Return a line for each figure that was measured."""
    figures = {key.split(".", 1)[0] for key in measured}
    return [row for name, lines in _LINES.items() if name in figures for row in lines(measured)]


def microseconds(value: float) -> str:
    """Return a time for display: about three digits, and the unit."""
    return f"{value:,.0f} µs" if value >= 20 else f"{value:.1f} µs"


def _whole(m: Measured) -> Iterator[Row]:
    us, ratio = m["whole.small.gateway"], m["whole.small.ratio"]
    yield Row(
        "whole request, small, stored",
        microseconds(us),
        _floor(m, "whole.small"),
        "700 µs and 0.5 of the floor",
        us <= 700 and ratio <= 0.5,
    )
    us = m["whole.large.gateway"]
    yield Row(
        "whole request, 20 items + 5 tools, stored",
        microseconds(us),
        _floor(m, "whole.large"),
        "900 µs",
        us <= 900,
    )
    us = m["whole.long.gateway"]
    name = "whole request after 100 turns, stored"
    yield Row(name, microseconds(us), target="1,200 µs", reached=us <= 1200)


def _agents(m: Measured) -> Iterator[Row]:
    for items, limit_us, most in ((3, 900, None), (300, 1900, 0.5), (900, 4000, None)):
        us, ratio = m[f"agents.{items}.gateway"], m[f"agents.{items}.ratio"]
        yield Row(
            f"an agent's step, {items} items + 40 tools",
            microseconds(us),
            _floor(m, f"agents.{items}"),
            f"{limit_us:,} µs" + (f" and {most} of the floor" if most else ""),
            us <= limit_us and (most is None or ratio <= most),
        )
    us = m["agents.300.stored"]
    name = "an agent's step, 300 items + 40 tools, stored"
    yield Row(name, microseconds(us), target="2,600 µs", reached=us <= 2600)
    if "agents.continued" in m:  # missing in older results
        name = "an agent's step by previous_response_id, 1 item + 40 tools, stored"
        yield Row(name, microseconds(m["agents.continued"]))
    growth = [m[f"agents.growth.{items}"] for items in (150, 300, 600)]
    first, second = growth[1] - growth[0], growth[2] - growth[1]
    yield Row(
        "150, 300, 600 items, no tools",
        ", ".join(map(microseconds, growth)),
        f"{first / 150:.1f} µs an item, then {second / 300:.1f}",
    )


def _pictures(m: Measured) -> Iterator[Row]:
    for kept, name, limit_ms in (("not stored", "gateway", 15), ("stored", "stored", 25)):
        ms, memory = m[f"pictures.{name}"], m[f"pictures.memory.{name}"]
        yield Row(
            f"a picture of 8 MB, {kept}",
            f"{ms:.1f} ms, memory {memory:.1f} x the body",
            f"floor {m['pictures.floor']:.1f} ms, {m['pictures.memory.floor']:.1f} x",
            f"{limit_ms} ms, 4 x",
            ms <= limit_ms and memory <= 4,
        )


def _burst(m: Measured) -> Iterator[Row]:
    us, ratio = m["burst.gateway"], m["burst.ratio"]
    yield Row(
        "event, all at once",
        microseconds(us),
        _floor(m, "burst"),
        "7 µs and 0.4 of the floor",
        us <= 7 and ratio <= 0.4,
    )


def _paced(m: Measured) -> Iterator[Row]:
    yield Row(
        "event, paced, 50 streams",
        microseconds(m["paced.gateway"]),
        _floor(m, "paced"),
        "0.65 of the floor",
        m["paced.ratio"] <= 0.65,
    )
    p50_ms, p99_ms = (
        {name: m[f"paced.late_{quantile}_ms.{name}"] for name in ("gateway", "floor")}
        for quantile in ("p50", "p99")
    )
    yield Row(
        "lateness, 50 streams",
        f"p50 {p50_ms['gateway']:.1f} ms, p99 {p99_ms['gateway']:.1f} ms",
        f"floor p50 {p50_ms['floor']:.1f} ms, p99 {p99_ms['floor']:.1f} ms",
    )


def _first_event(m: Measured) -> Iterator[Row]:
    for quantile, limit_ms in (("p50", 1.5), ("p99", 10)):
        added_ms = m[f"first_event.gateway.{quantile}"]
        yield Row(
            f"added to the first event, 100 streams, {quantile}",
            f"{added_ms:.2f} ms",
            f"floor {m[f'first_event.floor.{quantile}']:.2f} ms",
            f"{limit_ms} ms",
            added_ms <= limit_ms,
        )


def _streams(count: int) -> Callable[[Measured], Iterator[Row]]:
    def lines(m: Measured) -> Iterator[Row]:
        whole, late_ms, each_kb, event_us = (
            m[f"streams_{count}.{name}"] for name in ("whole", "late_p99_ms", "each_kb", "event_us")
        )
        is_target = count == 1000
        yield Row(
            f"{count} streams at 20 events/s, two workers",
            f"{whole:.0f} whole, p99 {late_ms:.1f} ms late, {each_kb:.0f} kB each",
            f"p50 {m[f'streams_{count}.late_p50_ms']:.1f} ms late",
            "all whole, 25 ms, 60 kB" if is_target else "",
            whole == count and late_ms <= 25 and each_kb <= 60 if is_target else None,
        )
        yield Row(
            f"event, paced, {count} streams",
            microseconds(event_us),
            target="40 µs" if is_target else "",
            reached=event_us <= 40 if is_target else None,
        )

    return lines


def _storage(m: Measured) -> Iterator[Row]:
    first_us = m["storage.read_us.1"]
    for depth in (1, 10, 100, 1000):
        trips, us, bare_us, made_us = (
            m[f"storage.{name}.{depth}"] for name in ("trips", "read_us", "bare_us", "made_us")
        )
        limit_us = 1.5 * first_us + bare_us
        yield Row(
            f"store, {_turns(depth)} read, no item made",
            f"{_trips(trips)}, {microseconds(us)}",
            f"one LRANGE {microseconds(bare_us)}; read and made into items {microseconds(made_us)}",
            f"2 round trips, {microseconds(limit_us)}: 1.5 x 1 turn + LRANGE",
            trips <= 2 and us <= limit_us,
        )
    kept, result = m["storage.kept_bytes"], m["storage.json_bytes"]
    yield Row(
        "bytes in Redis of a 200-turn conversation",
        f"{kept:.0f}",
        f"its JSON {result:.0f}, ratio {kept / result:.2f}",
        "1.3 of its JSON",
        kept <= 1.3 * result,
    )


def _isolation(m: Measured) -> Iterator[Row]:
    foreign_us, unknown_us, z = (m[f"isolation.{name}"] for name in ("foreign", "unknown", "z"))
    yield Row(
        "another account's id beside an unknown one",
        f"{foreign_us - unknown_us:+.1f} µs",
        f"of {microseconds(unknown_us)}, {z:+.1f} standard deviations by rank",
        "3 standard deviations either way",
        abs(z) <= 3,
    )


def _background(m: Measured) -> Iterator[Row]:
    wall_s, pick_up_ms = m["background.wall_s"], m["background.pick_up_p50_ms"]
    yield Row(
        "background, 200 jobs of 1 s, one worker process",
        f"{wall_s:.2f} s",
        _web_and_worker(m["background.web_us"], m["background.job_us"]) + " CPU a job",
        "3 s",
        wall_s <= 3,
    )
    web_us, worker_us = m["background.line_web_us"], m["background.line_us"]
    yield Row(
        "background, a job of one line, web + worker",
        _web_and_worker(web_us, worker_us),
        target="900 + 1,800 µs",
        reached=web_us <= 900 and worker_us <= 1800,
    )
    yield Row(
        "background, pick-up p50, from the 202",
        f"{pick_up_ms:.1f} ms",
        f"max {m['background.pick_up_max_ms']:.1f} ms; "
        f"p50 from the POST {m['background.asked_p50_ms']:.1f} ms",
        "100 ms",
        pick_up_ms <= 100,
    )


def _polls(m: Measured) -> Iterator[Row]:
    few_us, many_us = m["polls.200"], m["polls.2000"]
    yield Row(
        "poll of a running job after 200 events, after 2,000",
        f"{microseconds(few_us)}, {microseconds(many_us)}",
        target="by what is new",
        reached=many_us <= 2 * few_us,
    )


def _footprint(m: Measured) -> Iterator[Row]:
    yield Row("memory of a caller who stays connected, 1,000", f"{m['footprint.caller_kb']:.0f} kB")
    yield Row("memory of a job that runs, 200", f"{m['footprint.job_kb']:.0f} kB")


def _websocket(m: Measured) -> Iterator[Row]:
    for name, what, beside in (
        ("unstored", "not stored", (("post_resent", "all sent again"), ("post_stored", "stored"))),
        ("stored", "stored", (("post_stored", "stored"),)),
    ):
        yield Row(
            f"20 steps with a tool by WebSocket, {what}",
            _cpu_and_wall(m, name),
            "by POST " + "; ".join(f"{words} {_cpu_and_wall(m, post)}" for post, words in beside),
        )
    each_kb = m["websocket.session_kb"]
    name = "memory of an open WebSocket, 500, a response each"
    yield Row(name, f"{each_kb:.0f} kB", target="60 kB", reached=each_kb <= 60)


def _cpu_and_wall(m: Measured, name: str) -> str:
    cpu_ms, wall_ms = (m[f"websocket.{name}.{kind}_ms"] for kind in ("cpu", "wall"))
    return f"CPU {cpu_ms:.0f} ms, {wall_ms:.0f} ms in all"


def _redelivery(m: Measured) -> Iterator[Row]:
    done_s, limit_s = m["redelivery.done_s"], m["redelivery.lease_s"] + 5
    yield Row(
        "background, 20 jobs done after SIGKILL",
        f"{done_s:.1f} s",
        "with the next worker's start-up",
        f"{limit_s:.0f} s: the lease + 5 s",
        done_s <= limit_s,
    )


def _memory(m: Measured) -> Iterator[Row]:
    grown = m["memory.grown"]
    yield Row(
        "memory after 200,000 mixed requests",
        f"{m['memory.end_mb']:.0f} MB",
        f"after 10,000: {m['memory.early_mb']:.0f} MB, {grown:+.1%}",
        "flat, 5 % either way",
        abs(grown) <= 0.05,
    )


def _peers(m: Measured) -> Iterator[Row]:
    for kind, what in (
        ("small", "whole request, small, not stored"),
        ("agent", "an agent's step, 300 items + 40 tools"),
        ("burst", "event at once"),
    ):
        theirs, ours, floor = (
            m[f"peers.{kind}.{name}"] for name in ("litellm", "gateway", "floor")
        )
        yield Row(
            f"LiteLLM's proxy, {what}",
            microseconds(theirs),
            f"the gateway {microseconds(ours)}, ratio {theirs / ours:.0f}; "
            f"floor {microseconds(floor)}",
        )


def _floor(m: Measured, figure: str) -> str:
    """Return the floor's figure. The ratio is the median of the slices', not of the medians."""
    return f"floor {microseconds(m[f'{figure}.floor'])}, ratio {m[f'{figure}.ratio']:.2f}"


def _web_and_worker(web_us: float, worker_us: float) -> str:
    return f"{microseconds(web_us)} + {microseconds(worker_us)}"


def _turns(count: int) -> str:
    return "1 turn" if count == 1 else f"{count} turns"


def _trips(count: float) -> str:
    return "1 round trip" if count == 1 else f"{count:.0f} round trips"


_LINES: Mapping[str, Callable[[Measured], Iterator[Row]]] = {
    "whole": _whole,
    "agents": _agents,
    "pictures": _pictures,
    "burst": _burst,
    "paced": _paced,
    "first_event": _first_event,
    **{f"streams_{count}": _streams(count) for count in (100, 500, 1000)},
    "storage": _storage,
    "isolation": _isolation,
    "background": _background,
    "polls": _polls,
    "footprint": _footprint,
    "websocket": _websocket,
    "redelivery": _redelivery,
    "memory": _memory,
    "peers": _peers,
}
