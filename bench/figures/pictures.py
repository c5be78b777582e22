"""CPU and memory of a request that contains a picture of 8 MB, as a data URL."""

from __future__ import annotations

from bench import servers
from bench.questions import Question, picture, small, unstored
from bench.servers import Server
from bench.setting import Setting

SIZE = 8_000_000
COUNT, WARM_UP = 6, 2


class Pictures:
    """Sends a picture to the gateway, stored and not stored, and to the floor.

    Each slice uses new processes: growth by other figures would count as the picture's, and memory
    that earlier pictures have left behind would hide its cost.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._question = picture(SIZE)

    def measure(self) -> dict[str, float]:
        """Return CPU per request in milliseconds, and its peak memory as a multiple of its body.

        They are by server and storage. Requests come one at a time: the peak contains only one, and
        what the process keeps of those before it. The stored ones come after the others.
        """
        where = self._setting.where
        with servers.gateway(where, 1) as gateway:
            idle_bytes = self._idle_bytes(gateway)
            gateway_ms, memory = self._took(gateway, unstored(self._question), idle_bytes)
            stored_ms, stored_memory = self._took(gateway, self._question, idle_bytes)
        with servers.floor(where, 1) as floor:
            floor_ms, floor_memory = self._took(floor, self._question, self._idle_bytes(floor))
        return {
            "gateway": gateway_ms,
            "stored": stored_ms,
            "floor": floor_ms,
            "ratio": gateway_ms / floor_ms,
            "memory.gateway": memory,
            "memory.stored": stored_memory,
            "memory.floor": floor_memory,
        }

    def _idle_bytes(self, server: Server) -> int:
        """Return the memory of a server that has answered requests, but none with a picture."""
        self._setting.generator.ask(server, [small()], 20, 1)
        return server.serving.begin_peak()

    def _took(self, server: Server, question: Question, idle_bytes: int) -> tuple[float, float]:
        generator, serving = self._setting.generator, server.serving
        # Warm-up: first calls take longer, as does memory that was never touched.
        generator.ask(server, [question], WARM_UP, 1)
        before_s = serving.cpu_s()
        generator.ask(server, [question], COUNT, 1)
        spent_s, most_bytes = serving.cpu_s() - before_s, serving.peak_bytes()
        self._setting.where.upstream.reset()  # it stores every body
        return spent_s / COUNT * 1e3, (most_bytes - idle_bytes) / SIZE
