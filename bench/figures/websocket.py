"""An agent's steps by WebSocket, compared with POST, and the memory of an open session."""

from __future__ import annotations

import contextlib

from bench import servers
from bench.load.steps import WebSocketCaller
from bench.questions import small, stepping
from bench.servers import HOST
from bench.setting import Setting

STEPS = 20
SESSIONS = 500
#: By name: whether by WebSocket, whether stored, and whether each step resends everything.
WAYS = {
    "unstored": (True, False, False),
    "stored": (True, True, False),
    "post_stored": (False, True, False),
    "post_resent": (False, False, True),
}


class WebSockets:
    """Conversations of twenty steps with one tool call each, and five hundred sessions at once."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._conversations = setting.sized(20, 5)

    def measure(self) -> dict[str, float]:
        """Return CPU and wall-clock time of twenty steps in milliseconds, kilobytes per session."""
        found = {"session_kb": self._session_kb()}
        server, load = self._setting.gateway, self._setting.generator
        for name, (by_websocket, stored, resends) in WAYS.items():
            before_s = server.serving.cpu_s()
            wall_s = load.converse(
                server,
                stepping(stored=stored),
                STEPS,
                self._conversations,
                by_websocket=by_websocket,
                resends=resends,
            )
            cpu_s = server.serving.cpu_s() - before_s
            found[f"{name}.cpu_ms"] = cpu_s / self._conversations * 1e3
            found[f"{name}.wall_ms"] = wall_s / self._conversations * 1e3
        return found

    def _session_kb(self) -> float:
        """Return the memory of each of many open sessions that have had a response."""
        with servers.gateway(self._setting.where, 1) as own, contextlib.ExitStack() as stack:

            def open_some(count: int) -> None:
                for _ in range(count):
                    caller = WebSocketCaller((HOST, own.port), own.handshake().encode())
                    stack.callback(caller.close)
                    caller.answer(small().responses)

            open_some(20)  # warm-up
            before = own.serving.memory_bytes()
            open_some(SESSIONS)
            return (own.serving.memory_bytes() - before) / SESSIONS / 1000
