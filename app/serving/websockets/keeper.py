"""Watches the open WebSockets of a worker, for timeouts and keys that are no longer valid."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from gevent import Greenlet, sleep, spawn

from app.api.turns.server import WebSocketHandler
from app.logs.libraries import uncaught_in_greenlet
from app.serving.callers import CallerSocket
from app.serving.websockets.socket import CallerWebSocket
from app.serving.websockets.upgrade import Upgrade

#: Interval between checks, in seconds: a revoked key is noticed within a second.
LOOK_S = 0.4


class WebSocketKeeper:
    """Serves and watches WebSockets. While none is open, it does nothing."""

    def __init__(self, count_request: Callable[[], None]) -> None:
        self._count_request = count_request
        self._open: dict[WebSocketHandler, CallerWebSocket] = {}
        self._looking: Greenlet[..., Any] | None = None
        self._retires = False

    def serve(self, upgrade: Upgrade, caller: CallerSocket, came: bytes) -> None:
        """Answer the handshake, then run its handler until the connection ends."""
        handler = upgrade.handler()
        if handler is None:
            raise AssertionError("nobody has taken the connection over")
        try:
            head, protocol, inflates = upgrade.switched()
            caller.sendall(head)
        except BaseException:
            handler.abandon()
            raise
        socket = CallerWebSocket(
            caller, protocol, came, inflates=inflates, count_request=self._count_request
        )
        self._open[handler] = socket
        try:
            self._look_after()
            if self._retires:
                socket.spawn(handler.retire)
            handler.run(socket)
        finally:
            del self._open[handler]

    def retire(self) -> None:
        """End every WebSocket once its running responses have ended."""
        self._retires = True
        for handler in list(self._open):
            handler.retire()

    def _look_after(self) -> None:
        if self._looking is None:
            self._looking = spawn(self._look)

    def _look(self) -> None:
        while self._open:
            sleep(LOOK_S)
            now = monotonic()
            for handler, socket in list(self._open.items()):
                try:
                    socket.look(now)
                    handler.look(now)
                except OSError:
                    continue  # the client has gone, which its reader will detect
                except Exception as bug:  # noqa: BLE001 - the others still need their checks
                    uncaught_in_greenlet(None, self._looking, type(bug), bug, bug.__traceback__)
        self._looking = None
