"""What leaves the gateway, byte by byte."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import urlsplit

from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from app.stream_check.checker import check_stream
from tests.processes import PATIENCE_S

_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
#: The events that the SDK knows; those of shells and patches are not among them.
_KNOWN = {
    kind
    for each in get_args(get_args(ResponseStreamEvent)[0])
    for kind in get_args(each.model_fields["type"].annotation)
}

Event = dict[str, Any]


class HungUp(AssertionError):
    """The other side closed the connection in the middle of something."""


class RawCall:
    """One HTTP request on a socket of its own, its answer read as it comes."""

    def __init__(self, url: str, request: bytes, on: socket.socket | None = None) -> None:
        place = urlsplit(url)
        self.socket = on or socket.create_connection((place.hostname, place.port), PATIENCE_S)
        self.socket.sendall(request)
        self._read = b""
        self._received = b""
        self._head: tuple[int, dict[str, str]] | None = None
        #: Frames, comments among them, as they come.
        self.frames = (frame for chunk in self.chunks() for frame in chunk.split(b"\n\n") if frame)

    def again(self, request: bytes) -> None:
        """Make another request on the same connection, once the answer to the last was read."""
        self.socket.sendall(request)
        self._head = None

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def head(self) -> tuple[int, dict[str, str]]:
        """Return the status and the headers, their names in lower case."""
        if self._head is None:
            self._head = self._read_head()
        return self._head

    def _read_head(self) -> tuple[int, dict[str, str]]:
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}

    def chunk(self) -> bytes:
        """Read one chunk of a chunked body, which is what one write put there; b"" is the last."""
        status, headers = self.head()
        assert headers.get("transfer-encoding") == "chunked", status
        size = int(self._until(b"\r\n"), 16)
        data = self._exactly(size + 2)[:-2]
        self._received += data
        return data

    def chunks(self) -> Iterator[bytes]:
        """Read chunks to the body's end."""
        return iter(self.chunk, b"")

    def body(self) -> bytes:
        """Return the whole body, what was read of it before included."""
        for _ in self.frames:
            continue
        return self._received

    def whole(self) -> bytes:
        """Return the body of an answer that says how long it is."""
        return self._exactly(int(self.head()[1]["content-length"]))

    def event(self, kind: str) -> Event:
        """Read up to the next event of a type and return it."""
        for frame in self.frames:
            event = parsed(frame)
            if event and event["type"] == kind:
                return event
        raise HungUp(f"no {kind} came")

    def is_closed(self) -> bool:
        """Tell whether the other side has hung up, having said nothing more."""
        return not self._read and self.socket.recv(1) == b""

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._read:
            self._receive()
        found, _, self._read = self._read.partition(mark)
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self._read) < count:
            self._receive()
        found, self._read = self._read[:count], self._read[count:]
        return found

    def _receive(self) -> None:
        came = self.socket.recv(65536)
        if not came:
            raise HungUp(f"after {self._read!r}")
        self._read += came


@dataclass(frozen=True, slots=True)
class Stream:
    """The events of a stream that has ended."""

    events: tuple[Event, ...]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def last(self) -> Event:
        return self.events[-1]

    @property
    def response(self) -> dict[str, Any]:
        """The response of the terminal event."""
        response: dict[str, Any] = self.last["response"]
        return response


def stream_of(body: bytes) -> Stream:
    """Return the events of a stream's body, which has to be well-formed to the last byte."""
    check_stream(body.splitlines(keepends=True))
    events = tuple(event for frame in body.split(b"\n\n") if (event := parsed(frame)))
    for event in events:
        if event["type"] in _KNOWN:
            _EVENT.validate_json(json.dumps(event), strict=True)
    return Stream(events)


def parsed(frame: bytes) -> Event | None:
    """Return a frame's event, None for a comment or [DONE]."""
    data = [line[6:] for line in frame.split(b"\n") if line.startswith(b"data: ")]
    if not data or data == [b"[DONE]"]:
        return None
    event: Event = json.loads(b"\n".join(data))
    return event


def post_bytes(path: str, key: str, body: dict[str, Any], headers: str = "") -> bytes:
    """Return a POST as it goes over the wire."""
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n{headers}\r\n"
    )
    return head.encode() + data


def get_bytes(path: str, key: str) -> bytes:
    """Return a GET as it goes over the wire."""
    return f"GET {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def websocket_bytes(path: str) -> bytes:
    """Return the request that opens a WebSocket, without a key (RFC 6455, section 4.1)."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def raw_post(
    url: str, key: str, body: dict[str, Any]
) -> contextlib.AbstractContextManager[RawCall]:
    """Ask for a response, and hang up when the block is left."""
    return contextlib.closing(RawCall(url, post_bytes("/v1/responses", key, body)))


def raw_get(url: str, key: str, path: str) -> contextlib.AbstractContextManager[RawCall]:
    """Get, and hang up when the block is left."""
    return contextlib.closing(RawCall(url, get_bytes(path, key)))
