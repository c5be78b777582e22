"""The delay that a server adds to a stream's first event, compared with the upstream alone."""

from __future__ import annotations

from math import ceil

from bench.questions import streamed
from bench.servers import Server
from bench.setting import Setting

STREAMS = 100
INTERVAL_S = 0.05
#: Seconds over which all streams are started. Not two: spread over their interval, they would start
#: in groups, a millisecond apart, and half of them would wait for the start of another.
BEGIN_S, QUICK_S = 3, 1


class FirstEvent:
    """A hundred streams at twenty events a second, started one by one.

    Each lasts as long as it takes to start them all, so that the last ones start while all the
    others are running.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def measure(self) -> dict[str, float]:
        """Return, in milliseconds, what a server adds to the median without it."""
        setting = self._setting
        alone_ms = quantile(self._first_ms(setting.direct), 0.5)
        measured = {"direct.p50": alone_ms}
        for server in (setting.gateway, setting.floor):
            first_ms = self._first_ms(server)
            measured[f"{server.name}.p50"] = quantile(first_ms, 0.5) - alone_ms
            measured[f"{server.name}.p99"] = quantile(first_ms, 0.99) - alone_ms
        return measured

    def _first_ms(self, server: Server) -> list[float]:
        over_s = float(self._setting.sized(BEGIN_S, QUICK_S))
        pace, generator = (int(over_s / INTERVAL_S), INTERVAL_S), self._setting.generator
        generator.begin_streams(server, streamed(*pace), STREAMS, over_s, pace)
        went = generator.end_streams()
        went.expect_whole(STREAMS)
        return [seconds * 1e3 for seconds in went.first_s]


def quantile(ordered: list[float], share: float) -> float:
    """Return the smallest of sorted values that at least `share` of them do not exceed."""
    return ordered[ceil(share * len(ordered)) - 1]
