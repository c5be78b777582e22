"""Reasoning that its own upstream does not take back is left out, and the answer is had (U11).

A signature is bound to what stood before it, to the model and to the account: other instructions,
other tools, a changed organisation, and every later turn of the conversation would be refused.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from app.settings import ProviderSettings, RedisSettings, Settings
from tests.contract.clients import client_of

Json = dict[str, Any]

SIGNATURE = "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to"
REFUSALS: dict[str, Json] = {
    "a": {"type": "error", "error": {"type": "invalid_request_error", "message": SIGNATURE}},
    "r": {
        "error": {
            "message": "The encrypted content gAAA...DQ== could not be verified.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_encrypted_content",
        }
    },
}
THOUGHT: dict[str, Json] = {
    "a": {"type": "thinking", "thinking": "Hm", "signature": "THE-SEAL"},
    "r": {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "THE-SEAL"},
}
WORDS: dict[str, Json] = {
    "a": {"type": "text", "text": "Hello"},
    "r": {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
    },
}
MODELS = {"a": "a/claude-opus-5-5", "r": "r/o4-mini"}


class _Server(ThreadingHTTPServer):
    """Answers with a thought and a word; `refuses` it where it is asked with its own thought."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refuses = True
        self.sent: list[bytes] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.sent.append(body)
        name = "a" if self.path.endswith("/messages") else "r"
        is_refused = self.server.refuses and b"THE-SEAL" in body
        self._answer(400, REFUSALS[name]) if is_refused else self._answer(200, _answer(name))

    def _answer(self, status: int, body: Json) -> None:
        sent = orjson.dumps(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _answer(name: str) -> Json:
    output = [THOUGHT[name], WORDS[name]]
    if name == "a":
        return {"type": "message", "content": output, "stop_reason": "end_turn"}
    return {"object": "response", "status": "completed", "output": output}


@pytest.fixture(scope="module")
def server() -> Iterator[_Server]:
    with _Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def client(redis_url: str, server: _Server) -> FlaskClient:
    server.refuses, server.sent = True, []
    base_url = f"http://127.0.0.1:{server.server_port}/v1"
    messages = ProviderSettings(name="a", api="anthropic_messages", base_url=base_url)
    openai = ProviderSettings(name="r", api="responses", base_url=base_url, profile="openai")
    app = create_app(
        Settings(
            providers=(messages, openai),
            redis=RedisSettings(url=redis_url, prefix="refused_reasoning:"),
            log_level="CRITICAL",
        )
    )
    return client_of(app)


def ask(client: FlaskClient, name: str, given: Any, *, stream: bool = False, **more: Any) -> Json:
    body = {"model": MODELS[name], "input": given, "reasoning": {"effort": "low"}, "stream": stream}
    answer = client.post("/v1/responses", json=body | more)
    assert answer.status_code == 200, answer.get_data()
    if not stream:
        return dict(orjson.loads(answer.get_data()))
    *_, last = (line for line in answer.get_data().splitlines() if line.startswith(b"data: {"))
    return dict(orjson.loads(last[6:])["response"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", MODELS)
def test_a_turn_goes_on_without_the_reasoning_that_is_refused(
    client: FlaskClient, server: _Server, name: str, stream: bool
) -> None:
    first = ask(client, name, "Hi", instructions="Be brief.")
    goes_on: Json = {"previous_response_id": first["id"], "instructions": "Be long."}
    second = ask(client, name, "And?", stream=stream, **goes_on)
    assert second["status"] == "completed"
    assert second["output_text"] == "Hello"
    assert [b"THE-SEAL" in body for body in server.sent] == [False, True, False]
    assert b"Hello" in server.sent[-1]


@pytest.mark.parametrize("name", MODELS)
def test_reasoning_that_is_taken_back_is_sent_once(
    client: FlaskClient, server: _Server, name: str
) -> None:
    server.refuses = False
    first = ask(client, name, "Hi")
    ask(client, name, "And?", previous_response_id=first["id"])
    assert [b"THE-SEAL" in body for body in server.sent] == [False, True]


def test_a_refusal_that_speaks_of_reasoning_where_none_was_sent_is_the_callers(
    client: FlaskClient, server: _Server
) -> None:
    body = {"model": MODELS["a"], "input": "THE-SEAL"}
    answer = client.post("/v1/responses", json=body)
    assert answer.status_code == 400
    assert answer.get_json()["error"]["code"] == "invalid_encrypted_content"
    assert len(server.sent) == 1
