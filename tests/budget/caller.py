"""A caller of the gateway without a server in between: WSGI as gunicorn speaks it, no more."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

#: What is entered whenever the gateway runs, and left while the caller does.
Watch = AbstractContextManager[Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that succeeded: how long its head is, and its body in the pieces it came in."""

    head_bytes: int
    pieces: tuple[bytes, ...]

    @property
    def bytes(self) -> int:
        return self.head_bytes + sum(map(len, self.pieces))

    def json(self) -> Any:
        """Return what a whole answer says."""
        return json.loads(b"".join(self.pieces))


class Caller:
    """Somebody with a key."""

    def __init__(self, app: Any, secret: str) -> None:
        self._app = app
        self._secret = secret
        # gunicorn hands over the connection, which is looked at for callers that hang up.
        self._connection, self._far_end = socket.socketpair()

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        watch: Watch | None = None,
        between: Callable[[], None] = lambda: None,
    ) -> Reply:
        """Return the answer; `between` is called before each piece of it but the first."""
        watch = watch or nullcontext()
        environ = self._environ(method, path, b"" if body is None else json.dumps(body).encode())
        heads: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
            heads.append((status, headers))

        with watch:
            result = self._app(environ, start)
            rest = iter(result)
        pieces = []
        while True:
            with watch:
                piece = next(rest, None)
            if piece is None:
                break
            pieces.append(piece)
            between()
        with watch:
            if hasattr(result, "close"):
                result.close()
        ((status, headers),) = heads
        assert status[0] == "2", (status, pieces)
        head_bytes = sum(len(f"{name}: {value}\r\n") for name, value in headers)
        return Reply(head_bytes, tuple(pieces))

    def _environ(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "RAW_URI": path,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_PORT": "50000",
            "HTTP_HOST": "127.0.0.1:8000",
            "HTTP_USER_AGENT": "budget",
            "HTTP_ACCEPT": "application/json",
            "HTTP_AUTHORIZATION": f"Bearer {self._secret}",
            "gunicorn.socket": self._connection,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        if body:
            environ |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
        return environ
