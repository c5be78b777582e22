"""Servers get a model's reasoning back with its calls, each in its own form (U16).

The forms are those that each server reads; see app/providers/profiles.
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
from app.settings import Api, ProviderSettings, RedisSettings, Settings
from tests.contract.clients import client_of

Json = dict[str, Any]

THOUGHT = "A city is needed."
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
PART = {
    "type": "thinking",
    "thinking": [{"type": "text", "text": THOUGHT}],
    "closed": True,
    "signature": "c2ln",
}
TEXT = [{"type": "reasoning_text", "text": THOUGHT}]
SUMMARY = [{"type": "summary_text", "text": THOUGHT}]
#: What each server sends of its reasoning, and what it has to get of it, by profile and format.
SERVERS: dict[tuple[str, Api], tuple[Json, Json]] = {
    ("llamacpp", "responses"): (
        {
            "type": "reasoning",
            "id": "rs_x",
            "summary": [],
            "content": TEXT,
            "encrypted_content": "",
        },
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": TEXT},
    ),
    ("sglang", "responses"): (
        {"type": "reasoning", "id": "rs_x", "summary": SUMMARY, "content": TEXT},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": TEXT},
    ),
    ("vllm", "responses"): (
        {"type": "reasoning", "id": "rs_x", "summary": [], "content": TEXT},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": TEXT},
    ),
    ("ollama", "responses"): (
        {"type": "reasoning", "id": "rs_x", "summary": SUMMARY, "encrypted_content": THOUGHT},
        {"type": "reasoning", "id": "rs_x", "summary": SUMMARY, "encrypted_content": THOUGHT},
    ),
    ("llamacpp", "anthropic_messages"): (
        {"type": "thinking", "thinking": THOUGHT, "signature": ""},
        {"type": "thinking", "thinking": THOUGHT, "signature": ""},
    ),
    ("ollama", "anthropic_messages"): (
        {"type": "thinking", "thinking": THOUGHT},
        {"type": "thinking", "thinking": THOUGHT, "signature": ""},
    ),
    ("vllm", "anthropic_messages"): (
        {"type": "thinking", "thinking": THOUGHT, "signature": "a-uuid"},
        {"type": "thinking", "thinking": THOUGHT, "signature": "a-uuid"},
    ),
    ("mistral", "chat_completions"): ({"content": [PART]}, PART),
    ("groq", "chat_completions"): ({"reasoning": THOUGHT}, {"reasoning": THOUGHT}),
    ("ollama", "chat_completions"): ({"reasoning": THOUGHT}, {"reasoning": THOUGHT}),
    ("vllm", "chat_completions"): ({"reasoning": THOUGHT}, {"reasoning": THOUGHT}),
    ("llamacpp", "chat_completions"): (
        {"reasoning_content": THOUGHT},
        {"reasoning_content": THOUGHT},
    ),
}


class _Server(ThreadingHTTPServer):
    """Answers each path in its format with `reasoning` and a call, and keeps what it was sent."""

    reasoning: Json
    sent: list[Json]


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.sent.append(body)
        answer = orjson.dumps(_answer(self.path, self.server.reasoning))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _answer(path: str, reasoning: Json) -> Json:
    if path.endswith("/responses"):
        return {"object": "response", "status": "completed", "output": [reasoning, CALL]}
    if path.endswith("/messages"):
        call = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
        return {"type": "message", "content": [reasoning, call], "stop_reason": "tool_use"}
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    message = {"role": "assistant", "content": "", "tool_calls": calls} | reasoning
    return {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}


@pytest.fixture(scope="module")
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def client(server: _Server, redis_url: str, profile: str, api: Api) -> FlaskClient:
    base_url = f"http://127.0.0.1:{server.server_port}/v1"
    app = create_app(
        Settings(
            providers=(
                ProviderSettings(
                    name="p", api=api, base_url=base_url, profile=profile, quirks={"whole": True}
                ),
            ),
            redis=RedisSettings(url=redis_url, prefix="returned_reasoning:"),
            log_level="CRITICAL",
        )
    )
    return client_of(app)


def _returned(body: Json) -> list[Json]:
    """Return the turn of the assistant that a server was sent, without the call itself."""
    if "input" in body:
        kinds = ("message", "function_call", "function_call_output")
        return [item for item in body["input"] if item["type"] not in kinds]
    (turn,) = (message for message in body["messages"] if message["role"] == "assistant")
    if isinstance(turn["content"], list):
        return [block for block in turn["content"] if block["type"] != "tool_use"]
    known = ("role", "content", "tool_calls")
    return [{name: value for name, value in turn.items() if name not in known}]


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "sent back"])
@pytest.mark.parametrize(
    ("profile", "api"), SERVERS, ids=[f"{profile}-{api}" for profile, api in SERVERS]
)
def test_a_call_is_answered_with_the_reasoning_before_it(
    client: FlaskClient, server: _Server, profile: str, api: Api, stored: bool
) -> None:
    server.reasoning, wanted = SERVERS[profile, api]
    server.sent = []
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
    begins: Json = {"type": "message", "role": "user", "content": "Hi"}
    fields: Json = {
        "model": "p/qwen3",
        "tools": [tool],
        "store": stored,
        "include": [] if stored else ["reasoning.encrypted_content"],
    }
    first = client.post("/v1/responses", json={"input": [begins]} | fields).get_json()
    assert [item["type"] for item in first["output"]] == ["reasoning", "function_call"]
    assert [each["text"] for each in first["output"][0]["summary"]] == [THOUGHT]
    output = {"type": "function_call_output", "call_id": "c1", "output": "Oslo"}
    if stored:
        more = {"input": [output], "previous_response_id": first["id"]}
    else:
        more = {"input": [begins, *first["output"], output]}
    client.post("/v1/responses", json=more | fields)
    assert _returned(server.sent[-1]) == [wanted]
