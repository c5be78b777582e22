"""Custom tools, on upstreams that know functions only (G1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.answering import WAYS, answered
from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.e2e.wire import Event
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Script

pytestmark = pytest.mark.usefixtures("worker")

GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: begin hunk+ end"}
PATCH = {"type": "custom", "name": "patch", "description": "Edits files.", "format": GRAMMAR}
SHELL = {"type": "custom", "name": "run", "description": None, "format": {"type": "text"}}
TOOLS = [PATCH, {"type": "namespace", "name": "files", "description": "Files.", "tools": [SHELL]}]
TEXT = '*** Begin\n"\\ü\U0001f600\t*** End'
ASCII = json.dumps({"input": TEXT})
PLAIN = "ls -l | head"
HELLO = {"role": "user", "content": "Hi"}


def calls_of(response: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in response["output"] if item["type"] == "custom_tool_call"]


def keys_of(call: dict[str, Any]) -> tuple[Any, ...]:
    return call.get("namespace"), call["name"], call["input"], call["status"], call["id"][:4]


def found(key: str, part: Any) -> list[Any]:
    """Return whatever stands under a key in a part of an upstream's request, in order."""
    if isinstance(part, list):
        return [each for inner in part for each in found(key, inner)]
    if not isinstance(part, dict):
        return []
    own = [part[key]] if key in part else []
    others = [each for name, each in part.items() if name != key]
    return own + found(key, others)


def as_object(arguments: Any) -> Any:
    return json.loads(arguments) if isinstance(arguments, str) else arguments


def check_stream(events: list[Event]) -> None:
    pieces = [
        event["delta"]
        for event in events
        if event["type"] == "response.custom_tool_call_input.delta"
    ]
    assert "".join(pieces) == TEXT + PLAIN


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("provider", APIS)
def test_their_calls_come_as_text_and_go_back_as_calls_of_functions(
    gateway: Gateway, upstream: Upstream, provider: str, how: str
) -> None:
    tag = f"custom {provider} {how}"
    text = json.dumps({"input": PLAIN})
    script = Script(
        tag=tag,
        calls=(Call(name="patch", arguments=ASCII), Call(name="files__run", arguments=text)),
    )
    response = answered(
        gateway, how, [HELLO], check_stream, model=f"{provider}/{script.text()}", tools=TOOLS
    )
    calls = calls_of(response)
    assert [keys_of(call) for call in calls] == [
        (None, "patch", TEXT, "completed", "ctc_"),
        ("files", "run", PLAIN, "completed", "ctc_"),
    ]
    assert response["tools"] == TOOLS
    assert calls_of(gateway.get(response["id"]).json()) == calls
    sent = upstream.requests(tag)[-1]["body"]["tools"]
    assert found("name", sent) == ["patch", "files__run"]
    assert GRAMMAR["definition"] in found("description", sent)[0]
    assert found("required", sent) == [["input"], ["input"]]

    outputs = [
        {"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "done"}
        for call in calls
    ]
    plain = f"{provider}/{Script(tag=tag, say='Hello.').text()}"
    next_one = gateway.create(outputs, model=plain, previous_response_id=response["id"])
    gateway.create([HELLO, *calls, *outputs], model=plain, tools=TOOLS)
    for request in upstream.requests(tag)[-2:]:
        told = request["body"].get("messages") or request["body"]["input"]
        arguments = found("input", told) if provider == "anthropic" else found("arguments", told)
        assert [as_object(each) for each in arguments] == [{"input": TEXT}, {"input": PLAIN}]
    listed = gateway.call("GET", f"/v1/responses/{next_one['id']}/input_items?order=asc").json()
    assert [item["type"] for item in listed["data"]] == [
        "message",
        *("custom_tool_call",) * 2,
        *("custom_tool_call_output",) * 2,
    ]


@pytest.mark.parametrize("provider", APIS)
def test_a_model_that_writes_plain_text_is_understood_and_one_tool_can_be_demanded(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    tag = f"custom plain {provider}"
    script = Script(tag=tag, calls=(Call(name="patch", arguments='{"command": "ls"}'),))
    choice = {"type": "custom", "name": "patch"}
    response = gateway.create(
        [HELLO], model=f"{provider}/{script.text()}", tools=TOOLS, tool_choice=choice
    )
    assert [as_object(call["input"]) for call in calls_of(response)] == [{"command": "ls"}]
    assert response["tool_choice"] == choice
    assert "patch" in found("name", upstream.requests(tag)[-1]["body"]["tool_choice"])
