"""What items change of the requests from there on, on every upstream (G3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.answering import WAYS, answered
from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.upstream.client import Upstream
from tests.upstream.script import Script

pytestmark = pytest.mark.usefixtures("worker")

FORMAT = {
    "type": "json_schema",
    "name": "n",
    "description": None,
    "schema": {"type": "object"},
    "strict": None,
}
UPDATE = {
    "type": "configuration_update",
    "reasoning": {"effort": "high"},
    "text": {"format": FORMAT},
}
PARAMETERS = {"reasoning": {"effort": "high"}, "text": {"format": FORMAT}}
HELLO = {"role": "user", "content": "Hi"}
EXEC = {"type": "custom", "name": "exec"}
TOOLS = {"type": "additional_tools", "role": "developer", "tools": [EXEC]}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("provider", APIS)
def test_an_update_is_to_every_upstream_what_the_parameters_are_now_and_later(
    gateway: Gateway, upstream: Upstream, provider: str, how: str
) -> None:
    tag = f"update {provider} {how}"
    model = f"{provider}/{Script(tag=tag, say='{}').text()}"
    answered(gateway, how, [HELLO], model=model, **PARAMETERS)
    baseline = {"reasoning": {"effort": "low"}}
    first = answered(gateway, how, [UPDATE, HELLO], model=model, **baseline)
    assert (first["reasoning"]["effort"], first["text"]["format"]) == ("low", {"type": "text"})
    later = answered(gateway, how, [HELLO], model=model, previous_response_id=first["id"])

    wanted, sent, sent_later = (request["body"] for request in upstream.requests(tag))
    assert sent == wanted
    told = "input" if "input" in wanted else "messages"
    assert sent_later.keys() == wanted.keys()
    changed = {key for key in wanted if sent_later[key] != wanted[key]}
    assert changed == {told}
    listed = gateway.call("GET", f"/v1/responses/{later['id']}/input_items?order=asc").json()
    assert listed["data"][0] == UPDATE | {"id": listed["data"][0]["id"]}


@pytest.mark.parametrize("provider", APIS)
def test_what_no_model_sees_may_continue_a_conversation_and_not_begin_one(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    tag = f"unseen {provider}"
    body: dict[str, Any] = {"model": f"{provider}/{Script(tag=tag, say='Hello.').text()}"}
    unseen: list[dict[str, Any]] = [
        TOOLS,
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
    ]
    for more in ({}, {"background": True}, {"instructions": "Be brief."}):
        refused = gateway.call("POST", "/v1/responses", body | {"input": unseen} | more)
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "input"
    counted = gateway.call("POST", "/v1/responses/input_tokens", {"input": unseen})
    assert counted.status_code == 400

    first = gateway.create([HELLO], **body)
    second = gateway.create(unseen, previous_response_id=first["id"], **body)
    assert second["output_text"] == "Hello."
    assert len(upstream.requests(tag)) == 2


@pytest.mark.parametrize("provider", APIS)
def test_what_items_change_holds_in_a_conversation_that_has_them(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    tag = f"conversation {provider}"
    model = f"{provider}/{Script(tag=tag, say='{}').text()}"
    kept = gateway.call("POST", "/v1/conversations", {"items": [TOOLS, UPDATE]}).json()
    choice = {"tool_choice": {"type": "custom", "name": "exec"}}
    first = gateway.create([HELLO], model=model, conversation=kept["id"], **choice)
    alone = gateway.create([TOOLS, UPDATE, HELLO], model=model, store=False, **choice)
    assert first["output_text"] == alone["output_text"]
    sent, wanted = (request["body"] for request in upstream.requests(tag))
    assert sent == wanted
    refused = gateway.call(
        "POST", "/v1/conversations", {"items": [{"type": "configuration_update", "text": {}}]}
    )
    assert refused.json()["error"]["param"] == "items[0].text.format"
    empty = gateway.call("POST", "/v1/conversations", {}).json()["id"]
    body = {"model": model, "input": [TOOLS], "conversation": empty}
    assert gateway.call("POST", "/v1/responses", body).json()["error"]["param"] == "input"
