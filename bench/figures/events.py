"""CPU of a streamed event: all at once, and each in its own time."""

from __future__ import annotations

from time import sleep

from bench.questions import streamed
from bench.servers import Server
from bench.setting import Setting

BURST_EVENTS = 2000
INTERVAL_S = 0.05
PACED_STREAMS = 50
BEGUN_S = 1.0


class Events:
    """Streams that say all at once, and fifty at twenty events a second."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def measure(self) -> dict[str, float]:
        """Return CPU per event in microseconds, by pace and server."""
        return {
            f"{pace}.{server.name}": measured
            for server in (self._setting.gateway, self._setting.floor)
            for pace, measured in (("burst", self._burst(server)), ("paced", self._paced(server)))
        }

    def _burst(self, server: Server) -> float:
        """Return the cost with all that surrounds the events, which is little beside them."""
        streams, generator = self._setting.sized(100, 30), self._setting.generator
        before_s = server.serving.cpu_s()
        pace = (BURST_EVENTS, 0.0)
        generator.begin_streams(server, streamed(*pace), streams, 0.0, pace)
        generator.end_streams().expect_whole(streams)
        return (server.serving.cpu_s() - before_s) / (streams * BURST_EVENTS) * 1e6

    def _paced(self, server: Server) -> float:
        """Return the cost while all streams are under way: requests begin before, end after."""
        window_s = float(self._setting.sized(6, 2))
        pace = (int((BEGUN_S + window_s + 1) / INTERVAL_S), INTERVAL_S)
        generator = self._setting.generator
        generator.begin_streams(server, streamed(*pace), PACED_STREAMS, BEGUN_S, pace)
        sleep(BEGUN_S + 0.3)
        before_s = server.serving.cpu_s()
        sleep(window_s)
        spent_s = server.serving.cpu_s() - before_s
        generator.end_streams().expect_whole(PACED_STREAMS)
        return spent_s / (PACED_STREAMS * window_s / INTERVAL_S) * 1e6
