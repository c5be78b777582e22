"""Tools that an item of the input brings, on every upstream (G3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.answering import WAYS, answered
from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Script

pytestmark = pytest.mark.usefixtures("worker")

EXEC = {"type": "custom", "name": "exec", "description": "Runs.", "format": {"type": "text"}}
FUNCTIONS = {"type": "namespace", "name": "functions", "description": "F.", "tools": [EXEC]}
BRINGING = {"type": "additional_tools", "role": "developer", "tools": [FUNCTIONS]}
HELLO = {"role": "user", "content": "Hi"}
CHOICE = {"type": "custom", "name": "exec"}


def names_sent(request: dict[str, Any]) -> list[str]:
    return [(tool.get("function") or tool)["name"] for tool in request["body"]["tools"]]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("provider", APIS)
def test_a_model_calls_what_an_item_has_brought_now_and_later(
    gateway: Gateway, upstream: Upstream, provider: str, how: str
) -> None:
    tag = f"additional {provider} {how}"
    script = Script(tag=tag, calls=(Call(name="functions__exec", arguments='{"input": "ls"}'),))
    scripted = f"{provider}/{script.text()}"
    first = answered(gateway, how, [BRINGING, HELLO], model=scripted, tool_choice=CHOICE)
    (call,) = (item for item in first["output"] if item["type"] == "custom_tool_call")
    assert (call["namespace"], call["name"], call["input"]) == ("functions", "exec", "ls")
    assert (first["tools"], first["tool_choice"]) == ([], CHOICE)

    output = {"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "a"}
    body = {"model": scripted, "previous_response_id": first["id"], "tool_choice": CHOICE}
    second = answered(gateway, how, [output], **body)
    assert [item["type"] for item in second["output"]] == ["custom_tool_call"]

    sent = upstream.requests(tag)
    assert [names_sent(request) for request in sent] == [["functions__exec"]] * 2
    assert all("additional_tools" not in json.dumps(request["body"]) for request in sent)
    listed = gateway.call("GET", f"/v1/responses/{second['id']}/input_items?order=asc").json()
    brought, *_ = listed["data"]
    assert brought == BRINGING | {"id": brought["id"]}
    assert brought["id"].startswith("at_")


@pytest.mark.parametrize("provider", APIS)
def test_a_search_of_the_web_is_left_out_beside_what_an_item_brings_now_and_later(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    tag = f"search beside {provider}"
    body: dict[str, Any] = {
        "model": f"{provider}/{Script(say='Hello.', tag=tag).text()}",
        "tools": [{"type": "web_search"}],
    }
    first = gateway.create([BRINGING, HELLO], **body)
    gateway.create([HELLO], previous_response_id=first["id"], **body)
    assert [names_sent(request) for request in upstream.requests(tag)] == [["functions__exec"]] * 2

    alone = gateway.create([HELLO], model=body["model"])
    for path in ("/v1/responses", "/v1/responses/input_tokens"):
        given = body | {"input": [HELLO], "previous_response_id": alone["id"]}
        refused = gateway.call("POST", path, given)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tools[0].type")


def test_a_choice_that_no_turn_has_brought_is_refused(gateway: Gateway) -> None:
    model = f"chat/{Script(say='Hello.').text()}"
    first = gateway.create([BRINGING, HELLO], model=model)
    body = {
        "model": model,
        "input": "Hi",
        "previous_response_id": first["id"],
        "tool_choice": {"type": "function", "name": "exec"},
    }
    refused = gateway.call("POST", "/v1/responses", body)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "tool_choice"
