"""Functions of namespaces, on upstreams that know none (G2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.answering import WAYS, answered
from tests.e2e.config import APIS
from tests.e2e.gateway import Gateway
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Script

pytestmark = pytest.mark.usefixtures("worker")

LOOK_UP = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}
LONG = "n" * 64
TOOLS = [
    LOOK_UP,
    {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [LOOK_UP]},
    {"type": "namespace", "name": LONG, "description": "Long.", "tools": [LOOK_UP]},
]
CALLED = [(None, "look_up"), ("crm", "look_up"), (LONG, "look_up")]
HELLO = {"role": "user", "content": "Hi"}


def calls_of(response: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in response["output"] if item["type"] == "function_call"]


def names_in(part: Any) -> list[str]:
    """Return whatever is called `name` in a part of an upstream's request, in order."""
    if isinstance(part, list):
        return [name for each in part for name in names_in(each)]
    if not isinstance(part, dict):
        return []
    own = [part["name"]] if isinstance(part.get("name"), str) else []
    return own + [name for each in part.values() for name in names_in(each)]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("provider", APIS)
def test_their_calls_come_and_go_by_their_own_names(
    gateway: Gateway, upstream: Upstream, provider: str, how: str
) -> None:
    tag = f"namespaces {provider} {how}"
    plain = f"{provider}/{Script(tag=tag, say='Hello.').text()}"
    gateway.create([HELLO], model=plain, tools=TOOLS)
    sent = names_in(upstream.requests(tag)[-1]["body"]["tools"])
    assert len(set(sent)) == len(TOOLS)
    assert max(map(len, sent)) == 64

    script = Script(tag=tag, calls=tuple(Call(name=name) for name in sent))
    response = answered(gateway, how, [HELLO], model=f"{provider}/{script.text()}", tools=TOOLS)
    calls = calls_of(response)
    assert [(call.get("namespace"), call["name"]) for call in calls] == CALLED
    assert [tool["name"] for tool in response["tools"]] == ["look_up", "crm", LONG]
    assert calls_of(gateway.get(response["id"]).json()) == calls

    outputs = [
        {"type": "function_call_output", "call_id": call["call_id"], "output": "found"}
        for call in calls
    ]
    gateway.create(outputs, model=plain, previous_response_id=response["id"])
    gateway.create([HELLO, *calls, *outputs], model=plain, tools=TOOLS)
    for request in upstream.requests(tag)[-2:]:
        body = request["body"]
        assert names_in(body.get("messages") or body["input"]) == sent
