"""The figures beside what is to be reached (issue 8): the table at the end of every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Measured = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `reached` None is a figure without a target."""

    name: str
    value: str
    beside: str = ""
    target: str = ""
    reached: bool | None = None


def rows(measured: Measured) -> list[Row]:
    """Return a line for each figure that was measured."""
    figures = {key.split(".", 1)[0] for key in measured}
    return [row for name, lines in _LINES.items() if name in figures for row in lines(measured)]


def _whole(m: Measured) -> Iterator[Row]:
    us, floor_us = m["whole.small.gateway"], m["whole.small.floor"]
    yield Row(
        "whole request, small, stored",
        f"{us:.0f} µs",
        _floor(us, floor_us),
        "700 µs and 0.6 of the floor",
        us <= 700 and us <= 0.6 * floor_us,
    )
    us, floor_us = m["whole.large.gateway"], m["whole.large.floor"]
    yield Row(
        "whole request, 20 items + 5 tools, stored",
        f"{us:.0f} µs",
        _floor(us, floor_us),
        "900 µs",
        us <= 900,
    )
    yield Row("whole request after 100 turns, stored", f"{m['whole.long.gateway']:.0f} µs")


def _events(m: Measured) -> Iterator[Row]:
    us, floor_us = m["events.burst.gateway"], m["events.burst.floor"]
    yield Row(
        "event, all at once",
        f"{us:.1f} µs",
        _floor(us, floor_us),
        "7 µs and 0.4 of the floor",
        us <= 7 and us <= 0.4 * floor_us,
    )
    us, floor_us = m["events.paced.gateway"], m["events.paced.floor"]
    yield Row(
        "event, paced, 50 streams",
        f"{us:.0f} µs",
        _floor(us, floor_us),
        "0.5 of the floor",
        us <= 0.5 * floor_us,
    )


def _first_event(m: Measured) -> Iterator[Row]:
    for quantile, limit_ms in (("p50", 1), ("p99", 10)):
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
            f"{event_us:.0f} µs",
            target="40 µs" if is_target else "",
            reached=event_us <= 40 if is_target else None,
        )

    return lines


def _storage(m: Measured) -> Iterator[Row]:
    first_us = m["storage.read_us.1"]
    for depth in (1, 10, 100, 1000):
        trips, us, bare_us = (
            m[f"storage.{name}.{depth}"] for name in ("trips", "read_us", "bare_us")
        )
        yield Row(
            f"store reads of turn {depth}",
            f"{trips:.0f} round trips, {us:.0f} µs",
            f"bare LRANGE {bare_us:.0f} µs, items made {m[f'storage.load_us.{depth}']:.0f} µs",
            "2 round trips, 1.5 of turn 1 + the LRANGE",
            trips <= 2 and us <= 1.5 * first_us + bare_us,
        )
    kept, told = m["storage.kept_bytes"], m["storage.json_bytes"]
    yield Row(
        "bytes in Redis of a 200-turn conversation",
        f"{kept:.0f}",
        f"its JSON {told:.0f}, ratio {kept / told:.2f}",
        "1.3 of its JSON",
        kept <= 1.3 * told,
    )


def _isolation(m: Measured) -> Iterator[Row]:
    foreign_us, unknown_us, z = (m[f"isolation.{name}"] for name in ("foreign", "unknown", "z"))
    yield Row(
        "another account's id beside an unknown one",
        f"{foreign_us - unknown_us:+.1f} µs",
        f"of {unknown_us:.0f} µs, {z:+.1f} standard deviations by rank",
        "3 standard deviations either way",
        abs(z) <= 3,
    )


def _background(m: Measured) -> Iterator[Row]:
    wall_s, pick_up_ms = m["background.wall_s"], m["background.pick_up_p50_ms"]
    yield Row("background, 200 jobs of 1 s", f"{wall_s:.1f} s", "", "3 s", wall_s <= 3)
    yield Row("background, pick-up p50", f"{pick_up_ms:.0f} ms", "", "100 ms", pick_up_ms <= 100)


def _memory(m: Measured) -> Iterator[Row]:
    grown = m["memory.grown"]
    yield Row(
        "memory after 100,000 requests",
        f"{m['memory.end_mb']:.0f} MB",
        f"after 10,000: {m['memory.early_mb']:.0f} MB, {grown:+.1%}",
        "flat, 5 % either way",
        abs(grown) <= 0.05,
    )


def _peers(m: Measured) -> Iterator[Row]:
    yield Row(
        "LiteLLM's proxy, whole request, small, not stored",
        f"{m['peers.small.litellm']:.0f} µs",
        f"event all at once {m['peers.burst.litellm']:.0f} µs",
    )


def _floor(us: float, floor_us: float) -> str:
    return f"floor {floor_us:.3g} µs, ratio {us / floor_us:.2f}"


_LINES: Mapping[str, Callable[[Measured], Iterator[Row]]] = {
    "whole": _whole,
    "events": _events,
    "first_event": _first_event,
    **{f"streams_{count}": _streams(count) for count in (100, 500, 1000)},
    "storage": _storage,
    "isolation": _isolation,
    "background": _background,
    "memory": _memory,
    "peers": _peers,
}
