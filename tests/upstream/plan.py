"""A script and a wire format become steps: what to write to the socket, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Literal

import orjson

from tests.upstream.answer import ReadRequest, Wire, answer
from tests.upstream.anthropic import AnthropicWire
from tests.upstream.chat import ChatWire
from tests.upstream.frames import dumps
from tests.upstream.responses import ResponsesWire
from tests.upstream.script import DEFAULT, BadScript, Fail, Script, read

WIRES: dict[str, Wire] = {
    "/chat/completions": ChatWire(),
    "/responses": ResponsesWire(),
    "/messages": AnthropicWire(),
}

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Send:
    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Gate:
    """Wait until the script's tag is released."""


@dataclass(frozen=True, slots=True)
class Flood:
    """Write that many bytes that hold no line's end, as fast as they are taken."""

    count: int


@dataclass(frozen=True, slots=True)
class End:
    """The exchange is over: keep the connection for the next, or close or reset it."""

    how: Literal["keep", "close", "reset"] = "keep"


Step = Send | Pause | Gate | Flood | End


@dataclass(frozen=True, slots=True)
class Plan:
    tag: str
    steps: tuple[Step, ...]


@lru_cache(maxsize=2048)
def plan(path: str, request: ReadRequest, armed: str | None) -> Plan:
    """Return what to do with a request: as it was armed, else as its model or its text says."""
    wire = WIRES[path]
    try:
        script = _script(request, armed)
    except BadScript as error:
        return Plan("", tuple(_failed(wire, Fail(status=400, message=str(error)))))
    steps = _dripped(_steps(wire, request, script), script)
    return Plan(script.tag, tuple(_joined(steps)))


def refused_plan(path: str, fail: Fail) -> Plan:
    """Return what to do with a request that no strict server would answer."""
    return Plan("", tuple(_failed(WIRES[path], fail)))


def _script(request: ReadRequest, armed: str | None) -> Script:
    for text in (armed, request.model, request.heard):
        if text and (script := read(text)):
            return script
    return DEFAULT


def _steps(wire: Wire, request: ReadRequest, script: Script) -> Iterator[Step]:
    if script.wait_s:
        yield Pause(script.wait_s)
    if script.stall_after == -1:
        yield Gate()
    if script.cut_after == -1:
        yield End("reset" if script.cut == "reset" else "close")
    elif script.fail:
        yield from _failed(wire, script.fail)
    elif script.garbage == "head":
        yield Send(b"SSH-2.0-OpenSSH_9.2\r\nthis is no HTTP\r\n\r\n")
        yield End("close")
    elif request.stream:
        yield from _streamed(wire, request, script)
    else:
        yield from _whole(wire, request, script)


def _failed(wire: Wire, fail: Fail) -> Iterator[Step]:
    body = wire.error(fail) if fail.body is None else fail.body
    kind = "text/html" if isinstance(body, str) else JSON
    data = body.encode() if isinstance(body, str) else orjson.dumps(body)
    headers = {"content-type": kind} | {name.lower(): value for name, value in fail.headers}
    yield Send(head(fail.status, headers, len(data)) + data)
    yield End()


def _whole(wire: Wire, request: ReadRequest, script: Script) -> Iterator[Step]:
    body = dumps(wire.whole(answer(request, script)))
    if script.garbage == "line":
        yield Send(head(200, _headers_of(script, JSON), script.garbage_bytes))
        yield Flood(script.garbage_bytes)
        yield End("close")
        return
    if script.error_after is not None:
        yield from _failed(wire, replace(script.error, status=200))
        return
    if script.garbage == "frame":
        yield from _failed(wire, Fail(status=200, body='{"broken": '))
        return
    middle = len(body) // 2
    yield Send(head(200, _headers_of(script, JSON), len(body)))
    yield from _pieces(wire, script, (body[:middle], body[middle:]), b"", chunked=False)


def _streamed(wire: Wire, request: ReadRequest, script: Script) -> Iterator[Step]:
    result = wire.stream(answer(request, script))
    yield Send(head(200, _headers_of(script, "text/event-stream"), None) + chunk(result.opening))
    yield from _pieces(wire, script, result.pieces, result.closing, chunked=True)


def _pieces(
    wire: Wire, script: Script, pieces: Sequence[bytes], closing: bytes, *, chunked: bool
) -> Iterator[Step]:
    wrap = chunk if chunked else bytes
    for number, piece in enumerate((*pieces, closing)):
        if script.stall_after == number or script.step:
            yield Gate()
        if script.cut_after == number:
            yield from _cut(script, wrap(piece), chunked=chunked)
            return
        if script.error_after == number:
            yield Send(wrap(wire.error_frame(script.error)))
            break
        if script.garbage == "frame" and script.garbage_after == number:
            yield Send(chunk(b'data: {"broken": \n\n'))
        if script.garbage == "line" and script.garbage_after == number:
            yield Send(b"%x\r\ndata: " % (script.garbage_bytes + 6))
            yield Flood(script.garbage_bytes)
            yield End("close")
        if script.interval_s and 0 < number < len(pieces):
            yield Pause(script.interval_s)
        yield Send(wrap(piece))
    yield Send(b"0\r\n\r\n" if chunked else b"")
    yield End()


def _cut(script: Script, piece: bytes, *, chunked: bool) -> Iterator[Step]:
    match script.cut:
        case "close" | "reset":
            yield End(script.cut)
        case "end":
            yield Send(b"0\r\n\r\n" if chunked else b"")
            yield End("keep" if chunked else "close")
        case "frame":
            yield Send(piece[: len(piece) // 2])
            yield End("close")
        case "utf8":
            inside = next(index for index, byte in enumerate(piece) if byte >= 0x80)
            yield Send(piece[: inside + 1])
            yield End("close")


def _dripped(steps: Iterator[Step], script: Script) -> Iterator[Step]:
    for step in steps:
        if script.drip and isinstance(step, Send):
            for start in range(0, len(step.data), script.drip):
                yield Send(step.data[start : start + script.drip])
                yield Pause(script.interval_s)
        else:
            yield step


def _joined(steps: Iterator[Step]) -> Iterator[Step]:
    """Make one write of what is to be written at once."""
    data = b""
    for step in steps:
        if isinstance(step, Send):
            data += step.data
            continue
        if data:
            yield Send(data)
        data = b""
        yield step


def _headers_of(script: Script, kind: str) -> dict[str, str]:
    """Return the headers of an answer."""
    return {"content-type": kind} | ({"server": script.server} if script.server else {})


def head(status: int, headers: dict[str, Any], length: int | None) -> bytes:
    """Return the head of an HTTP answer; without a length the body comes in chunks."""
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Told To"
    lines = [f"HTTP/1.1 {status} {phrase}", framing, "x-request-id: req_upstream"]
    lines += ["request-id: req_upstream"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Return data as one chunk of a chunked body; nothing for no data, which would end it."""
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""
