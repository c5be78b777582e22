"""What a worker keeps of a caller's requests while it answers them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Self, cast

from app.serving.http.heads import Head
from app.serving.http.request_body import RequestBody
from app.serving.worker import GatewayWorker


class Read(bytes):
    """What one read brought; counts those that are there."""

    alive = 0

    def __new__(cls, data: bytes) -> Self:
        cls.alive += 1
        return super().__new__(cls, data)

    def __del__(self) -> None:
        type(self).alive -= 1


class Caller:
    """Sends a request in one piece, then hangs up."""

    def __init__(self, request: bytes) -> None:
        self._requests = [request]

    def recv(self, _size: int) -> bytes:
        return Read(self._requests.pop()) if self._requests else b""

    def let_others_run(self, _unread: int) -> None:
        """Nobody else runs."""


def test_what_was_read_of_a_request_is_not_kept_while_its_answer_lasts() -> None:
    request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    served: list[tuple[bytes, int]] = []

    def serve(_head: Head, body: RequestBody, _shared: dict[str, Any]) -> bool:
        served.append((body.read(), Read.alive))
        return True

    worker = SimpleNamespace(
        _environ={},
        _head_came=lambda _: None,
        _serve=serve,
        _is_read=lambda *_: True,
        _await_head=lambda _: None,
    )
    listener = SimpleNamespace(getsockname=lambda: "/run/gateway")
    GatewayWorker._converse(cast(Any, worker), listener, cast(Any, Caller(request)), "")
    assert served == [(b"hello", 0)]
