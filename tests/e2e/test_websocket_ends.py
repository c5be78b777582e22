"""How a WebSocket ends: what its caller waits for, and what is written down of it (E10)."""

from __future__ import annotations

import contextlib
import json
import struct
from secrets import token_hex
from typing import Any

import pytest
from wsproto import ConnectionType
from wsproto.connection import Connection as Protocol
from wsproto.events import CloseConnection, Event, TextMessage

from tests.e2e.gateway import Gateway
from tests.e2e.test_websocket_limits import frame
from tests.e2e.wire import RawCall, websocket_bytes
from tests.processes import PATIENCE_S, until
from tests.upstream.client import Upstream
from tests.upstream.script import Script

WORDS = ("one ", "two ", "three")
BYE = frame(8, struct.pack("!H", 1000) + b"bye")


def opened(gateway: Gateway, *headers: str) -> tuple[RawCall, str]:
    """Return a new connection for bytes, and the id of its handshake."""
    request_id = f"ws-{token_hex(8)}"
    lines = [f"Authorization: Bearer {gateway.keys.own}", f"X-Request-ID: {request_id}", *headers]
    head = websocket_bytes("/v1/responses")[:-2] + "\r\n".join([*lines, "", ""]).encode()
    call = RawCall(gateway.url, head)
    assert call.head()[0] == 101
    return call, request_id


class Caller:
    """A caller on a connection, who reads frame by frame."""

    def __init__(self, call: RawCall) -> None:
        self._socket = call.socket
        self._protocol = Protocol(ConnectionType.CLIENT)

    def create(self, script: Script) -> None:
        """Ask for a response."""
        body = {"type": "response.create", "model": "steady", "input": script.text()}
        self._socket.sendall(self._protocol.send(TextMessage(json.dumps(body))))

    def until(self, kind: type[Event], seconds: float = PATIENCE_S) -> Any:
        """Return the next event of a kind, which has to come within so many seconds."""
        self._socket.settimeout(seconds)
        while True:
            for event in self._protocol.events():
                if isinstance(event, kind):
                    return event
            data = self._socket.recv(65536)
            assert data, "it has ended"
            self._protocol.receive_data(data)

    def is_at_end(self, seconds: float) -> bool:
        """Return whether the connection ends within so many seconds, and nothing comes before."""
        self._socket.settimeout(seconds)
        return self._socket.recv(1) == b""


def test_a_caller_who_closes_does_not_wait_for_what_goes_on_without_it(
    gateway: Gateway, upstream: Upstream
) -> None:
    """Packages wait for the end of the connection: websockets for ten seconds."""
    script = Script(tag=f"goes-on-{token_hex(4)}", say=WORDS, stall_after=1)
    call, request_id = opened(gateway, "X-On-Disconnect: continue")
    with contextlib.closing(call):
        caller = Caller(call)
        caller.create(script)
        made = json.loads(caller.until(TextMessage).data)["response"]["id"]
        upstream.wait(script.tag, "stalled")
        call.socket.sendall(BYE)
        assert caller.until(CloseConnection).code == 1000
        assert caller.is_at_end(5)
    assert gateway.logged(event="websocket_closed", request_id=request_id)["reason"] == "caller"
    assert gateway.get(made).json()["status"] == "in_progress"
    upstream.release(script.tag)
    until(lambda: gateway.get(made).json()["status"] == "completed", "its end")


@pytest.mark.parametrize(
    ("raw", "code", "reason"),
    [
        (BYE, None, "caller"),
        (frame(3, b"x"), 1002, "Invalid opcode 0x3"),
        (frame(1, b"\xff\xfe"), 1007, "text that is not UTF-8, or cannot be inflated"),
        (frame(1, b"", fin=False) + frame(0, b"", fin=False) * 5000, 1009, "message too big"),
    ],
)
def test_the_log_says_who_ended_it_and_why(
    gateway: Gateway, raw: bytes, code: int | None, reason: str
) -> None:
    call, request_id = opened(gateway)
    with contextlib.closing(call):
        call.socket.sendall(frame(1, b"{") + raw)
        Caller(call).until(CloseConnection)
        if code is not None:
            call.socket.sendall(frame(8, struct.pack("!H", code)))
    line = gateway.logged(event="websocket_closed", request_id=request_id)
    assert (line["code"], line["reason"]) == (code, reason)
    assert (line["responses"], line["refused"]) == (0, 1)
