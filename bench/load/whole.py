"""Requests with whole answers, one after another on each of a few connections."""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter

from bench.load.sockets import Loop

PATIENCE_S = 60.0


@dataclass(slots=True)
class Tally:
    """The result of a load; `bodies` are the response bodies, if requested."""

    left: int
    requests: tuple[bytes, ...]
    bodies: list[str] | None = None
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def next(self) -> bytes | None:
        """Return the next request to send, None if all were sent."""
        if self.left == 0:
            return None
        self.left -= 1
        return self.requests[self.left % len(self.requests)]


class Caller:
    """One connection that is reused for many requests."""

    def __init__(self, loop: Loop, address: tuple[str, int], tally: Tally) -> None:
        self._loop = loop
        self._tally = tally
        self._read = b""
        self._sent_at = 0.0
        self._socket: socket.socket = loop.connect(address, self.take)
        self._send()

    def _send(self) -> None:
        request = self._tally.next()
        if request is None:
            self._loop.close(self._socket)
            return
        self._sent_at = perf_counter()
        self._socket.sendall(request)

    def take(self, data: bytes) -> None:
        """Receive data; when the response is complete, send the next request."""
        if not data:
            raise ConnectionError(f"the server hung up after {self._read[:300]!r}")
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._tally.seconds.append(perf_counter() - self._sent_at)
        self._tally.statuses[int(head.split(b" ", 2)[1])] += 1
        if self._tally.bodies is not None:
            self._tally.bodies.append(body.decode())
        self._read = b""
        self._send()


def _length(head: bytes) -> int:
    start = head.lower().index(b"content-length:") + len(b"content-length:")
    return int(head[start:].split(b"\r", 1)[0])


def run(
    address: tuple[str, int],
    requests: tuple[bytes, ...],
    count: int,
    at_once: int,
    *,
    keep: bool,
) -> dict[str, object]:
    """Send `count` requests, `at_once` at a time, and return the result."""
    tally = Tally(count, requests, [] if keep else None)
    loop = Loop()
    started = perf_counter()
    callers = [Caller(loop, address, tally) for _ in range(min(at_once, count))]
    while not loop.is_idle:
        if perf_counter() - started > PATIENCE_S + count / 20:
            raise TimeoutError(f"{tally.left} of {count} requests are left, {len(callers)} callers")
        loop.turn(1.0)
    return {
        "wall_s": perf_counter() - started,
        "latency_s": sorted(tally.seconds),
        "statuses": {str(status): times for status, times in tally.statuses.items()},
        "bodies": tally.bodies or [],
    }
