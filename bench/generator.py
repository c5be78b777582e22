"""Controls the load process."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from bench.questions import Question
from bench.servers import HOST, Server
from tests.processes import ROOT


@dataclass(frozen=True, slots=True)
class Answered:
    """The result of requests with whole answers. Times are in seconds, sorted.

    `bodies` are the response bodies in order of arrival, if they were requested.
    """

    wall_s: float
    latency_s: list[float]
    bodies: list[str]


@dataclass(frozen=True, slots=True)
class Streamed:
    """The result of streams. `late_s` are a thousand quantiles, the largest last."""

    whole: int
    events: int
    wall_s: float
    first_s: list[float]
    late_s: list[float]

    def expect_whole(self, count: int) -> None:
        """Raise RuntimeError unless exactly `count` streams were complete."""
        if self.whole != count:
            raise RuntimeError(f"only {self.whole} of {count} streams came whole")


class Generator:
    """Runs loads on servers, one at a time."""

    def __init__(self, orders: IO[bytes], results: IO[bytes]) -> None:
        self._orders = orders
        self._results = results

    def ask(
        self,
        server: Server,
        questions: list[Question],
        count: int,
        at_once: int,
        *,
        status: int = 200,
        keep: bool = False,
    ) -> Answered:
        """Send `count` questions, `at_once` at a time; each must be answered with `status`."""
        result = self._order(
            server,
            kind="whole",
            requests=[server.request(question) for question in questions],
            count=count,
            at_once=at_once,
            keep=keep,
        )
        if result["statuses"] != {str(status): count}:
            raise RuntimeError(f"{server.name} answered with {result['statuses']}")
        return Answered(result["wall_s"], result["latency_s"], result["bodies"])

    def begin_streams(
        self, server: Server, question: Question, count: int, over_s: float, pace: tuple[int, float]
    ) -> None:
        """Start `count` streams over `over_s` seconds; `pace` is their events and the interval."""
        events, interval_s = pace
        self._send(
            server,
            kind="streams",
            request=server.request(question),
            marker=server.marker,
            count=count,
            over_s=over_s,
            events=events,
            interval_s=interval_s,
        )

    def converse(
        self,
        server: Server,
        loop: tuple[dict[str, Any], str],
        steps: int,
        conversations: int,
        *,
        by_websocket: bool,
        resends: bool,
    ) -> float:
        """Run conversations of `steps` steps, one after another; return the seconds they took.

        `loop` is the first body, and the output of each step's function.
        """
        first, output = loop
        result = self._order(
            server,
            kind="steps",
            head=server.handshake() if by_websocket else server.head(),
            first=first,
            output=output,
            steps=steps,
            conversations=conversations,
            by_websocket=by_websocket,
            resends=resends,
        )
        wall_s: float = result["wall_s"]
        return wall_s

    def end_streams(self) -> Streamed:
        """Wait until the streams have ended, and return their result."""
        return Streamed(**self._result())

    def _order(self, server: Server, **order: Any) -> Any:
        self._send(server, **order)
        return self._result()

    def _send(self, server: Server, **order: Any) -> None:
        line = json.dumps({"host": HOST, "port": server.port, **order}) + "\n"
        self._orders.write(line.encode())
        self._orders.flush()

    def _result(self) -> Any:
        line = self._results.readline()
        if not line:
            raise RuntimeError("the load's process has ended; stderr says why")
        return json.loads(line)


@contextlib.contextmanager
def running() -> Iterator[Generator]:
    """Run the load process; it ends when its input does."""
    argv = [sys.executable, "-m", "bench.load"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:  # noqa: S603 - our own
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process without pipes")
        yield Generator(process.stdin, process.stdout)
