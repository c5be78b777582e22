"""A WebSocket without a wire: what a caller sends on it, and what is sent back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
from flask import Flask

from app.api.server_keys import UPGRADE
from app.api.turns.server import ClientMessage, Closure, WebSocketHandler
from tests.api.conftest import Asker

Json = dict[str, Any]
#: What a caller says, or what a test does then.
Message = Json | bytes | Callable[[], object]
NONCE = "dGhlIHNhbXBsZSBub25jZQ=="


class FakeSocket:
    """Implements app.api.turns.server.WebSocket: plays messages, and what a test does between.

    What is begun beside runs at once, or with `holds` when `run` says so.
    """

    def __init__(self, *messages: Message, holds: bool = False) -> None:
        #: What is still to come.
        self.messages = list(messages)
        self._holds = holds
        self._waiting: list[Callable[[], None]] = []
        self.frames: list[Json] = []
        self.closed: tuple[int, str] | None = None
        self.is_hung_up = False
        #: What is raised when something is sent.
        self.fault: OSError | None = None
        self.is_clear = False

    def receive(self, weigh: Callable[[int], None]) -> ClientMessage | None:
        while self.messages and self.closed is None:
            message = self.messages.pop(0)
            if callable(message):
                message()
                continue
            data = message if isinstance(message, bytes) else orjson.dumps(message)
            if len(data) > 65536:
                weigh(len(data))
            return ClientMessage(data)
        return None

    def send(self, lines: Sequence[bytes]) -> None:
        if self.fault is not None:
            raise self.fault
        self.frames += [orjson.loads(line) for line in lines]

    def send_soon(self, lines: Sequence[bytes]) -> None:
        self.send(lines)

    def close(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)

    @property
    def closure(self) -> Closure | None:
        return None if self.closed is None else Closure(*self.closed)

    def hang_up(self) -> None:
        self.is_hung_up = True

    def count_request(self) -> None:
        """Count nothing: no process ends after so many."""

    def spawn(self, work: Callable[[], None]) -> None:
        self._waiting.append(work)
        if not self._holds:
            self.run()

    def run(self) -> None:
        """Do what was to be done beside."""
        while self._waiting:
            self._waiting.pop(0)()

    @property
    def types(self) -> list[str]:
        """The types of the frames that were sent."""
        return [frame["type"] for frame in self.frames]

    def errors(self) -> list[Json]:
        """Return the frames that are errors of no response."""
        return [frame for frame in self.frames if frame["type"] == "error" and "status" in frame]

    def ended(self) -> list[Json]:
        """Return the responses that have ended."""
        return [
            frame["response"]
            for frame in self.frames
            if frame["type"] in ("response.completed", "response.incomplete", "response.failed")
        ]


class FakeUpgrade:
    """Takes the handler that the app gives."""

    def __init__(self) -> None:
        self.handler: WebSocketHandler | None = None
        self.subprotocol: str | None = None

    def accept(self, handler: WebSocketHandler, subprotocol: str | None) -> None:
        self.handler, self.subprotocol = handler, subprotocol


class Handshake:
    """A handshake, and what it was answered."""

    #: Where it asks for one.
    path = "/v1/responses"

    def __init__(self, app: Flask, **headers: str | None) -> None:
        self.upgrade = FakeUpgrade()
        given = {"Sec-WebSocket-Key": NONCE, "Sec-WebSocket-Version": "13", "Host": "gateway"}
        given |= {name.replace("_", "-"): value for name, value in headers.items() if value}
        for name in [name for name, value in headers.items() if value is None]:
            given.pop(name.replace("_", "-"), None)
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": self.path,
            "QUERY_STRING": "",
            "wsgi.url_scheme": "http",
            "HTTP_UPGRADE": "websocket",
            UPGRADE: self.upgrade,
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in given.items()},
        }
        pieces = app.wsgi_app(environ, self._start)
        self.body = b"".join(pieces)

    def _start(self, status: str, headers: Sequence[tuple[str, str]], _: object = None) -> Any:
        self.status, self.headers = int(status[:3]), dict(headers)

    @property
    def error(self) -> Json:
        """The error object of a refusal."""
        error: Json = orjson.loads(self.body)["error"]
        return error


def opened(asker: Asker, **headers: str) -> WebSocketHandler:
    """Return the session of a new WebSocket of theirs."""
    app: Flask = asker.client.application
    handshake = Handshake(app, Authorization=f"Bearer {asker.secret}", **headers)
    assert handshake.status == 101, handshake.body
    assert handshake.upgrade.handler is not None
    return handshake.upgrade.handler


def talk(
    asker: Asker, *messages: Json | bytes | Callable[[], object], **headers: str
) -> FakeSocket:
    """Return a WebSocket on which all of that was said."""
    socket = FakeSocket(*messages)
    opened(asker, **headers).run(socket)
    return socket


def create(said: Any = "Hi", **more: Any) -> Json:
    """Return a `response.create` for the model that repeats what it is told."""
    return {"type": "response.create", "model": "local/echo", "input": said, **more}


def streamed(asker: Asker, body: Json) -> Iterator[Json]:
    """Yield the events that a POST of a body is answered with."""
    answer = asker.ask("POST", "/v1/responses", {**body, "stream": True})
    for frame in answer.get_data().split(b"\n\n"):
        if frame.startswith(b"event: "):
            yield orjson.loads(frame.partition(b"\ndata: ")[2])
