"""Whether memory stays flat: after a few thousand requests, and after two hundred thousand."""

from __future__ import annotations

from bench.questions import agent, small, streamed, unstored
from bench.setting import Setting

WARM, ALL = 10_000, 200_000
AT_ONCE = 16
STREAMED_EACH, EVENTS = 50, 20
#: Requests of an agent among five thousand, each with a history of its own.
AGENTS = 20


class Memory:
    """Whole requests, with some streams and some of an agent's requests in between."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def measure(self) -> dict[str, float]:
        """Return the memory of the one process in MB, early and at the end."""
        self._ask(WARM)
        early_mb = self._mb()
        self._ask(ALL - WARM)
        end_mb = self._mb()
        return {"early_mb": early_mb, "end_mb": end_mb, "grown": end_mb / early_mb - 1}

    def _mb(self) -> float:
        return self._setting.gateway.serving.memory_bytes() / 1e6

    def _ask(self, count: int) -> None:
        generator, gateway = self._setting.generator, self._setting.gateway
        for _ in range(count // 5000):
            generator.ask(gateway, [small()], 5000 - STREAMED_EACH - AGENTS, AT_ONCE)
            long = [unstored(agent(items)) for items in range(100, 300, 10)]
            generator.ask(gateway, long, AGENTS, AT_ONCE)
            pace = (EVENTS, 0.0)
            generator.begin_streams(gateway, streamed(*pace), STREAMED_EACH, 0.0, pace)
            generator.end_streams().expect_whole(STREAMED_EACH)
            self._setting.where.upstream.reset()
