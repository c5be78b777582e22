"""Sends one request to a gateway that was just started, over TCP or a Unix socket."""

from __future__ import annotations

import http.client
import socket

from app.cli.common.address import reachable

_TIMEOUT_S = 10.0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(bind: str, path: str, key: str | None = None) -> tuple[int, bytes] | None:
    """Return the status and the body of `GET path`; None if nobody answers at `bind`."""
    connection = _connection(bind)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _connection(bind: str) -> http.client.HTTPConnection:
    if bind.startswith("unix:"):
        return _UnixConnection(bind.removeprefix("unix:"), _TIMEOUT_S)
    host, port = reachable(bind)
    return http.client.HTTPConnection(host.strip("[]"), port, timeout=_TIMEOUT_S)
