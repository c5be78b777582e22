"""Many streams at once, twenty events a second each, on one worker per core."""

from __future__ import annotations

from time import sleep

from bench import servers
from bench.questions import streamed
from bench.servers import Server
from bench.setting import Setting

INTERVAL_S, WINDOW_S = 0.05, 8.0
#: Streams started per second: the figure is about running streams, not about starting them.
BEGUN_PER_S = 200
WARM_UP = 20


class Streams:
    """`count` streams at once, through a gateway of two new processes.

    Memory left behind by other figures would be reused, and hide the streams' cost.
    """

    def __init__(self, setting: Setting, count: int) -> None:
        self._setting = setting
        self._count = count
        self._begin_s = max(1.0, count / BEGUN_PER_S)

    def measure(self) -> dict[str, float]:
        """Return the number of whole streams, lateness in ms, CPU per event in us, memory in kB."""
        with servers.gateway(self._setting.where, 2) as pair:
            self._warm_up(pair)
            return self._measured(pair)

    def _warm_up(self, server: Server) -> None:
        """Let the processes load what they load with their first requests."""
        pace, generator = (1, 0.0), self._setting.generator
        generator.begin_streams(server, streamed(*pace), WARM_UP, 0.0, pace)
        generator.end_streams().expect_whole(WARM_UP)

    def _measured(self, server: Server) -> dict[str, float]:
        events = int((self._begin_s + WINDOW_S + 1) / INTERVAL_S)
        pace, generator = (events, INTERVAL_S), self._setting.generator
        idle_bytes = server.serving.memory_bytes()
        generator.begin_streams(server, streamed(*pace), self._count, self._begin_s, pace)
        sleep(self._begin_s + 0.3)
        before_s = server.serving.cpu_s()
        sleep(WINDOW_S)
        spent_s = server.serving.cpu_s() - before_s
        kept_bytes = server.serving.memory_bytes() - idle_bytes
        went = generator.end_streams()
        return {
            "whole": float(went.whole),
            "late_p50_ms": went.late_s[500] * 1e3,
            "late_p99_ms": went.late_s[990] * 1e3,
            "late_max_ms": went.late_s[-1] * 1e3,
            "event_us": spent_s / (self._count * WINDOW_S / INTERVAL_S) * 1e6,
            "each_kb": kept_bytes / self._count / 1000,
        }
