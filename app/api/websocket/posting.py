"""Answers a request on a WebSocket through the app, as if it had come by POST."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app.api.server_keys import PUSH, TURN, UPGRADE
from app.api.turns.server import WebSocket
from app.api.turns.turn import SocketTurn
from app.api.websocket.frames import event_lines, refusal

#: Keys of the handshake's environ that do not apply to the requests on the connection.
_NOT_A_RESPONSES = frozenset(
    {
        *("HTTP_UPGRADE", "HTTP_CONNECTION", "HTTP_ORIGIN", "gunicorn.socket", "wsgi.input"),
        *("HTTP_SEC_WEBSOCKET_KEY", "HTTP_SEC_WEBSOCKET_VERSION", "HTTP_SEC_WEBSOCKET_EXTENSIONS"),
        *("HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING"),
        *("HTTP_X_REQUEST_ID", "HTTP_X_CLIENT_REQUEST_ID"),
        *(PUSH, UPGRADE),
    }
)
_OK = "200"
#: A WSGI application (PEP 3333).
App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Posting:
    """Sends the requests of one connection to the app; `environ` is its handshake's."""

    def __init__(self, app: App, environ: dict[str, Any]) -> None:
        self._app = app
        kept = {name: value for name, value in environ.items() if name not in _NOT_A_RESPONSES}
        self._environ = kept | {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": "application/json",
            "QUERY_STRING": "",
            "RAW_URI": environ["PATH_INFO"],
        }

    def answer(self, turn: SocketTurn, socket: WebSocket) -> bool:
        """Send a turn's response, message by message; return False if it is an error or failed.

        Raises:
            OSError: the caller has disconnected; the response has been cancelled.
        """
        answer = _Answer(turn, socket)
        environ = {
            **self._environ,
            "CONTENT_LENGTH": str(turn.length),
            "wsgi.input": io.BytesIO(),
            TURN: turn,
            PUSH: answer,
        }
        pieces = self._app(environ, answer.start)
        try:
            if answer.status[:3] != _OK:
                answer.refuse(b"".join(pieces))
                return False
            for piece in pieces:
                answer.write(piece)
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        return not answer.has_failed


class _Answer:
    """Receives the app's response, which may also push chunks between others (app.api.http.sse)."""

    def __init__(self, turn: SocketTurn, socket: WebSocket) -> None:
        self._stream_id, self._socket = turn.stream_id, socket
        self._begun = False
        self.status = ""
        self._headers: Sequence[tuple[str, str]] = ()
        #: Whether the response ended with response.failed.
        self.has_failed = False

    def start(self, status: str, headers: Sequence[tuple[str, str]], _fault: object = None) -> None:
        """Receive the status and the headers."""
        self.status, self._headers = status, headers

    def write(self, piece: bytes) -> None:
        """Send a chunk of a stream."""
        lines = event_lines(piece, self._stream_id)
        if lines:
            self._begun = True
            self.has_failed = lines[-1].startswith(b'{"type":"response.failed"')
            self._socket.send(lines)

    def refuse(self, body: bytes) -> None:
        """Send an error in place of a stream."""
        number = int(self.status[:3])
        self._socket.send([refusal(number, body, self._headers, self._stream_id)])

    @property
    def is_clear(self) -> bool:
        """Whether a chunk can be pushed now."""
        return self._begun and self._socket.is_clear

    def push(self, piece: bytes) -> None:
        """Send a chunk without waiting."""
        self._socket.send_soon(event_lines(piece, self._stream_id))
