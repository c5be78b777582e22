"""CPU and memory of a request with a picture of 8 MB in it, as a data URL."""

from __future__ import annotations

from bench.questions import Question, picture, small, unstored
from bench.servers import Server
from bench.setting import Setting

SIZE = 8_000_000
COUNT = 6


class Pictures:
    """Asks about a picture, of the gateway, which keeps it or does not, and of the floor."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._question = picture(SIZE)
        # Before the first picture: what one has left behind would seem to cost nothing.
        self._idle_bytes: dict[str, int] = {}
        for server in (setting.gateway, setting.floor):
            setting.generator.ask(server, [small()], 20, 1)
            self._idle_bytes[server.name] = server.serving.begin_peak()

    def measure(self) -> dict[str, float]:
        """Return CPU per request in milliseconds, by server and what is kept, and the memory that a
        request takes at most, in bodies.

        Requests come one at a time: there is no other memory than the one's.
        """
        gateway, floor = self._setting.gateway, self._setting.floor
        gateway_ms, memory = self._took(gateway, unstored(self._question))
        stored_ms, stored_memory = self._took(gateway, self._question)
        floor_ms, floor_memory = self._took(floor, self._question)
        return {
            "gateway": gateway_ms,
            "stored": stored_ms,
            "floor": floor_ms,
            "ratio": gateway_ms / floor_ms,
            "memory.gateway": memory,
            "memory.stored": stored_memory,
            "memory.floor": floor_memory,
        }

    def _took(self, server: Server, question: Question) -> tuple[float, float]:
        generator, serving = self._setting.generator, server.serving
        generator.ask(server, [question], 1, 1)  # what was never called before takes longer
        serving.begin_peak()
        before_s = serving.cpu_s()
        generator.ask(server, [question], COUNT, 1)
        spent_s, most_bytes = serving.cpu_s() - before_s, serving.peak_bytes()
        self._setting.where.upstream.reset()  # it keeps every body
        return spent_s / COUNT * 1e3, (most_bytes - self._idle_bytes[server.name]) / SIZE
