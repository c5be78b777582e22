"""A server that refuses calls without the reasoning before them gets it, stored or sent back (U16).

DeepSeek's rules: "The `content[].thinking` in the thinking mode must be passed back to the API."
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

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}}
IDS = ("call_00_a", "call_01_b")


class _Handler(BaseHTTPRequestHandler):
    """Thinks and calls twice; then it wants its thought before the calls, and their outputs."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        messages = "messages" in body
        seen = _of_messages(body["messages"]) if messages else _of_responses(body["input"])
        is_fit = seen in (["user"], ["user", "thought", *IDS, "output", "output"])
        answer = (_message if messages else _response)(len(seen) == 1)
        sent = orjson.dumps(answer if is_fit else {"error": {"message": f"no thought: {seen}"}})
        self.send_response(200 if is_fit else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _of_messages(messages: list[Json]) -> list[str]:
    return [_short(block, "thinking") for message in messages for block in message["content"]]


def _of_responses(items: list[Json]) -> list[str]:
    return [_short(item | (item.get("content") or [{}])[0], "text") for item in items]


def _short(given: Json, text: str) -> str:
    if given["type"] in ("text", "input_text"):
        return "user"
    if given["type"] in ("tool_use", "function_call"):
        return str(given.get("call_id") or given["id"])
    if given["type"] in ("tool_result", "function_call_output"):
        return "output"
    return "thought" if given[text] == "Two of them." else "?"


def _message(calls: bool) -> Json:
    thinking = {"type": "thinking", "thinking": "Two of them."}
    uses = [{"type": "tool_use", "id": each, "name": "f", "input": {}} for each in IDS]
    content = [thinking, *uses] if calls else [{"type": "text", "text": "Done"}]
    return {
        "type": "message",
        "content": content,
        "stop_reason": "tool_use" if calls else "end_turn",
    }


def _response(calls: bool) -> Json:
    text = [{"type": "reasoning_text", "text": "Two of them."}]
    reasoning = {"type": "reasoning", "summary": [], "content": text, "encrypted_content": "a-uuid"}
    made = [
        {"type": "function_call", "call_id": each, "name": "f", "arguments": "{}"} for each in IDS
    ]
    said = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Done"}],
    }
    return {
        "object": "response",
        "status": "completed",
        "output": [reasoning, *made] if calls else [said],
    }


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@pytest.fixture
def client(redis_url: str, base_url: str) -> FlaskClient:
    apis: dict[str, Any] = {"a": "anthropic_messages", "r": "responses"}
    app = create_app(
        Settings(
            providers=tuple(
                ProviderSettings(name=name, api=api, base_url=base_url, profile="deepseek")
                for name, api in apis.items()
            ),
            redis=RedisSettings(url=redis_url, prefix="wanted_reasoning:"),
            log_level="CRITICAL",
        )
    )
    return client_of(app)


def ask(client: FlaskClient, **body: Any) -> Json:
    answer = client.post("/v1/responses", json={"tools": [TOOL]} | body)
    assert answer.status_code == 200, answer.get_data()
    return dict(orjson.loads(answer.get_data()))


@pytest.mark.parametrize("include", [[], ["reasoning.encrypted_content"]], ids=["", "sealed"])
@pytest.mark.parametrize("stored", [True, False], ids=["stored", "sent back"])
@pytest.mark.parametrize("model", ["a/deepseek-v4-flash", "r/deepseek-v4-flash"])
def test_calls_are_answered_with_the_reasoning_before_them(
    client: FlaskClient, model: str, stored: bool, include: list[str]
) -> None:
    begins: Json = {"type": "message", "role": "user", "content": "Hi"}
    fields: Json = {"model": model, "store": stored, "include": include}
    first = ask(client, input=[begins], **fields)
    assert [item["type"] for item in first["output"]] == ["reasoning"] + ["function_call"] * 2
    outputs: list[Json] = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": "1"}
        for item in first["output"][1:]
    ]
    if stored:
        second = ask(client, input=outputs, previous_response_id=first["id"], **fields)
    else:
        second = ask(client, input=[begins, *first["output"], *outputs], **fields)
    assert second["output_text"] == "Done"
