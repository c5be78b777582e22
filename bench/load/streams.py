"""Concurrent streams, started one by one, with the arrival time of each event."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from time import perf_counter

from bench.load.sockets import Loop

PATIENCE_S = 30.0

#: The golden ratio's fraction: the fractions of its multiples are spread evenly over 0 to 1.
_GOLDEN = 0.6180339887


@dataclass(slots=True, eq=False)
class Stream:
    """One stream: when it was requested, and when its events arrived. Times are perf_counter's."""

    loop: Loop
    marker: bytes
    sent_at: float = 0.0
    arrivals: list[float] = field(default_factory=list)
    is_whole: bool = False
    socket: socket.socket | None = None
    _tail: bytes = b""

    def send(self, address: tuple[str, int], request: bytes) -> None:
        """Request the stream."""
        self.socket = self.loop.connect(address, self.take)
        self.sent_at = perf_counter()
        self.socket.sendall(request)

    def take(self, data: bytes) -> None:
        """Record the events that arrived; the last chunk of the body ends the stream."""
        now = perf_counter()
        seen = self._tail + data
        # Too short for a whole marker, so that none is counted twice.
        self._tail = seen[-len(self.marker) + 1 :]
        self.arrivals += [now] * seen.count(self.marker)
        self.is_whole = seen.endswith(b"\r\n0\r\n\r\n")
        if (self.is_whole or not data) and self.socket:
            self.loop.close(self.socket)


def run(
    address: tuple[str, int],
    request: bytes,
    marker: bytes,
    count: int,
    over_s: float,
    events: int,
    interval_s: float,
) -> dict[str, object]:
    """Start `count` streams over `over_s` seconds, read them to their ends, return the result.

    An event's lateness is relative to the best pace of its own stream. Streams are not in step:
    each event arrives on its own, like those of independent callers.
    """
    loop = Loop()
    streams = [Stream(loop, marker) for _ in range(count)]
    started = perf_counter()
    for stream, due_s in zip(streams, dues(count, over_s, interval_s), strict=True):
        while (wait_s := started + due_s - perf_counter()) > 0:
            loop.turn(wait_s)
        stream.send(address, request)
        loop.turn(0.0)
    deadline = perf_counter() + events * interval_s + PATIENCE_S
    while not loop.is_idle and perf_counter() < deadline:
        loop.turn(0.5)
    return {
        "whole": sum(each.is_whole and len(each.arrivals) == events for each in streams),
        "events": sum(len(each.arrivals) for each in streams),
        "wall_s": perf_counter() - started,
        "first_s": sorted(each.arrivals[0] - each.sent_at for each in streams if each.arrivals),
        "late_s": _thousandths(
            sorted(seconds for each in streams for seconds in late(each, interval_s))
        ),
    }


def dues(count: int, over_s: float, interval_s: float) -> list[float]:
    """Return when each stream starts: spread evenly over the seconds, and over the interval."""
    return sorted(
        over_s * number / count + interval_s * (number * _GOLDEN % 1) for number in range(count)
    )


def late(stream: Stream, interval_s: float) -> list[float]:
    """Return the lateness of each event relative to its stream's best."""
    offsets = [at - number * interval_s for number, at in enumerate(stream.arrivals)]
    best = min(offsets, default=0.0)
    return [offset - best for offset in offsets]


def _thousandths(values: list[float]) -> list[float]:
    """Return a thousand quantiles of sorted values, the largest last."""
    last = len(values) - 1
    return [values[last * step // 1000] for step in range(1001)] if values else []
