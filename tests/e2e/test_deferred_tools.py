"""Deferred tools and the server's search for them, on upstreams that search for none (G3).

openai-agents runs a call of a deferred function only under the namespace that is its name, Pydantic
AI only behind a search that has found it: as OpenAI's endpoint answers.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.answering import WAYS, answered
from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.e2e.test_namespaces import names_in
from tests.e2e.wire import Event
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Script

pytestmark = pytest.mark.usefixtures("worker")


def function(name: str, *, deferred: bool) -> dict[str, Any]:
    tool = {"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}}
    return tool | ({"defer_loading": True} if deferred else {})


RARE, OTHER = (function(name, deferred=True) for name in ("rare", "other"))
USUAL = function("usual", deferred=False)
TOOLS = [USUAL, RARE, OTHER, {"type": "tool_search"}]
HELLO = {"role": "user", "content": "Hi"}
NEXT = {"chat": "anthropic", "anthropic": "responses", "responses": "chat"}
CALLED = ("usual", "rare", "rare")


def search_of(tool: dict[str, Any], response: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the search's items as they are shown, but for their ids."""
    shown = next(each for each in response["tools"] if each["name"] == tool["name"])
    server = {"status": "completed", "execution": "server", "call_id": None}
    return [
        {"type": "tool_search_call", "arguments": {"paths": [tool["name"]]}} | server,
        {"type": "tool_search_output", "tools": [shown]} | server,
    ]


def without_id(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "id"}


def check_stream(events: list[Event]) -> None:
    begun = [e["item"] for e in events if e["type"] == "response.output_item.added"]
    assert [(item["status"], item["arguments"]) for item in begun[1:2]] == [("in_progress", {})]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("provider", APIS)
def test_the_first_call_of_a_deferred_tool_comes_behind_a_search(
    gateway: Gateway, upstream: Upstream, provider: str, how: str
) -> None:
    tag = f"deferred {provider} {how}"
    script = Script(tag=tag, calls=tuple(Call(name=name) for name in CALLED))
    first = answered(
        gateway, how, [HELLO], check_stream, model=f"{provider}/{script.text()}", tools=TOOLS
    )
    usual, *search, one, two = first["output"]
    assert ("namespace" in usual, usual["name"]) == (False, "usual")
    assert list(map(without_id, search)) == search_of(RARE, first)
    assert [item["id"][:4] for item in search] == ["tsc_", "tso_"]
    assert [(call["name"], call["namespace"]) for call in (one, two)] == [("rare", "rare")] * 2
    assert gateway.get(first["id"]).json()["output"] == first["output"]

    # What was found stays so; the model is never told of a search.
    outputs = [
        {"type": "function_call_output", "call_id": call["call_id"], "output": "4"}
        for call in (usual, one, two)
    ]
    again = Script(tag=tag, calls=(Call(name="rare"), Call(name="other")))
    body = {"model": f"{NEXT[provider]}/{again.text()}", "tools": TOOLS}
    stored = gateway.create(outputs, previous_response_id=first["id"], **body)
    stateless = gateway.create([HELLO, *first["output"], *outputs], store=False, **body)
    for response in (stored, stateless):
        rare, *search, other = response["output"]
        assert list(map(without_id, search)) == search_of(OTHER, response)
        assert (rare["namespace"], other["namespace"]) == ("rare", "other")
    for request in upstream.requests(tag)[1:]:
        names = names_in(request["body"].get("messages") or request["body"]["input"])
        assert names == [*CALLED]
        assert "tool_search" not in json.dumps(request["body"])


def test_a_call_may_come_back_without_its_namespace(gateway: Gateway, upstream: Upstream) -> None:
    tag = "deferred, bare"
    script = Script(tag=tag, calls=(Call(name="rare"),))
    first = gateway.create([HELLO], model=f"chat/{script.text()}", tools=TOOLS)
    call = {key: value for key, value in first["output"][-1].items() if key != "namespace"}
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "4"}
    said = f"chat/{Script(tag=tag, say='Hello.').text()}"
    body = {"model": said, "tools": TOOLS, "previous_response_id": first["id"]}
    gateway.create([call, output], **body)
    told = upstream.requests(tag)[-1]["body"]["messages"]
    assert names_in(told) == ["rare"]
