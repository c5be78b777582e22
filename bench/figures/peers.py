"""Another gateway's cost for the same requests that the gateway and the floor get."""

from __future__ import annotations

from bench.figures.events import burst_us
from bench.figures.whole import cpu_us
from bench.questions import agent, small, unstored
from bench.servers import Server
from bench.setting import Setting

#: Sizes by server, since the peer takes a dozen times as long: requests; an agent's requests;
#: streams, and events in each.
_OTHERS = (300, 50, 10, 2000)
_PEERS = (60, 20, 4, 500)


class Peers:
    """One line whole, 300 items with 40 tools, and events all at once, on each server in turn."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def measure(self) -> dict[str, float]:
        """Return CPU per request and per event in microseconds, by server."""
        setting = self._setting
        measured: dict[str, float] = {}
        for server, sizes in ((setting.gateway, _OTHERS), (setting.floor, _OTHERS)):
            measured |= self._of(server, *sizes)
        if setting.peer:
            measured |= self._of(setting.peer, *_PEERS)
        return measured

    def _of(
        self, server: Server, requests: int, steps: int, streams: int, events: int
    ) -> dict[str, float]:
        step = unstored(agent(300))
        return {
            f"small.{server.name}": cpu_us(self._setting, server, [small()], requests),
            f"agent.{server.name}": cpu_us(self._setting, server, [step], steps),
            f"burst.{server.name}": burst_us(self._setting, server, streams, events),
        }
