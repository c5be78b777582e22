"""Reasons for which the gateway ends a WebSocket session."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from app.api.turns.server import GOING_AWAY, POLICY, RESTART, WebSocket
from app.errors import GatewayError, InvalidRequest, Restarting, Unauthenticated
from app.schemas.wire.websocket.frames import error_line


@dataclass(slots=True)
class SessionEnding:
    """Why a session ends: the error for its further requests, and the close code and reason.

    If `says` is true, the error is sent before the close frame.
    """

    fault: GatewayError
    code: int
    reason: str
    says: bool = True
    is_done: bool = False

    def send(self, socket: WebSocket, request_id: str) -> None:
        """Close the socket with the reason; further calls do nothing.

        `request_id` is the handshake's.
        """
        if self.is_done:
            return
        self.is_done = True
        with suppress(OSError):  # the caller has disconnected
            if self.says:
                socket.send([error_line(self.fault, None, request_id)])
            socket.close(self.code, self.reason)


def too_old(seconds: float) -> SessionEnding:
    """Return the ending of a session that has reached its maximum age."""
    fault = InvalidRequest(
        f"This connection has reached its limit of {seconds / 60:g} minutes: open another.",
        code="websocket_connection_limit_reached",
    )
    return SessionEnding(fault, GOING_AWAY, "connection limit reached")


def idle(seconds: float) -> SessionEnding:
    """Return the ending of a session without a request for `seconds`."""
    fault = InvalidRequest("This connection was idle for too long: open another.")
    return SessionEnding(fault, GOING_AWAY, f"idle for {seconds:g} s", says=False)


def revoked(fault: Unauthenticated) -> SessionEnding:
    """Return the ending of a session whose key is no longer valid."""
    return SessionEnding(fault, POLICY, "key not valid")


def restart() -> SessionEnding:
    """Return the ending of a session whose process is stopping."""
    fault = Restarting("The gateway is being restarted: open another connection.")
    return SessionEnding(fault, RESTART, "restart", says=False)
