"""Inputs that real providers were seen to send, played byte for byte over a socket.

`tests/fixtures/cases/<name>/` holds what a caller sends (`request.json`), what the upstream answers
to it, head and all (`upstream.whole.raw`, `upstream.stream.raw`), and in `expected.json` what must
come of it: `any` for both forms, or each by its name.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from app.schemas.stream_check import check_stream
from app.settings import Api

Json = dict[str, Any]
Form = Literal["whole", "stream"]

FOLDER = Path(__file__).parent.parent / "fixtures" / "cases"
FORMS: tuple[Form, ...] = ("whole", "stream")
#: Which provider of the gateway under test speaks which format.
PROVIDERS: dict[str, Api] = {"c": "chat_completions", "r": "responses", "a": "anthropic_messages"}


@dataclass(frozen=True, slots=True)
class Case:
    """One form of one case."""

    name: str
    form: Form
    request: Json
    raw: bytes
    expected: Json

    @property
    def label(self) -> str:
        """How tests call it."""
        return f"{self.name}-{self.form}"


def cases() -> Iterator[Case]:
    """Yield every form of every case that there is an answer of."""
    for folder in sorted(FOLDER.iterdir()):
        expected = orjson.loads((folder / "expected.json").read_bytes())
        request = orjson.loads((folder / "request.json").read_bytes())
        for form in FORMS:
            raw = folder / f"upstream.{form}.raw"
            if raw.exists():
                body = {**request, "stream": form == "stream"}
                shown = expected.get(form) or expected["any"]
                yield Case(folder.name, form, body, raw.read_bytes(), shown)


class RawUpstream:
    """Answers each connection's first request with the same bytes, in packets of one size.

    `packet` None sends them at once.
    """

    def __init__(self) -> None:
        self.raw = b""
        self.packet: int | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Answer until the listener is closed."""
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _read_request(connection)
            size = self.packet or len(self.raw)
            for at in range(0, len(self.raw), size):
                connection.sendall(self.raw[at : at + size])
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


@contextmanager
def raw_upstream() -> Iterator[RawUpstream]:
    """Run a RawUpstream in a thread."""
    upstream = RawUpstream()
    threading.Thread(target=upstream.serve, daemon=True).start()
    try:
        yield upstream
    finally:
        upstream.close()


def _read_request(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)


def outcome(status: int, body: bytes, content_type: str) -> Json:
    """Return what an answer of the gateway amounts to, in the words of expected.json.

    Raises:
        StreamBreach: a stream breaks the contract.
    """
    if content_type.startswith("text/event-stream"):
        check_stream(body.splitlines(keepends=True))
        body = _last_response(body)
    shown = orjson.loads(body)
    if status != 200:
        error = shown["error"]
        return {"status": status, "code": error["code"], "message": error["message"]}
    return _response(shown)


def _last_response(stream: bytes) -> bytes:
    *_, last = (
        line.removeprefix(b"data: ")
        for line in stream.split(b"\n")
        if line.startswith(b"data: ") and b'"response":' in line
    )
    return orjson.dumps(orjson.loads(last)["response"])


def _response(response: Json) -> Json:
    details, usage = response["incomplete_details"], response["usage"]
    shown: Json = {
        "status": response["status"],
        "output": [_item(item) for item in response["output"]],
    }
    if usage is not None:
        cached = usage["input_tokens_details"]["cached_tokens"]
        shown["usage"] = [usage["input_tokens"], cached, usage["output_tokens"]]
    if details:
        shown["reason"] = details["reason"]
    if response["error"]:
        shown |= {"code": response["error"]["code"], "message": response["error"]["message"]}
    return shown


def _item(item: Json) -> Json | str:
    match item["type"]:
        case "message":
            (part,) = item["content"]
            extras = {name: part[name] for name in ("annotations", "logprobs") if part.get(name)}
            return {"text": part["text"], **extras} if extras else str(part["text"])
        case "function_call":
            return {"call": item["name"], "arguments": orjson.loads(item["arguments"])}
        case _:
            return item
