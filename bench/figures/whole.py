"""CPU of requests with whole answers, which are stored before they are sent."""

from __future__ import annotations

from bench.conversation import converse
from bench.questions import Question, continuing, large, small
from bench.servers import Server
from bench.setting import Setting

AT_ONCE = 8
TURNS = 100


def cpu_us(setting: Setting, server: Server, questions: list[Question], count: int) -> float:
    """Return CPU per request in microseconds, with a few requests at a time."""
    before_s = server.serving.cpu_s()
    setting.generator.ask(server, questions, count, AT_ONCE)
    return (server.serving.cpu_s() - before_s) / count * 1e6


class Whole:
    """Repeats three requests: one line, a long list of items, one line after many turns."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._count = setting.sized(400, 250)
        parents = converse(setting.where, conversations=8, turns=TURNS)
        self._long = [continuing(response_id) for response_id in parents]

    def measure(self) -> dict[str, float]:
        """Return CPU per request in microseconds, by kind of request and server.

        With it comes the gateway's share of the floor's.
        """
        long_us = cpu_us(self._setting, self._setting.gateway, self._long, self._count // 4)
        return {
            **self._compared("small", small(), self._count),
            **self._compared("large", large(), self._count // 2),
            "long.gateway": long_us,
        }

    def _compared(self, kind: str, question: Question, count: int) -> dict[str, float]:
        gateway_us, floor_us = (
            cpu_us(self._setting, server, [question], count)
            for server in (self._setting.gateway, self._setting.floor)
        )
        return {
            f"{kind}.gateway": gateway_us,
            f"{kind}.floor": floor_us,
            f"{kind}.ratio": gateway_us / floor_us,
        }
