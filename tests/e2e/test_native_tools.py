"""Custom tools and namespaces on an upstream that knows them: they go, and come, as they are."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.e2e.answering import WAYS, answered
from tests.e2e.gateway import Gateway
from tests.e2e.wire import Event
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Script

pytestmark = pytest.mark.usefixtures("worker")

Json = dict[str, Any]
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: begin hunk+ end"}
PATCH = {"type": "custom", "name": "patch", "description": "Edits files.", "format": GRAMMAR}
RUN = {"type": "custom", "name": "run", "format": {"type": "text"}, "defer_loading": True}
OPEN = {
    "type": "function",
    "name": "open",
    "description": "Opens.",
    "parameters": {"type": "object", "properties": {}},
    "strict": False,
    "defer_loading": True,
}
FILES = {"type": "namespace", "name": "files", "description": "Files.", "tools": [RUN, OPEN]}
SEARCH = {"type": "tool_search", "execution": "client", "description": "Finds tools."}
SHELL: Json = {"type": "shell", "environment": {"type": "local"}}
CHANGE = {"type": "apply_patch"}
TOOLS = [PATCH, FILES, SEARCH, SHELL, CHANGE, OPEN | {"name": "close"}]
BRINGING = {"type": "additional_tools", "role": "developer", "tools": [FILES, SEARCH]}
TEXT = '*** Begin\n"\\ü😀\t{} *** End'
HELLO = {"role": "user", "content": "Hi"}
CUSTOM: Any = "custom_tool_call"
SEARCHED = {"type": "tool_search_call", "execution": "client", "arguments": {"query": "mail"}}
COMMANDS = {"commands": ["ls"], "timeout_ms": 5000, "max_output_length": None}
RAN = {"type": "shell_call", "action": COMMANDS, "environment": {"type": "local"}}
OPERATION = {"type": "update_file", "path": "a.py", "diff": "@@\n-old\n+new\n"}
CHANGED = {"type": "apply_patch_call", "operation": OPERATION}
CALLS = (
    Call(item=SEARCHED, id="call_s"),
    Call(item=RAN, id="call_l"),
    Call(item=CHANGED, id="call_c"),
    Call(name="patch", arguments=TEXT, type=CUSTOM, id="call_p"),
    Call(name="run", arguments='{"input": "ls"}', type=CUSTOM, namespace="files", id="call_r"),
    Call(name="open", arguments='{"path": "a"}', namespace="files", id="call_o"),
)
AS_SENT = [
    SEARCHED | {"call_id": "call_s"},
    RAN | {"call_id": "call_l"},
    CHANGED | {"call_id": "call_c"},
    {"type": CUSTOM, "call_id": "call_p", "name": "patch", "input": TEXT},
    {"type": CUSTOM, "call_id": "call_r", "name": "run", "namespace": "files"}
    | {"input": '{"input": "ls"}'},
    {"type": "function_call", "call_id": "call_o", "name": "open", "namespace": "files"}
    | {"arguments": '{"path": "a"}'},
]
FOUND: Json = {"type": "tool_search_output", "call_id": "call_s", "execution": "client"}
FOUND |= {"tools": [{"type": "namespace", "name": "mail", "description": "M.", "tools": [OPEN]}]}
GIVEN = {"stdout": "a.py", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}
OUTPUTS = [
    FOUND,
    {"type": "shell_call_output", "call_id": "call_l", "output": [GIVEN]},
    {"type": "apply_patch_call_output", "call_id": "call_c", "output": "done"},
    *(
        {"type": f"{call['type']}_output", "call_id": call["call_id"], "output": "done"}
        for call in AS_SENT[3:]
    ),
]


def check_stream(events: list[Event]) -> None:
    pieces = [
        event["delta"]
        for event in events
        if event["type"] == "response.custom_tool_call_input.delta"
    ]
    assert "".join(pieces) == TEXT + '{"input": "ls"}'


def without_ids(items: list[Json]) -> list[Json]:
    return [
        {name: value for name, value in item.items() if name not in ("id", "status")}
        for item in items
    ]


@pytest.mark.parametrize("how", WAYS)
def test_they_go_and_come_as_they_are_and_continue_on_either_kind_of_server(
    gateway: Gateway, upstream: Upstream, how: str
) -> None:
    tag = f"native {how}"
    asked = {"role": "user", "content": Script(tag=tag, calls=CALLS).text()}
    choice = {"type": "custom", "name": "patch"}
    response = answered(
        gateway, how, [asked], check_stream, model="openai/m", tools=TOOLS, tool_choice=choice
    )
    assert without_ids(response["output"]) == AS_SENT
    assert [item["id"].partition("_")[0] for item in response["output"]] == [
        *("tsc", "sh", "apc", "ctc", "ctc", "fc"),
    ]
    sent = upstream.requests(tag)[-1]["body"]
    assert (sent["tools"], sent["tool_choice"]) == (TOOLS, choice)

    plain = Script(tag=tag, say="Hello.").text()
    for provider in ("openai", "chat"):  # one that knows them, and one that does not
        given: Json = {"model": f"{provider}/{plain}", "tools": TOOLS}
        gateway.create(OUTPUTS, previous_response_id=response["id"], **given)
        told = upstream.requests(tag)[-1]["body"]
        if provider == "openai":
            assert without_ids(told["input"][1:]) == AS_SENT + OUTPUTS
            assert told["tools"] == TOOLS
        else:
            calls = told["messages"][1]["tool_calls"]
            names = [call["function"]["name"] for call in calls]
            assert names == [
                *("tool_search", "shell", "apply_patch"),
                *("patch", "files__run", "files__open"),
            ]
            assert told["tools"][-1]["function"]["name"] == "mail__open"
            assert not {"custom", "namespace"} & {tool["type"] for tool in told["tools"]}


def test_what_a_server_of_functions_has_called_goes_on_as_it_is(
    gateway: Gateway, upstream: Upstream
) -> None:
    tag = "native after chat"
    calls = (Call(name="files__run", arguments='{"input": "ls"}', id="call_1"),)
    first = gateway.create(
        [HELLO], model=f"chat/{Script(tag=tag, calls=calls).text()}", tools=TOOLS
    )
    output = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "done"}
    model = f"openai/{Script(tag=tag, say='Hello.').text()}"
    gateway.create([output], model=model, previous_response_id=first["id"])
    assert upstream.requests(tag)[-1]["body"]["input"][1:] == [
        {"type": CUSTOM, "call_id": "call_1", "name": "run", "namespace": "files", "input": "ls"},
        output,
    ]


def test_an_item_that_brings_tools_goes_where_it_stands(
    gateway: Gateway, upstream: Upstream
) -> None:
    tag = "native additional"
    call = Call(name="run", arguments="ls", type=CUSTOM, namespace="files")
    model = f"openai/{Script(tag=tag, calls=(call,)).text()}"
    choice = {"type": "custom", "name": "run"}
    given: list[Json] = [HELLO, BRINGING, HELLO]
    response = gateway.create(given, model=model, tool_choice=choice, parallel_tool_calls=False)
    sent = upstream.requests(tag)[-1]["body"]
    assert sent["input"][1] == BRINGING
    assert "tools" not in sent
    assert (sent["tool_choice"], sent["parallel_tool_calls"]) == (choice, False)
    (item,) = response["output"]
    assert (item["namespace"], item["name"], item["input"]) == ("files", "run", "ls")


def test_an_item_that_changes_the_configuration_goes_where_it_stands(
    gateway: Gateway, upstream: Upstream
) -> None:
    form = {"type": "json_schema", "name": "n", "schema": {"type": "object", "default": None}}
    update = {"type": "configuration_update", "reasoning": {"effort": "high"}}
    update |= {"text": {"format": form}}
    script = {"role": "user", "content": Script(tag="native update", say="{}").text()}
    reasoning = {"effort": "low"}
    gateway.create([update, script], model="openai/gpt-6.2-sol", reasoning=reasoning)
    gateway.create([update, script], model="openai/gpt-5.6", reasoning=reasoning)
    first, second = (each["body"] for each in upstream.requests("native update"))
    assert (first["input"][0], first["reasoning"]) == (update, reasoning)
    assert "format" not in first.get("text", {})
    assert (second["input"][0]["type"], second["reasoning"]) == ("message", {"effort": "high"})
    assert second["text"] == {"format": form}

    compacting: list[Json] = [update, HELLO, {"type": "compaction_trigger"}]
    gateway.create(compacting, model="openai/gpt-6.2-sol")
    summing_up = upstream.requests()[-1]["body"]
    assert "configuration_update" not in {item["type"] for item in summing_up["input"]}
    assert "text" not in summing_up  # a summary is a plain text


def test_what_is_deferred_is_not_where_nothing_searches_for_it(
    gateway: Gateway, upstream: Upstream
) -> None:
    tag = "native deferred"
    model = f"openai/{Script(tag=tag, say='Hello.').text()}"
    gateway.create([HELLO, BRINGING | {"tools": [FILES]}], model=model, tools=[OPEN])
    sent = upstream.requests(tag)[-1]["body"]
    assert "defer_loading" not in orjson.dumps(sent).decode()


def test_each_candidate_gets_the_tools_in_its_own_form(
    gateway: Gateway, upstream: Upstream
) -> None:
    response = gateway.create([HELLO], model="falls-to-functions", tools=TOOLS)
    (call,) = response["output"]
    assert (call["type"], call["namespace"], call["input"]) == (CUSTOM, "files", "ls")
    sent = upstream.requests("functions")[-1]["body"]["tools"]
    names = [tool["function"]["name"] for tool in sent]
    assert names == [
        *("patch", "files__run", "files__open", "tool_search", "shell", "apply_patch", "close")
    ]
