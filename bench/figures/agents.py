"""CPU of an agent's steps: a long history and many tools in each request, whole answers."""

from __future__ import annotations

import json

from bench.figures.whole import cpu_us
from bench.questions import Question, agent, continued, unstored
from bench.servers import Server
from bench.setting import Setting

TOOLS = 40
#: Number of requests in a slice, by their number of items.
SIZES = {3: 100, 300: 50, 900: 20}
#: Numbers of items for the figure of growth, each twice the one before.
GROWTH = (150, 300, 600)


class Agents:
    """Sends 3, 300 and 900 items with forty tools to the gateway and to the floor."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        # Warm-up: what a process loads with its first requests must not count.
        for server in (setting.gateway, setting.floor):
            setting.generator.ask(server, [agent(3, TOOLS)], 50, 2)
        first = setting.generator.ask(setting.gateway, [agent(3, TOOLS)], 1, 1, keep=True)
        response_id = json.loads(first.bodies[0])["id"]
        self._continued = continued(agent(1, TOOLS), response_id)

    def measure(self) -> dict[str, float]:
        """Return CPU per request in microseconds, and the gateway's share of the floor's.

        They are by number of items, server and storage.
        """
        measured: dict[str, float] = {}
        for items, count in SIZES.items():
            question = agent(items, TOOLS)
            gateway_us, floor_us = self._us(unstored(question), count), self._floor(question, count)
            measured[f"{items}.gateway"], measured[f"{items}.floor"] = gateway_us, floor_us
            measured[f"{items}.ratio"] = gateway_us / floor_us
        measured["300.stored"] = self._us(agent(300, TOOLS), SIZES[300])
        measured["continued"] = self._us(self._continued, SIZES[3])
        return measured | self._growth()

    def _growth(self) -> dict[str, float]:
        """Return CPU per request in microseconds by its number of items, without tools."""
        return {f"growth.{items}": self._us(unstored(agent(items, 0)), 30) for items in GROWTH}

    def _us(self, question: Question, count: int) -> float:
        return self._took(self._setting.gateway, question, count)

    def _floor(self, question: Question, count: int) -> float:
        return self._took(self._setting.floor, question, count)

    def _took(self, server: Server, question: Question, count: int) -> float:
        took_us = cpu_us(self._setting, server, [question], count)
        self._setting.where.upstream.reset()  # it keeps every body
        return took_us
