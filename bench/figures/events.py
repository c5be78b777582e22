"""CPU of a streamed event: all at once, and paced."""

from __future__ import annotations

from time import sleep

from bench.questions import streamed
from bench.servers import Server
from bench.setting import Setting

BURST_EVENTS = 2000
INTERVAL_S = 0.05
PACED_STREAMS = 50
BEGUN_S = 0.5
WINDOW_S = 2.0
#: Margin after the last stream's start and before the first one's end, in seconds.
MARGIN_S = 0.2


def burst_us(setting: Setting, server: Server, streams: int, events: int = BURST_EVENTS) -> float:
    """Return CPU per event in microseconds when the upstream sends all events at once.

    It includes the rest of the request, which is small in comparison.
    """
    generator, pace = setting.generator, (events, 0.0)
    before_s = server.serving.cpu_s()
    generator.begin_streams(server, streamed(*pace), streams, 0.0, pace)
    generator.end_streams().expect_whole(streams)
    return (server.serving.cpu_s() - before_s) / (streams * events) * 1e6


class Burst:
    """Streams whose events come all at once."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._streams = setting.sized(20, 10)

    def measure(self) -> dict[str, float]:
        """Return CPU per event in microseconds, and the gateway's share of the floor's."""
        gateway_us, floor_us = (
            burst_us(self._setting, server, self._streams)
            for server in (self._setting.gateway, self._setting.floor)
        )
        return {"gateway": gateway_us, "floor": floor_us, "ratio": gateway_us / floor_us}


class Paced:
    """Fifty streams at twenty events a second."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def measure(self) -> dict[str, float]:
        """Return CPU per event in microseconds, and lateness in milliseconds, by server.

        With them comes the gateway's share of the floor's CPU.
        """
        measured = self._paced(self._setting.gateway) | self._paced(self._setting.floor)
        return measured | {"ratio": measured["gateway"] / measured["floor"]}

    def _paced(self, server: Server) -> dict[str, float]:
        """Return the cost while all streams are running: requests start before, and end after."""
        pace = (int((BEGUN_S + WINDOW_S + 2 * MARGIN_S) / INTERVAL_S), INTERVAL_S)
        generator = self._setting.generator
        generator.begin_streams(server, streamed(*pace), PACED_STREAMS, BEGUN_S, pace)
        sleep(BEGUN_S + MARGIN_S)
        before_s = server.serving.cpu_s()
        sleep(WINDOW_S)
        spent_s = server.serving.cpu_s() - before_s
        went = generator.end_streams()
        went.expect_whole(PACED_STREAMS)
        return {
            server.name: spent_s / (PACED_STREAMS * WINDOW_S / INTERVAL_S) * 1e6,
            f"late_p50_ms.{server.name}": went.late_s[500] * 1e3,
            f"late_p99_ms.{server.name}": went.late_s[990] * 1e3,
        }
