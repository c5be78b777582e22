"""The WebSocket handshake (RFC 6455, section 4), by means of wsproto."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from h11 import ProtocolError
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection
from wsproto.events import AcceptConnection
from wsproto.utilities import RemoteProtocolError

from app.api.turns.server import WebSocketHandler
from app.errors import InvalidRequest
from app.serving.websockets.deflate import InboundDeflate

_SWITCHING = "101"
_OF_A_BODY = frozenset({"content-length", "content-type"})


class Upgrade:
    """Offered to the app in the environ: with it, it may take the connection over.

    `environ` is the request's; `start` receives the app's status and headers.
    """

    def __init__(self, environ: Mapping[str, Any], start: Callable[..., object]) -> None:
        self._environ = environ
        self._start = start
        self._status = ""
        self._headers: Iterable[tuple[str, str]] = ()
        self._protocol: WSConnection | None = None
        self._subprotocol: str | None = None
        self._handler: WebSocketHandler | None = None

    def accept(self, handler: WebSocketHandler, subprotocol: str | None) -> None:
        """Let `handler` take over the connection once the app has answered with 101.

        Raises:
            InvalidRequest: the handshake is malformed.
        """
        protocol = WSConnection(ConnectionType.SERVER)
        try:
            protocol.initiate_upgrade_connection(_fields(self._environ), "/")
        except (ProtocolError, RemoteProtocolError) as fault:
            raise InvalidRequest(f"This is no handshake of a WebSocket: {fault}.") from None
        self._protocol, self._subprotocol, self._handler = protocol, subprotocol, handler

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> object:
        """Receive the app's status and headers, as start_response does."""
        self._status, self._headers = status, headers
        return self._start(status, headers, exc_info)

    def handler(self) -> WebSocketHandler | None:
        """Return the handler of the connection; None if it was not taken over."""
        return self._handler if self._status.startswith(_SWITCHING) else None

    def switched(self) -> tuple[bytes, Connection, bool]:
        """Return the response to the handshake, and wsproto's connection for what follows.

        The third value tells whether the client's messages may be compressed.
        """
        protocol = self._protocol
        if protocol is None:
            raise AssertionError("nobody has taken the connection over")
        extra = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in self._headers
            if name.lower() not in _OF_A_BODY
        ]
        deflate = InboundDeflate()
        head = protocol.send(AcceptConnection(self._subprotocol, [deflate], extra))
        if protocol.connection is None:
            raise AssertionError("a handshake that was accepted has its connection")
        return head, protocol.connection, deflate.enabled()


def _fields(environ: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Return the header fields that concern the handshake."""
    names = ("HOST", "UPGRADE", "CONNECTION")
    keys = [f"HTTP_{name}" for name in names]
    keys += [name for name in environ if name.startswith("HTTP_SEC_WEBSOCKET_")]
    return [
        (key.removeprefix("HTTP_").replace("_", "-").encode(), environ[key].encode("latin-1"))
        for key in keys
        if key in environ
    ]
