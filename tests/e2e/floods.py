"""A model server that comes to no end, in every format; of what, the model's name says."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import Any

import orjson

_WORDS = 20_000


def _chat(delta: dict[str, Any]) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def _chat_call(number: int) -> list[dict[str, Any]]:
    call = {"index": number, "id": f"c{number}", "function": {"name": "f", "arguments": "{}"}}
    return [_chat({"tool_calls": [call]})]


def _messages_call(number: int) -> list[dict[str, Any]]:
    block = {"type": "tool_use", "id": f"c{number}", "name": "f", "input": {}}
    return [
        {"type": "content_block_start", "index": number, "content_block": block},
        {"type": "content_block_stop", "index": number},
    ]


def _messages_text(text: str) -> dict[str, Any]:
    delta = {"type": "text_delta", "text": text}
    return {"type": "content_block_delta", "index": 0, "delta": delta}


def _responses_call(number: int) -> list[dict[str, Any]]:
    item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"c{number}", "name": "f"}
    return [{"type": "response.output_item.added", "output_index": number, "item": item}]


def _responses_text(text: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "output_index": 0, "delta": text}


_START = [
    {"type": "message_start", "message": {"role": "assistant"}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
]
_FORMATS: dict[str, Any] = {
    "/v1/chat/completions": ([], _chat_call, lambda text: _chat({"content": text})),
    "/v1/messages": (_START, _messages_call, _messages_text),
    "/v1/responses": ([], _responses_call, _responses_text),
}


def _frames(events: list[dict[str, Any]]) -> bytes:
    return b"".join(b"data: %b\n\n" % orjson.dumps(event) for event in events)


def flood(path: str, kind: str) -> Iterator[bytes]:
    """Yield what a stream says that has no end."""
    start, call, text = _FORMATS[path]
    yield _frames(start)
    match kind:
        case "calls":
            pieces = [_frames([e for n in range(20_000) for e in call(n)]), _frames([text("x")])]
        case "text":
            pieces = [_frames([text("x" * 4000 + "\n")]) * 50]
        case "words":
            pieces = [_frames([text(f"{n}\n") for n in range(_WORDS)])]
        case _:
            pieces = [b": " + b"nothing, " * 10_000]
    yield from cycle(pieces)


def endless() -> Iterator[bytes]:
    """Yield a whole answer that has no end."""
    yield b'{"choices": [{"message": {"content": "'
    yield from cycle([b"nothing, " * 10_000])


#: Counts that no server can mean.
ABSURD = [2**63, -(10**6), 1e300]


def absurd(path: str, *, stream: bool) -> Iterator[bytes]:
    """Yield an answer that ends, with counts that cannot be."""
    given, taken, total = ABSURD
    counts = {"prompt_tokens": given, "completion_tokens": taken, "total_tokens": total}
    others = {"input_tokens": given, "output_tokens": taken, "total_tokens": total}
    message = {"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}
    output = [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}]
    answers: dict[str, dict[str, Any]] = {
        "/v1/chat/completions": {"choices": [{"message": {"content": "Hi"}}], "usage": counts},
        "/v1/messages": message | {"usage": others},
        "/v1/responses": {"status": "completed", "output": output, "usage": others},
    }
    whole = answers[path]
    if not stream:
        yield orjson.dumps(whole)
        return
    chat = {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}], "usage": counts}
    events: dict[str, list[dict[str, Any]]] = {
        "/v1/chat/completions": [chat],
        "/v1/messages": [{"type": "message_start", "message": whole}, {"type": "message_stop"}],
        "/v1/responses": [{"type": "response.completed", "response": whole}],
    }
    yield _frames(events[path]) + b"data: [DONE]\n\n"


def said(path: str, kind: str, *, stream: bool) -> Iterator[bytes]:
    """Yield what a model of this name says."""
    if kind == "absurd":
        return absurd(path, stream=stream)
    return flood(path, kind) if stream else endless()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        document = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = "text/event-stream" if document.get("stream") else "application/json"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked has had enough
            for piece in said(self.path, document["model"], stream=bool(document.get("stream"))):
                self.wfile.write(piece)
        self.close_connection = True

    def log_message(self, *_: object) -> None: ...


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Run the server, and yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
