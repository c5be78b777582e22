"""The HTTP/1.1 server: one protocol object a connection, no task and no thread a request."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import replace
from typing import Any

import httptools
import orjson

from tests.upstream import control
from tests.upstream.bed import Bed, Record
from tests.upstream.exchange import Exchange
from tests.upstream.plan import JSON, WIRES, End, head, plan, refused_plan
from tests.upstream.refusals import refusal


class Connection(asyncio.Protocol):
    """Reads requests and hands each to its exchange, one after the other."""

    def __init__(self, bed: Bed) -> None:
        self.paused = False
        self._bed = bed
        self._parser = httptools.HttpRequestParser(self)
        self._exchange: Exchange | None = None
        self._stays = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._bed.connections += 1
        self._bed.open += 1
        self._number = self._bed.connections

    def connection_lost(self, error: Exception | None) -> None:
        """The caller hung up, or we did."""
        self._bed.open -= 1
        if self._exchange:
            self._exchange.abandon()

    def pause_writing(self) -> None:
        """The caller reads more slowly than we write."""
        self.paused = True

    def resume_writing(self) -> None:
        """The caller caught up."""
        self.paused = False
        if self._exchange:
            self._exchange.run()

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        """Keep the request's target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer the request."""
        self._stays = self._parser.should_keep_alive()
        target = httptools.parse_url(self._url)
        path = target.path.decode()
        body = b"".join(self._body)
        if path.startswith("/_"):
            query = (target.query or b"").decode()
            control.handle(self._bed, path, query, body, self._tell)
        else:
            self._answer(path, body)

    def _answer(self, path: str, body: bytes) -> None:
        bed = self._bed
        method = self._parser.get_method().decode()
        record = Record(self._number, method, path, self._headers, body, bed.now())
        name = next((name for name in WIRES if path.endswith(name)), None)
        if path.endswith("/models"):
            bed.came(record)
            bed.became(record, "ended")
            self._tell(
                200, {"object": "list", "data": [_model(name, bed.owner) for name in bed.models]}
            )
        elif name is None or method != "POST":
            self._tell(404, {"error": {"message": f"no {method} {path} here", "type": "told"}})
        else:
            given = orjson.loads(body)
            sent = WIRES[name].parse(given)
            refused = refusal(name, given)
            if name == "/messages" and not refused:
                sent = replace(sent, caching=bed.prompts.use(given))
            planned = (
                refused_plan(name, refused)
                if refused
                else plan(name, sent, bed.armed_for(sent.model))
            )
            record.model, record.tag = sent.model, planned.tag
            bed.came(record)
            self._exchange = Exchange(planned, record, self, bed)
            self._exchange.run()

    def _tell(self, status: int, value: Any) -> None:
        body = orjson.dumps(value)
        self.write(head(status, {"content-type": JSON}, len(body)) + body)
        self.end(End())

    def write(self, data: bytes) -> None:
        """Send; an upstream that is told to misbehave may do so to a caller who left."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def end(self, how: End) -> None:
        """Be done with the request."""
        self._exchange = None
        if how.how == "reset":
            reset(self._transport)
        elif how.how == "close" or not self._stays:
            self._transport.close()


class Resetting(asyncio.Protocol):
    """Resets each connection as soon as it is made."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Reset."""
        assert isinstance(transport, asyncio.Transport)
        reset(transport)


def reset(transport: asyncio.Transport) -> None:
    """Close a connection with a TCP reset."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _model(name: str, owner: str) -> dict[str, Any]:
    """Return a model as the formats list it; each takes the fields that it knows."""
    return {
        "id": name,
        "object": "model",
        "type": "model",
        "created": 1_760_000_000,
        "created_at": "2025-10-09T00:00:00Z",
        "display_name": name,
        "owned_by": owner,
    }
