"""Searches among tools that the caller runs, on every upstream (G3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.answering import WAYS, answered
from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.e2e.test_custom_tools import as_object, found
from tests.e2e.wire import Event
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Script

pytestmark = pytest.mark.usefixtures("worker")

#: As Codex declares it, and what it sends of what it has found.
SEARCH = {
    "type": "tool_search",
    "execution": "client",
    "description": "Searches over deferred tools.",
    "parameters": {
        "type": "object",
        "properties": {"query": {"type": "string"}, "limit": {"type": "number"}},
        "required": ["query"],
        "additionalProperties": False,
    },
}
LOOK_UP = {
    "type": "function",
    "name": "look_up",
    "description": "Looks up.",
    "parameters": {"type": "object", "properties": {}},
    "strict": False,
    "defer_loading": True,
}
FOUND = [{"type": "namespace", "name": "crm", "description": "Customers.", "tools": [LOOK_UP]}]
ARGUMENTS = {"query": "customers", "limit": 8}
HELLO = {"role": "user", "content": "Hi"}
#: Where a conversation goes on that has begun at another.
OTHER = {"chat": "anthropic", "anthropic": "responses", "responses": "chat"}
EMPTY: dict[str, Any] = {}


def check_stream(events: list[Event]) -> None:
    events = [e for e in events if (e.get("item") or {}).get("id", "")[:4] == "tsc_"]
    shown = [(e["item"]["status"], e["item"]["arguments"]) for e in events]
    assert shown == [("in_progress", EMPTY), ("completed", ARGUMENTS)]


def names_sent(request: dict[str, Any]) -> list[str]:
    return [(tool.get("function") or tool)["name"] for tool in request["body"]["tools"]]


def history(request: dict[str, Any], provider: str) -> tuple[Any, bool]:
    """Return the search's arguments, and whether its output is there, as the upstream has both."""
    body = request["body"]
    told = body.get("messages") or body["input"]
    key = "input" if provider == "anthropic" else "arguments"
    return as_object(found(key, told)[0]), "can be called now: crm__look_up." in json.dumps(told)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("provider", APIS)
def test_a_model_searches_and_calls_what_was_found(
    gateway: Gateway, upstream: Upstream, provider: str, how: str
) -> None:
    tag = f"search {provider} {how}"
    searching = Script(tag=tag, calls=(Call(name="tool_search", arguments=json.dumps(ARGUMENTS)),))
    body = {"model": f"{provider}/{searching.text()}", "tools": [SEARCH]}
    first = answered(gateway, how, [HELLO], check_stream, **body)
    (call,) = (item for item in first["output"] if item["type"] == "tool_search_call")
    assert call == {
        "id": call["id"],
        "type": "tool_search_call",
        "status": "completed",
        "call_id": call["call_id"],
        "execution": "client",
        "arguments": ARGUMENTS,
    }
    assert first["tools"] == [SEARCH]
    assert gateway.get(first["id"]).json()["output"] == first["output"]

    output = {
        "type": "tool_search_output",
        "call_id": call["call_id"],
        "status": "completed",
        "execution": "client",
        "tools": FOUND,
    }
    calling = Script(tag=tag, calls=(Call(name="crm__look_up"),))
    other = OTHER[provider]
    body["model"] = f"{other}/{calling.text()}"
    second = gateway.create([output], previous_response_id=first["id"], **body)
    stateless = gateway.create([HELLO, *first["output"], output], store=False, **body)
    for response in (second, stateless):
        (called,) = (item for item in response["output"] if item["type"] == "function_call")
        assert (called["namespace"], called["name"]) == ("crm", "look_up")

    sent = upstream.requests(tag)
    names = ["tool_search", "crm__look_up"]
    assert [names_sent(each) for each in sent] == [names[:1], names, names]
    assert [history(each, other) for each in sent[1:]] == [(ARGUMENTS, True)] * 2
    listed = gateway.call("GET", f"/v1/responses/{second['id']}/input_items?order=asc").json()
    _, listed_call, listed_output = listed["data"]
    assert listed_call == call
    assert listed_output == output | {"id": listed_output["id"]}
    assert listed_output["id"].startswith("tso_")
