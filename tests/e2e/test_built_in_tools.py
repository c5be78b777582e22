"""Shells and apply_patch, which callers run, on every upstream (G4, G5)."""

from __future__ import annotations

import json
from collections import Counter
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

LOOK_UP = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}
SHELL = {"type": "shell", "environment": {"type": "local"}}
TOOLS = [SHELL, {"type": "local_shell"}, {"type": "apply_patch"}, LOOK_UP]
DIFF = '@@ def f():\n-\t"a"\n+\t"ü\U0001f600"\n'
SHELL_ARGUMENTS = {"commands": ["ls -l | wc", 'echo "ü"'], "timeout_ms": 5000}
LOCAL_ARGUMENTS = {"command": ["ls"], "env": {"A": "b"}}
OPERATION = {"type": "update_file", "path": "src/a.py", "diff": DIFF}
WRITTEN = {
    "shell": SHELL_ARGUMENTS,
    "look_up": {"a": 1},
    "apply_patch": {"operation": OPERATION},
    "local_shell": LOCAL_ARGUMENTS,
}
GAVE = [{"stdout": "3\n", "stderr": "hm", "outcome": {"type": "exit", "exit_code": 1}}]
HELLO = {"role": "user", "content": "Hi"}
#: Where a conversation goes on that has begun at another.
OTHER = {"chat": "anthropic", "anthropic": "responses", "responses": "chat"}


def check_stream(events: list[Event]) -> None:
    count = Counter(event["type"].removeprefix("response.") for event in events)
    assert count["shell_call_command.added"] == count["shell_call_command.done"] == 2
    assert count["apply_patch_call_operation_diff.done"] == 1
    pieces = [
        event["delta"]
        for event in events
        if event["type"] == "response.apply_patch_call_operation_diff.delta"
    ]
    assert "".join(pieces) == DIFF


def shown(item: dict[str, Any]) -> tuple[Any, ...]:
    what = item.get("action") or item.get("operation") or item.get("arguments")
    return item["type"], item["id"].partition("_")[0], item["status"], what


def outputs_for(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what agents send back, each in its own form."""
    shell, look_up, patch, local = (call["call_id"] for call in calls)
    return [
        {"type": "shell_call_output", "call_id": shell, "output": GAVE, "max_output_length": 9},
        {"type": "function_call_output", "call_id": look_up, "output": "none"},
        {
            "type": "apply_patch_call_output",
            "call_id": patch,
            "status": "failed",
            "output": "no such file",
        },
        {"type": "local_shell_call_output", "id": local, "output": "a.py"},
    ]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("provider", APIS)
def test_calls_come_as_items_of_their_own_and_go_back_as_calls_of_functions(
    gateway: Gateway, upstream: Upstream, provider: str, how: str
) -> None:
    tag = f"built-in-{provider}-{how}"
    calls = tuple(Call(name=name, arguments=json.dumps(each)) for name, each in WRITTEN.items())
    upstream.arm(Script(tag=tag, calls=calls), model=tag)  # an id of a model holds less
    response = answered(gateway, how, [HELLO], check_stream, model=f"{provider}/{tag}", tools=TOOLS)
    made = [item for item in response["output"] if item["type"].endswith("_call")]
    assert [shown(item) for item in made[:1] + made[2:]] == [
        ("shell_call", "sh", "completed", SHELL_ARGUMENTS | {"max_output_length": None}),
        ("apply_patch_call", "apc", "completed", OPERATION),
        ("local_shell_call", "lsh", "completed", {"type": "exec"} | LOCAL_ARGUMENTS),
    ]
    assert [item["type"] for item in made] == [
        "shell_call",
        "function_call",
        "apply_patch_call",
        "local_shell_call",
    ]
    assert response["tools"][:3] == TOOLS[:3]
    assert gateway.get(response["id"]).json()["output"] == response["output"]

    outputs, other = outputs_for(made), OTHER[provider]
    plain = f"{other}/{Script(tag=tag, say='Hello.').text()}"
    second = gateway.create(outputs, model=plain, previous_response_id=response["id"])
    gateway.create([HELLO, *response["output"], *outputs], model=plain, tools=TOOLS, store=False)
    first, *later = upstream.requests(tag)
    names = [(tool.get("function") or tool)["name"] for tool in first["body"]["tools"]]
    assert names == ["shell", "local_shell", "apply_patch", "look_up"]
    for request in later:
        told = request["body"].get("messages") or request["body"]["input"]
        arguments = found("input" if other == "anthropic" else "arguments", told)
        assert [as_object(each) for each in arguments] == list(WRITTEN.values())
        written = json.dumps(told)
        for text in ("[exit code 1]", "Failed: no such file", "a.py"):
            assert text in written

    listed = gateway.call("GET", f"/v1/responses/{second['id']}/input_items?order=asc").json()
    items = listed["data"][-8:]
    assert items[:4] == made
    assert [item["type"] for item in items[4:]] == [output["type"] for output in outputs]
    assert items[4]["output"] == GAVE
    assert items[7]["call_id"] == made[3]["call_id"]


@pytest.mark.parametrize("provider", APIS)
def test_one_tool_can_be_demanded_and_a_call_that_is_broken_can_be_answered(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    tag = f"built-in broken {provider}"
    script = Script(tag=tag, calls=(Call(name="apply_patch", arguments='{"operation": {}}'),))
    choice = {"type": "apply_patch"}
    response = gateway.create(
        [HELLO], model=f"{provider}/{script.text()}", tools=TOOLS, tool_choice=choice
    )
    assert response["tool_choice"] == choice
    assert "apply_patch" in found("name", upstream.requests(tag)[-1]["body"]["tool_choice"])
    (call,) = (item for item in response["output"] if item["type"] == "apply_patch_call")
    assert call["operation"]["type"] == "update_file"
    assert as_object(call["operation"]["diff"]) == {"operation": {}}
    failed = {"type": "apply_patch_call_output", "call_id": call["call_id"], "status": "failed"}
    plain = f"{provider}/{Script(tag=tag, say='Sorry.').text()}"
    second = gateway.create([failed], model=plain, previous_response_id=response["id"])
    assert second["status"] == "completed"
