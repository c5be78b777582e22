"""A receiver of webhooks, in this process: what it does with a request is said by the path."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from openai import OpenAI


@dataclass(frozen=True, slots=True)
class Received:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """Return the event that was in it."""
        event: dict[str, Any] = orjson.loads(self.body)
        return event

    def unwrapped(self, secret: str) -> Any:
        """Return the event as OpenAI's SDK takes it, which checks the signature."""
        client = OpenAI(api_key="none", base_url="http://nowhere.invalid")
        with client:
            return client.webhooks.unwrap(self.body, self.headers, secret=secret)


@dataclass(slots=True)
class Receiver:
    """A receiver and all that has come. `statuses` says what paths answer, the last for good."""

    url: str
    statuses: dict[str, list[int]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def at(self, path: str) -> list[Received]:
        """Return what has come to a path."""
        return [each for each in self.received if each.path == path]

    def status_of(self, path: str) -> int:
        """Return what a request at a path is answered with."""
        left = self.statuses.get(path, [200])
        return left.pop(0) if len(left) > 1 else left[0]


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        given = {name.lower(): value for name, value in self.headers.items()}
        self.receiver.received.append(Received(self.path, given, body))
        with contextlib.suppress(OSError):
            _WAYS.get(self.path.split("/")[1], _answer)(self)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _answer(handler: _Handler) -> None:
    receiver = handler.receiver
    handler.send_response(receiver.status_of(handler.path))
    for name, value in receiver.headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", "2")
    handler.end_headers()
    handler.wfile.write(b"ok")


def _hang(handler: _Handler) -> None:
    handler.receiver.released.wait(60)


def _hold(handler: _Handler) -> None:
    """Answer the first request once it is released, and the others at once."""
    if len(handler.receiver.at(handler.path)) == 1:
        handler.receiver.released.wait(60)
    _answer(handler)


def _drip(handler: _Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.receiver.released.wait(0.02):
        handler.wfile.write(b"X")


def _pour(handler: _Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not handler.receiver.released.is_set():
        handler.wfile.write(b"x" * 65536)


def _hint(handler: _Handler) -> None:
    """Answer as a server does that has begun to work: 102 and 103, then the answer."""
    handler.wfile.write(b"HTTP/1.1 102 Processing\r\n\r\n")
    handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    _answer(handler)


def _redirect(handler: _Handler) -> None:
    handler.send_response(307)
    handler.send_header("Location", handler.receiver.url + "/elsewhere")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def _flood(handler: _Handler) -> None:
    """Redirect, with a body that does not end."""
    handler.send_response(307)
    handler.send_header("Location", "http://[")
    handler.end_headers()
    while not handler.receiver.released.is_set():
        handler.wfile.write(b"x" * 65536)


def _babble(handler: _Handler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")


_WAYS: dict[str, Callable[[_Handler], None]] = {
    "hang": _hang,
    "hold": _hold,
    "drip": _drip,
    "pour": _pour,
    "hint": _hint,
    "redirect": _redirect,
    "flood": _flood,
    "babble": _babble,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on 127.0.0.1."""
    receiver = Receiver("")
    handler = type("Handler", (_Handler,), {"receiver": receiver})
    with _Server(("127.0.0.1", 0), handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.released.set()
            server.shutdown()
            thread.join()
