"""How much later the first event of a stream comes than without anything in between."""

from __future__ import annotations

from bench.questions import streamed
from bench.servers import Server
from bench.setting import Setting

STREAMS = 100
EVENTS, INTERVAL_S = 10, 0.05


class FirstEvent:
    """A hundred streams, begun evenly over some seconds."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def measure(self) -> dict[str, float]:
        """Return in milliseconds what a server adds to the median without it."""
        setting = self._setting
        alone_ms = _median(self._first_ms(setting.direct))
        measured = {"direct.p50": alone_ms}
        for server in (setting.gateway, setting.floor):
            first_ms = self._first_ms(server)
            measured[f"{server.name}.p50"] = _median(first_ms) - alone_ms
            measured[f"{server.name}.p99"] = first_ms[len(first_ms) * 99 // 100] - alone_ms
        return measured

    def _first_ms(self, server: Server) -> list[float]:
        pace, generator = (EVENTS, INTERVAL_S), self._setting.generator
        over_s = float(self._setting.sized(5, 2))
        generator.begin_streams(server, streamed(*pace), STREAMS, over_s, pace)
        went = generator.end_streams()
        went.expect_whole(STREAMS)
        return [seconds * 1e3 for seconds in went.first_s]


def _median(ordered: list[float]) -> float:
    return ordered[len(ordered) // 2]
