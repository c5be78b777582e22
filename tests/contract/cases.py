"""Inputs that real providers were seen to send, played byte for byte over a socket.

`tests/fixtures/cases/<name>/` holds what a caller sends (`request.json`), what the upstream answers
to it, head and all (`upstream.whole.raw`, `upstream.stream.raw`), and in `expected.json` what must
come of it: `any` for both forms, or each by its name.

A caller that sends several has `request.1.json` and so on, in which "$1" stands for the id of the
first answer and "$call" for the id of the last call; `upstream.1.whole.raw` answers the first one
that is sent upstream. What is expected comes of the last; `sent` are the calls that its upstream
was sent, each as its arguments and its output.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from app.settings import Api
from app.stream_check.checker import check_stream

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
    requests: tuple[Json, ...]
    raws: tuple[bytes, ...]
    expected: Json
    sent: list[list[str]] | None = None

    @property
    def label(self) -> str:
        """How tests call it."""
        return f"{self.name}-{self.form}"


def cases() -> Iterator[Case]:
    """Yield every form of every case that there is an answer of."""
    for folder in sorted(FOLDER.iterdir()):
        expected = orjson.loads((folder / "expected.json").read_bytes())
        requests = [
            orjson.loads(each.read_bytes()) for each in _numbered(folder, "request", "json")
        ]
        for form in FORMS:
            raws = tuple(each.read_bytes() for each in _numbered(folder, "upstream", f"{form}.raw"))
            if raws:
                bodies = tuple(each | {"stream": form == "stream"} for each in requests)
                shown = expected.get(form) or expected["any"]
                yield Case(folder.name, form, bodies, raws, shown, expected.get("sent"))


def _numbered(folder: Path, name: str, ending: str) -> list[Path]:
    """Return the one file of that name, or else those with a number, in their order."""
    only = folder / f"{name}.{ending}"
    return [only] if only.exists() else sorted(folder.glob(f"{name}.[0-9].{ending}"))


@dataclass(slots=True)
class Conversation:
    """What a caller knows of the answers so far."""

    answers: list[Json] = field(default_factory=list)

    def filled(self, body: Any) -> Any:
        """Return a request with ids in the places of what stands for them."""
        match body:
            case dict():
                return {name: self.filled(value) for name, value in body.items()}
            case list():
                return [self.filled(value) for value in body]
            case "$call":
                items = [item for answer in self.answers for item in answer["output"]]
                return [item["call_id"] for item in items if item["type"] == "function_call"][-1]
            case str() if body[:1] == "$" and body[1:].isdecimal():
                return self.answers[int(body[1:]) - 1]["id"]
            case _:
                return body

    def take(self, body: bytes, content_type: str) -> None:
        """Remember an answer, whole or streamed."""
        self.answers.append(orjson.loads(_whole(body, content_type)))


def pairs(body: Json) -> list[list[str]]:
    """Return the calls that an upstream of Chat Completions was sent: arguments and output."""
    outputs = {
        message["tool_call_id"]: message["content"]
        for message in body["messages"]
        if message["role"] == "tool"
    }
    calls = [call for message in body["messages"] for call in message.get("tool_calls", ())]
    return [[call["function"]["arguments"], outputs[call["id"]]] for call in calls]


class RawUpstream:
    """Answers the n-th request with the n-th of `raws`, or the last, in packets of one size.

    Each has a connection of its own. `packet` None sends an answer at once; `sent` are the bodies
    that came.
    """

    def __init__(self) -> None:
        self.raws: tuple[bytes, ...] = ()
        self.sent: list[Json] = []
        self.packet: int | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Answer until the listener is closed."""
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def play(self, raws: tuple[bytes, ...], packet: int | None) -> None:
        """Answer with these from now on."""
        self.raws, self.packet, self.sent = raws, packet, []

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sent.append(orjson.loads(_read_request(connection)))
            raw = self.raws[min(len(self.sent), len(self.raws)) - 1]
            size = self.packet or len(raw)
            for at in range(0, len(raw), size):
                connection.sendall(raw[at : at + size])
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


def _read_request(connection: socket.socket) -> bytes:
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
    return body


def outcome(status: int, body: bytes, content_type: str) -> Json:
    """Return what an answer of the gateway amounts to, in the words of expected.json.

    Raises:
        StreamBreach: a stream breaks the contract.
    """
    if content_type.startswith("text/event-stream"):
        check_stream(body.splitlines(keepends=True))
    shown = orjson.loads(_whole(body, content_type))
    if status != 200:
        error = shown["error"]
        return {"status": status, "code": error["code"], "message": error["message"]}
    return _response(shown)


def _whole(body: bytes, content_type: str) -> bytes:
    """Return an answer as JSON, be it whole or a stream."""
    return _last_response(body) if content_type.startswith("text/event-stream") else body


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
