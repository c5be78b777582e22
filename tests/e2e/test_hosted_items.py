"""A conversation that began where tools are hosted goes on here, on every upstream (R24)."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.e2e.answering import WAYS
from tests.e2e.background import ended
from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.e2e.wire import stream_of
from tests.hosted_items import ITEMS, MCP_CALL, PICTURE
from tests.upstream.client import Upstream
from tests.upstream.script import Script

pytestmark = pytest.mark.usefixtures("worker")

ASKED = {"role": "user", "content": "Will it rain?"}
SOON = {"role": "user", "content": "And tomorrow?"}
GIVEN = [ASKED, *ITEMS, SOON]
WORDS = "searched the web for"


def listed(gateway: Gateway, response_id: str) -> list[dict[str, Any]]:
    path = f"/v1/responses/{response_id}/input_items?order=asc&limit=100"
    items: list[dict[str, Any]] = gateway.call("GET", path).json()["data"]
    return items


@pytest.mark.parametrize("how", WAYS)
def test_what_hosted_tools_did_is_kept_and_read_by_every_model(
    gateway: Gateway, upstream: Upstream, how: str
) -> None:
    scripts = {api: Script(tag=f"hosted {api} {how}", say="No.") for api in APIS}
    first_model, *later = (f"{api}/{script.text()}" for api, script in scripts.items())
    body: dict[str, Any] = {"model": first_model, "input": GIVEN}
    body |= {"background": True} if how == "background" else {"stream": how == "streamed"}
    answer = gateway.call("POST", "/v1/responses", body)
    ignored = answer.headers["X-Ignored-Parameters"].split(",")
    # A search for tools tells a model nothing that has every tool from the start.
    in_words = [item["type"] not in ("tool_search_call", "tool_search_output") for item in ITEMS]
    assert [each.strip() for each in ignored] == [
        f"input[{index}]" for index, is_named in enumerate(in_words, 1) if is_named
    ]
    is_streamed = how == "streamed"
    response_id = stream_of(answer.content).response["id"] if is_streamed else answer.json()["id"]
    if how == "background":
        assert ended(gateway, response_id)["status"] == "completed"
    assert listed(gateway, response_id)[1:-1] == list(ITEMS)

    for model in later:  # another format reads the same conversation
        response = gateway.create("Why?", model=model, previous_response_id=response_id)
        response_id = response["id"]
    assert [each for each in listed(gateway, response_id) if each in ITEMS] == list(ITEMS)
    for script in scripts.values():
        (sent,) = (json.dumps(each["body"]) for each in upstream.requests(script.tag))
        assert WORDS in sent
        assert PICTURE[:20] not in sent


def test_a_stored_item_can_be_referred_to(gateway: Gateway, upstream: Upstream) -> None:
    call = {key: value for key, value in MCP_CALL.items() if key != "id"}
    first = gateway.create([ASKED, call, SOON], model="chat/steady")
    kept = listed(gateway, first["id"])[1]
    assert kept == call | {"id": kept["id"]}
    script = Script(tag="hosted reference", say="No.")
    reference = {"type": "item_reference", "id": kept["id"]}
    second = gateway.create([reference, SOON], model=f"chat/{script.text()}")
    assert listed(gateway, second["id"])[0] == kept
    (sent,) = upstream.requests(script.tag)
    assert "called crm.find_customer" in json.dumps(sent["body"])


def test_openais_client_reads_them(openai_client: openai.OpenAI) -> None:
    given: Any = GIVEN
    response = openai_client.responses.create(model="chat/steady", input=given)
    items = openai_client.responses.input_items.list(response.id, order="asc", limit=100)
    assert [item.type for item in items][1:-1] == [each["type"] for each in ITEMS]


def test_half_of_a_pair_is_refused(gateway: Gateway) -> None:
    halves = [each for each in ITEMS if each["type"].startswith("computer_call")]
    for half in halves:
        body = {"model": "chat/steady", "input": [ASKED, half]}
        refused = gateway.call("POST", "/v1/responses", body)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "input")
