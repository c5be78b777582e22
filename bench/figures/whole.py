"""CPU of a request whose answer is whole, stored before it is told."""

from __future__ import annotations

from bench.conversation import converse
from bench.questions import Question, continuing, large, small
from bench.servers import Server
from bench.setting import Setting

AT_ONCE = 8
TURNS = 100


class Whole:
    """Asks the same again and again, a few at a time."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        parents = converse(setting.where, conversations=8, turns=TURNS)
        self._long = [continuing(response_id) for response_id in parents]

    def measure(self) -> dict[str, float]:
        """Return CPU per request in microseconds, by kind of request and server."""
        gateway, floor = self._setting.gateway, self._setting.floor
        return {
            "small.gateway": self._cpu_us(gateway, [small()], self._setting.sized(3000, 1000)),
            "small.floor": self._cpu_us(floor, [small()], self._setting.sized(2000, 500)),
            "large.gateway": self._cpu_us(gateway, [large()], self._setting.sized(2000, 700)),
            "large.floor": self._cpu_us(floor, [large()], self._setting.sized(1000, 300)),
            "long.gateway": self._cpu_us(gateway, self._long, self._setting.sized(500, 150)),
        }

    def _cpu_us(self, server: Server, questions: list[Question], count: int) -> float:
        before_s = server.serving.cpu_s()
        self._setting.generator.ask(server, questions, count, AT_ONCE)
        return (server.serving.cpu_s() - before_s) / count * 1e6
