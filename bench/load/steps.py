"""Agents' loops: steps with one tool call each, one after another, by WebSocket or by POST."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from time import perf_counter
from typing import Any

from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import TextMessage

Json = dict[str, Any]
PATIENCE_S = 30.0
_ENDED = b'{"type":"response.completed"'
_READ = 256 * 1024


class Caller:
    """A connection that is kept for all steps; every response is streamed."""

    def __init__(self, address: tuple[str, int], head: bytes) -> None:
        self._socket = socket.create_connection(address, PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = head

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def answer(self, body: Json) -> Json:
        """Return the response to a body of POST /v1/responses."""
        data = json.dumps(body | {"stream": True}).encode()
        self._socket.sendall(self._head % len(data) + data)
        came = b""
        while not came.endswith(b"\r\n0\r\n\r\n"):
            came += self._received()
        ended: Json = json.loads(came[came.index(_ENDED) :].split(b"\n", 1)[0])["response"]
        return ended

    def _received(self) -> bytes:
        data = self._socket.recv(_READ)
        if not data:
            raise ConnectionError("the server hung up")
        return data


class WebSocketCaller(Caller):
    """The same on a WebSocket."""

    def __init__(self, address: tuple[str, int], head: bytes) -> None:
        super().__init__(address, head)
        self._protocol = Connection(ConnectionType.CLIENT)
        self._socket.sendall(head)
        came = b""
        while b"\r\n\r\n" not in came:
            came += self._received()
        if b" 101 " not in came[:20]:
            raise ConnectionError(f"no WebSocket was opened: {came[:300]!r}")

    def answer(self, body: Json) -> Json:
        message = json.dumps({"type": "response.create", **body})
        self._socket.sendall(self._protocol.send(TextMessage(message)))
        for line in self._lines():
            if line.encode().startswith(_ENDED):
                ended: Json = json.loads(line)["response"]
                return ended
        raise AssertionError("lines come until the server hangs up")

    def _lines(self) -> Iterator[str]:
        parts: list[str] = []
        while True:
            self._protocol.receive_data(self._received())
            for event in self._protocol.events():
                if isinstance(event, TextMessage):
                    parts.append(event.data)
                    if event.message_finished:
                        yield "".join(parts)
                        parts.clear()


def run(
    address: tuple[str, int],
    head: str,
    first: Json,
    output: str,
    steps: int,
    conversations: int,
    *,
    by_websocket: bool,
    resends: bool,
) -> dict[str, object]:
    """Run conversations of `steps` steps each; return the time they took together.

    Each step's response calls a function. The next step sends its `output`, and with `resends`
    everything before it as well.
    """
    started = perf_counter()
    for _ in range(conversations):
        caller = (WebSocketCaller if by_websocket else Caller)(address, head.encode("latin-1"))
        _converse(caller, first, output, steps, resends=resends)
        caller.close()
    return {"wall_s": perf_counter() - started}


def _converse(caller: Caller, first: Json, output: str, steps: int, *, resends: bool) -> None:
    body = first
    given: list[Json] = [{"role": "user", "content": first["input"]}]
    for _ in range(steps):
        response = caller.answer(body)
        (call,) = (item for item in response["output"] if item["type"] == "function_call")
        new = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
        if resends:
            given += [call, new]
            body = {**first, "input": [*given]}
        else:
            body = {**first, "input": [new], "previous_response_id": response["id"]}
